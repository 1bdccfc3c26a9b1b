"""What tasks are given: ends of channels with what wakes them, streams, inputs and integers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from questv.kernel.info import FIRST_DEVICE_VECTOR
from questv.plan import addresses, devices, virtual
from questv.plan.doorbells import Doorbells
from questv.plan.model import ChannelPlan, EndPlan, StreamPlan
from questv.plan.objects import PROCESS_TABLES, ROLES, TABLES, ObjectTable, Role
from questv.plan.processes import PlannedProcess
from questv.plan.programs import Program
from questv.plan.sandboxes import PlannedSandbox, TaskSandbox
from questv.plan.virtual import ChannelAddresses
from questv.system.description import Description
from questv.system.model import Channel, Device, Input
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
        self._bells = _bells(channels.values())
        self._ends: dict[str, list[EndPlan]] = {}
        self._streams: dict[str, list[StreamPlan]] = {}
        self._arguments: dict[tuple[str, int], tuple[int, ...]] = {}
        self._process_inputs: dict[tuple[str, int], tuple[Input, ...]] = {}
        for sandbox in sandboxes:
            self._ends[sandbox.name], self._streams[sandbox.name] = [], []
            if isinstance(sandbox, TaskSandbox):
                self._work_out(sandbox)

    def of(self, sandbox: str) -> tuple[EndPlan, ...]:
        """The ends in one sandbox."""
        return tuple(self._ends[sandbox])

    def streams(self, sandbox: str) -> tuple[StreamPlan, ...]:
        """The streams in one sandbox."""
        return tuple(self._streams[sandbox])

    def arguments(self, sandbox: TaskSandbox, task: int) -> tuple[int, ...]:
        """What a task's function is called with."""
        return self._arguments[sandbox.name, task]

    def input_object(self, sandbox: TaskSandbox, index: int) -> int:
        """Where a kernel keeps its ``Input`` number ``index``."""
        return _object(sandbox.program, TABLES[ParameterKind.INPUT], index)

    def process_inputs(self, sandbox: TaskSandbox, process: PlannedProcess) -> tuple[Input, ...]:
        """The inputs of a process."""
        return self._process_inputs[sandbox.name, process.task]

    def process_input_object(self, process: PlannedProcess, index: int) -> int:
        """Where a process keeps its ``Input`` number ``index``."""
        return _object(process.program, PROCESS_TABLES[ParameterKind.INPUT], index)

    def _work_out(self, sandbox: TaskSandbox) -> None:
        ends: list[EndPlan] = []
        streams: list[StreamPlan] = []
        used: defaultdict[ParameterKind, int] = defaultdict(int)
        kernel_places = ChannelAddresses(addresses.KERNEL_CHANNELS)
        for index, task in enumerate(sandbox.tasks):
            if task.process is not None:
                ends += self._work_out_process(sandbox, task.process, index)
                continue
            values = []
            for name, argument in task.bound.arguments.items():
                kind = task.bound.signature.parameters[name]
                if isinstance(argument, int):
                    values.append(argument % (1 << 64))
                elif isinstance(argument, Input):
                    values.append(self.input_object(sandbox, sandbox.model.inputs.index(argument)))
                else:
                    where = _object(sandbox.program, TABLES[kind], used[kind])
                    used[kind] += 1
                    values.append(where)
                    if isinstance(argument, Device):
                        streams.append(_stream(sandbox, argument, index, where, len(streams)))
                        continue
                    ends.append(self._end(argument, ROLES[kind], index, where, kernel_places))
            self._arguments[sandbox.name, index] = tuple(values)
        self._ends[sandbox.name] = ends
        self._streams[sandbox.name] = streams

    def _work_out_process(
        self, sandbox: TaskSandbox, process: PlannedProcess, index: int
    ) -> list[EndPlan]:
        """The ends of a task that is a process: they are in its own program."""
        bound = sandbox.tasks[index].bound
        values: list[int] = []
        ends: list[EndPlan] = []
        inputs: list[Input] = []
        used: defaultdict[ParameterKind, int] = defaultdict(int)
        places = ChannelAddresses(process.base + addresses.PROCESS_CHANNELS)
        for name, argument in bound.arguments.items():
            kind = bound.signature.parameters[name]
            if isinstance(argument, int):
                values.append(argument % (1 << 64))
                continue
            values.append(_object(process.program, PROCESS_TABLES[kind], used[kind]))
            used[kind] += 1
            if isinstance(argument, Input):
                inputs.append(argument)
            else:
                assert not isinstance(argument, Device), "a process has no streams"
                end = self._end(argument, ROLES[kind], index, values[-1], places)
                ends.append(end.model_copy(update={"wait": process.wait(len(ends))}))
        self._arguments[sandbox.name, index] = tuple(values)
        self._process_inputs[sandbox.name, index] = tuple(inputs)
        return ends

    def _end(
        self,
        channel: Channel,
        role: Role,
        task: int,
        where: int,
        places: ChannelAddresses,
    ) -> EndPlan:
        plan = self._channels[channel.name]
        sends = role in ("sender", "writer")
        sizes = [virtual.sender_area_size(channel), virtual.receiver_area_size(channel)]
        own, peer = (places.place(size) for size in (sizes if sends else reversed(sizes)))
        to_receiver, to_sender = self._bells[channel.name]
        return EndPlan(
            channel=channel.name,
            role=role,
            task=task,
            object=where,
            own=own,
            peer=peer,
            size=plan.size,
            bell_vector=to_sender if sends else to_receiver,
            peer_vector=to_receiver if sends else to_sender,
            wait=0,
            peer_core=self._cores[plan.receiver if sends else plan.sender],
        )


def _stream(sandbox: TaskSandbox, device: Device, task: int, where: int, number: int) -> StreamPlan:
    plan, driver = devices.device_plan(device), devices.DRIVERS[device.kind]
    return StreamPlan(
        name=device.name,
        task=task,
        object=where,
        driver=sandbox.program.symbols.address(driver.symbol),
        device=_object(sandbox.program, driver.devices, number),
        registers=devices.registers(plan),
        memory=devices.memory(number) if driver.shares_memory else 0,
        interrupt=plan.interrupt,
        vector=FIRST_DEVICE_VECTOR + number,
    )


def _object(program: Program, table: ObjectTable, index: int) -> int:
    """The address of an object in one of a program's tables."""
    return program.symbols.address(table.symbol) + index * table.size


def _bells(channels: Iterable[ChannelPlan]) -> dict[str, tuple[int, int]]:
    """For each channel, the vectors of its doorbells to the receiver and to the sender."""
    bells = Doorbells()
    return {
        channel.name: (
            bells.take(channel.sender, channel.receiver),
            bells.take(channel.receiver, channel.sender),
        )
        for channel in channels
    }
