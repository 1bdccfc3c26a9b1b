"""What tasks are given: ends of channels with what wakes them, streams, inputs, mutexes, states and
numbers."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence

from questv.kernel.info import FIRST_DEVICE_VECTOR
from questv.metal.types import F32, F64
from questv.plan import addresses, devices, virtual
from questv.plan.doorbells import Bells
from questv.plan.model import CallPlan, ChannelPlan, EndPlan, MutexPlan, PeerPlan, StreamPlan
from questv.plan.objects import PROCESS_TABLES, ROLES, TABLES, ObjectTable, Role
from questv.plan.processes import PlannedProcess
from questv.plan.programs import Program
from questv.plan.sandboxes import BOTTOM_HALF, PlannedSandbox, PlannedTask, TaskSandbox
from questv.plan.virtual import ChannelAddresses
from questv.system.description import Description, OwnState
from questv.system.model import Channel, Device, Input, Mutex
from questv.system.tasks import ParameterKind


class Ends:
    """All ends of all sandboxes."""

    def __init__(
        self,
        description: Description,
        sandboxes: Sequence[PlannedSandbox],
        channels: Mapping[str, ChannelPlan],
    ) -> None:
        """Work out every end, and every task's arguments."""
        self._channels = channels
        self._models = {channel.name: channel for channel in description.system.channels}
        self._cores = description.cores
        self.bells = Bells(description, channels.values())
        self._ends: dict[str, list[EndPlan]] = {}
        self._streams: dict[str, list[StreamPlan]] = {}
        self._mutexes: dict[str, list[MutexPlan]] = {}
        self._process_inputs: dict[str, list[tuple[Input, int]]] = {}
        self._calls: dict[tuple[str, int], tuple[CallPlan, CallPlan | None]] = {}
        for sandbox in sandboxes:
            self._ends[sandbox.name], self._streams[sandbox.name] = [], []
            self._mutexes[sandbox.name] = []
            if isinstance(sandbox, TaskSandbox):
                self._work_out(sandbox)

    def of(self, sandbox: str) -> tuple[EndPlan, ...]:
        """The ends in one sandbox."""
        return tuple(self._ends[sandbox])

    def streams(self, sandbox: str) -> tuple[StreamPlan, ...]:
        """The streams in one sandbox."""
        return tuple(self._streams[sandbox])

    def mutexes(self, sandbox: str) -> tuple[MutexPlan, ...]:
        """The mutexes in one sandbox."""
        return tuple(self._mutexes[sandbox])

    def calls(self, sandbox: TaskSandbox, task: int) -> tuple[CallPlan, CallPlan | None]:
        """How a task's function is called, and the one that initializes it, if there is one."""
        return self._calls[sandbox.name, task]

    def input_object(self, sandbox: TaskSandbox, index: int) -> int:
        """Where a kernel keeps its ``Input`` number ``index``."""
        return _object(sandbox.program, TABLES[ParameterKind.INPUT], index)

    def process_inputs(self, process: PlannedProcess) -> list[tuple[Input, int]]:
        """The inputs of a process, and where it keeps its ``Input`` for each."""
        return self._process_inputs[process.program.name]

    def _work_out(self, sandbox: TaskSandbox) -> None:
        ends: list[EndPlan] = []
        streams: list[StreamPlan] = []
        users: defaultdict[str, list[int]] = defaultdict(list)
        kernel = _Objects(sandbox.program, TABLES, addresses.KERNEL_CHANNELS)
        halves = {
            task.placed.device.name: index
            for index, task in enumerate(sandbox.tasks)
            if task.placed.device is not None
        }
        for index, task in enumerate(sandbox.tasks):
            if task.is_bottom_half:
                continue
            if task.moves_others:
                call = CallPlan(symbol=task.symbol, arguments=(task.placed.vcpu_period,))
                self._calls[sandbox.name, index] = call, None
                continue
            objects, process = kernel, task.process
            own_ends = 0
            if process is not None:
                areas = process.base + addresses.PROCESS_CHANNELS
                objects = _Objects(process.program, PROCESS_TABLES, areas)
                self._process_inputs[process.program.name] = []
            states = {state.name: state.address for state in task.states}
            values: dict[str, int | float] = {}
            for name, argument in task.bound.arguments.items():
                kind = task.bound.signature.parameters[name]
                if isinstance(argument, OwnState):
                    values[name] = states[name]
                elif isinstance(argument, int | float):
                    values[name] = argument
                elif isinstance(argument, Input) and process is not None:
                    where = objects.take(kind)
                    values[name] = where
                    self._process_inputs[process.program.name].append((argument, where))
                elif isinstance(argument, Input):
                    values[name] = self.input_object(sandbox, sandbox.model.inputs.index(argument))
                elif isinstance(argument, Mutex):
                    users[argument.name].append(index)
                    values[name] = _mutex_object(sandbox, argument)
                else:
                    where = objects.take(kind)
                    values[name] = where
                    if isinstance(argument, Device):
                        half = halves.get(argument.name)
                        stream = _stream(sandbox, argument, index, half, where, len(streams))
                        streams.append(stream)
                        continue
                    wait = 0 if process is None else process.wait(own_ends)
                    own_ends += 1
                    ends.append(
                        self._end(sandbox, argument, ROLES[kind], index, where, wait, objects.areas)
                    )
            self._calls[sandbox.name, index] = _calls(task, values)
        for stream in streams:
            if stream.bottom_half is not None:
                call = CallPlan(symbol=BOTTOM_HALF, arguments=(stream.object,))
                self._calls[sandbox.name, stream.bottom_half] = (call, None)
        self._ends[sandbox.name] = ends
        self._streams[sandbox.name] = streams
        self._mutexes[sandbox.name] = [
            MutexPlan(
                name=mutex.name,
                object=_mutex_object(sandbox, mutex),
                ceiling=min(users[mutex.name]),
                hold=mutex.hold,
            )
            for mutex in sandbox.model.mutexes
        ]

    def _end(
        self,
        sandbox: TaskSandbox,
        channel: Channel,
        role: Role,
        task: int,
        where: int,
        wait: int,
        places: ChannelAddresses,
    ) -> EndPlan:
        plan = self._channels[channel.name]
        sends = role in ("sender", "writer")
        sizes = [virtual.sender_area_size(channel), virtual.receiver_area_size(channel)]
        own, peer = (places.place(size) for size in (sizes if sends else reversed(sizes)))
        peers = tuple(
            PeerPlan(
                core=self._cores[other],
                vector=self.bells.of_channel(channel.name, sandbox.name, other),
                bell=self.bells.of_channel(channel.name, other, sandbox.name),
            )
            for other in self.bells.places(plan, sends=not sends)
        )
        # A task of another sandbox that moves here says itself where it is.
        place = self.bells.places(plan, sends=sends).index(sandbox.name)
        return EndPlan(
            channel=channel.name,
            role=role,
            task=task,
            object=where,
            own=own,
            peer=peer,
            size=plan.size,
            wait=wait,
            place=place,
            roams=self.bells.roams(plan, sends=not sends),
            peers=peers,
        )


def _calls(
    task: PlannedTask, values: Mapping[str, int | float]
) -> tuple[CallPlan, CallPlan | None]:
    """The calls of a task's functions, with these values for the parameters."""
    bits = task.bound.signature.bits
    body = _call(task.symbol, values, bits)
    if task.initialize is None:
        return body, None
    own = {name: values[name] for name in task.bound.signature.initialize or ()}
    return body, _call(task.initialize, own, bits)


def _call(symbol: str, values: Mapping[str, int | float], bits: Mapping[str, int]) -> CallPlan:
    """``bits`` has the width of each parameter that is a float."""
    return CallPlan(
        symbol=symbol,
        arguments=tuple(
            int(value) % (1 << 64) for name, value in values.items() if name not in bits
        ),
        floats=tuple(
            _float_bits(value, bits[name]) for name, value in values.items() if name in bits
        ),
    )


def _float_bits(value: float, bits: int) -> int:
    """The bits of the float of that width that is nearest to ``value``."""
    nearest = {32: F32, 64: F64}[bits].nearest(value)
    return int.from_bytes(struct.pack({32: "<f", 64: "<d"}[bits], nearest), "little")


def _mutex_object(sandbox: TaskSandbox, mutex: Mutex) -> int:
    return _object(sandbox.program, TABLES[ParameterKind.MUTEX], sandbox.model.mutexes.index(mutex))


def _stream(
    sandbox: TaskSandbox,
    device: Device,
    task: int,
    bottom_half: int | None,
    where: int,
    number: int,
) -> StreamPlan:
    plan, driver = devices.device_plan(device), devices.DRIVERS[device.kind]
    return StreamPlan(
        name=device.name,
        task=task,
        bottom_half=bottom_half,
        object=where,
        driver=sandbox.program.symbols.address(driver.symbol),
        device=_object(sandbox.program, driver.devices, number),
        registers=devices.registers(plan),
        memory=devices.memory(number) if driver.shares_memory else 0,
        interrupt=plan.interrupt,
        vector=FIRST_DEVICE_VECTOR + number,
    )


class _Objects:
    """Hands out a program's objects for ends, streams and inputs, and addresses for areas."""

    def __init__(
        self, program: Program, tables: Mapping[ParameterKind, ObjectTable], areas: int
    ) -> None:
        """Nothing is given out yet; areas are placed from an address on."""
        self._program, self._tables = program, tables
        self._used: defaultdict[ParameterKind, int] = defaultdict(int)
        self.areas = ChannelAddresses(areas)

    def take(self, kind: ParameterKind) -> int:
        """The address of the next object of a kind."""
        self._used[kind] += 1
        return _object(self._program, self._tables[kind], self._used[kind] - 1)


def _object(program: Program, table: ObjectTable, index: int) -> int:
    """The address of an object in one of a program's tables."""
    return program.symbols.address(table.symbol) + index * table.size
