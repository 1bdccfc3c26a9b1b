"""Works the plan out: where everything lies in physical memory, and who sees what of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from questv.arch.x86.apic import XAPIC_ADDRESS
from questv.arch.x86.paging import LARGE_PAGE_SIZE, PAGE_SIZE
from questv.arch.x86.svm import IO_MAP_SIZE, MSR_MAP_SIZE
from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.kernel.info import DEVICE_MEMORY
from questv.kernel.processes import Process
from questv.kernel.states import RESTORED
from questv.metal.structs import offsetof
from questv.plan import addresses, virtual
from questv.plan.addresses import page_up
from questv.plan.devices import device_plan, register_windows
from questv.plan.ends import Ends
from questv.plan.heartbeats import Heartbeats
from questv.plan.model import (
    ChannelPlan,
    DevicePlan,
    EndPlan,
    FailOverPlan,
    ForeignPlan,
    InputPlan,
    MovePlan,
    Owner,
    Plan,
    ProcessPlan,
    RecoveryPlan,
    Region,
    SandboxPlan,
    TakeoverPlan,
    TaskPlan,
    Window,
)
from questv.plan.moves import Moves
from questv.plan.page_tables import PageTables
from questv.plan.physical import PhysicalMemory
from questv.plan.processes import PlacedProcess, PlannedProcess, place
from questv.plan.programs import Program
from questv.plan.restarts import image_size, monitor_windows
from questv.plan.sandboxes import ForeignSandbox, PlannedSandbox, PlannedTask, TaskSandbox
from questv.plan.stacks import MONITOR_STACK
from questv.plan.virtual import Stack
from questv.plan.windows import make_window, mappings
from questv.system.description import Description
from questv.system.devices import SERIAL_PORTS
from questv.system.model import Input, OnFault, RingChannel
from questv.system.movers import guest_name
from questv.system.units import format_size


@dataclass
class _Memory:
    """One sandbox's regions and windows while the plan is being worked out."""

    monitor: Region
    block: Region
    kernel: list[Window] = field(default_factory=list)
    processes: list[PlacedProcess] = field(default_factory=list)
    monitor_windows: list[Window] = field(default_factory=list)
    placed: int = 0  # bytes of the block that the sandbox's parts take
    used: int = 0  # bytes of its memory that are given a purpose


class Layout:
    """The plan in the making; ``plan`` is the result."""

    def __init__(
        self,
        description: Description,
        sandboxes: list[PlannedSandbox],
        boot: Program,
        monitor: Program,
        *,
        checks: bool,
    ) -> None:
        """Give out all memory. Raises DiagnosticsError if something does not fit."""
        self._description = description
        self._sandboxes = sandboxes
        self._boot, self._monitor = boot, monitor
        self._checks = checks
        self._memory = PhysicalMemory(addresses.BOOT_PROGRAM)
        self._msr_maps = PhysicalMemory(addresses.MSR_MAPS)
        self._take_boot()
        self._of = {sandbox.name: self._take_sandbox(sandbox) for sandbox in sandboxes}
        self._channels = self._take_channels()
        self._inputs = self._take_inputs()
        self._movers = self._take_movers()
        self._heartbeats = Heartbeats(description, self._memory)
        self._ends = Ends(description, sandboxes, self._channels)
        self._moves = Moves(description, self._ends.bells)
        for sandbox in sandboxes:
            self._fill_block(sandbox)
        self._check_blocks()
        boot_msr_map = self._msr_maps.take("MSR map of the probe", Owner.BOOT, "", MSR_MAP_SIZE)
        plans = tuple(self._finish(sandbox) for sandbox in sandboxes)
        self._check_machine()
        self.plan = Plan(
            name=description.system.name,
            memory=description.system.machine.memory,
            cores=max(sandbox.core for sandbox in sandboxes) + 1,
            until=description.until,
            checks=checks,
            x2apic=description.system.machine.x2apic.value,
            boot_machine=boot.symbols.address("boot_machine"),
            boot_msr_map=boot_msr_map.start,
            regions=(*self._memory.regions, *self._msr_maps.regions, *self._guards()),
            sandboxes=plans,
            channels=tuple(self._channels.values()),
        )

    # ---- regions -----------------------------------------------------------------------------

    def _take_boot(self) -> None:
        end = max(segment.address + segment.size for segment in self._boot.segments)
        self._memory.take("boot", Owner.BOOT, "", end - addresses.BOOT_PROGRAM)

    def _take_sandbox(self, sandbox: PlannedSandbox) -> _Memory:
        windows = self._monitor_parts()
        size = sum(window.size for window in windows)
        monitor = self._memory.take(f"monitor of {sandbox.name}", Owner.MONITOR, sandbox.name, size)
        placed = []
        at = monitor.start
        for window in windows:
            placed.append(window.model_copy(update={"physical": at}))
            at += window.size
        block = self._memory.take(
            f"memory of {sandbox.name}",
            Owner.SANDBOX,
            sandbox.name,
            sandbox.block_size,
            align=sandbox.align,
        )
        return _Memory(monitor, block, monitor_windows=placed)

    def _monitor_parts(self) -> list[Window]:
        """What every monitor has, at its virtual addresses; physical ones come later."""
        parts = [
            make_window(segment.name, segment.address, segment.size, segment.rights)
            for segment in self._monitor.segments
        ]
        parts.append(make_window("plan", addresses.MONITOR_PLAN, PAGE_SIZE, "r"))
        parts.append(make_window("public", addresses.MONITOR_PUBLIC, PAGE_SIZE, "rw"))
        parts.append(make_window("control", addresses.MONITOR_CONTROL, PAGE_SIZE, "rw"))
        parts.append(make_window("stack", addresses.MONITOR_STACK, MONITOR_STACK, "rw"))
        return parts

    def _take_channels(self) -> dict[str, ChannelPlan]:
        channels = {}
        for channel in self._description.system.channels:
            sender = self._memory.take(
                f"{channel.name}: written by {channel.sender}",
                Owner.CHANNEL,
                channel.name,
                virtual.sender_area_size(channel),
            )
            receiver = self._memory.take(
                f"{channel.name}: written by {channel.receiver}",
                Owner.CHANNEL,
                channel.name,
                virtual.receiver_area_size(channel),
            )
            channels[channel.name] = ChannelPlan(
                name=channel.name,
                kind=channel.kind,
                sender=channel.sender,
                receiver=channel.receiver,
                size=channel.size if isinstance(channel, RingChannel) else channel.message,
                sender_area=sender.start,
                receiver_area=receiver.start,
            )
        return channels

    def _take_inputs(self) -> dict[tuple[str, str], Region]:
        """Each input: a page for its header, then its bytes; on boundaries of 2 MiB."""
        return {
            (sandbox.name, each.name): self._memory.take(
                f"input {each.name} of {sandbox.name}",
                Owner.INPUT,
                each.name,
                PAGE_SIZE + each.size,
                align=LARGE_PAGE_SIZE,
            )
            for sandbox in self._sandboxes
            for each in sandbox.model.inputs
        }

    def _take_movers(self) -> dict[int, Region]:
        """The memory of each task that moves, by its number: a page for its moves, and its own."""
        return {
            process.number: self._memory.take(
                f"task {process.name} of {sandbox.name}",
                Owner.TASK,
                guest_name(sandbox.name, process.name),
                PAGE_SIZE + process.own_size,
            )
            for sandbox in self._sandboxes
            if isinstance(sandbox, TaskSandbox)
            for process in sandbox.processes.values()
            if process.places and process.places[0] == sandbox.name
        }

    # ---- what a kernel has and sees ----------------------------------------------------------

    def _fill_block(self, sandbox: PlannedSandbox) -> None:
        """Put all parts of a sandbox into its memory."""
        of = self._of[sandbox.name]
        of.kernel += self._parts(sandbox)
        at = of.block.start + sum(part.size for part in of.kernel)
        if isinstance(sandbox, TaskSandbox):
            for task, process in sandbox.processes.items():
                region = self._movers.get(process.number)
                windows = self._process_windows(sandbox, task, process)
                placed = place(process, at, windows, None if region is None else region.start)
                of.processes.append(placed)
                of.kernel += placed.kernel_windows
                at = placed.end
        of.placed = at - of.block.start
        of.kernel += self._shared_windows(sandbox)
        of.used = of.placed + sandbox.tables_size(of.kernel)

    def _parts(self, sandbox: PlannedSandbox) -> list[Window]:
        """What lies at the beginning of a sandbox's memory."""
        at = self._of[sandbox.name].block.start
        placed = []
        for part in [*sandbox.parts(), *self._device_memory(sandbox)]:
            placed.append(part.model_copy(update={"physical": at}))
            at += part.size
        return placed

    def _device_memory(self, sandbox: PlannedSandbox) -> list[Window]:
        """What a kernel shares with devices that read and write memory by themselves."""
        return [
            make_window(f"shared with {stream.name}", stream.memory, DEVICE_MEMORY, "rw", kept=True)
            for stream in self._ends.streams(sandbox.name)
            if stream.memory
        ]

    def _shared_windows(self, sandbox: PlannedSandbox) -> list[Window]:
        """Channels, inputs, devices and the local APIC, as far as the sandbox has them."""
        windows: list[Window] = []
        for end in self._ends.of(sandbox.name):
            if not end.wait:
                windows += self._end_windows(end, self._stands_in(sandbox, end.task))
        if isinstance(sandbox, TaskSandbox):
            windows += self._kept_of_others(sandbox)
        for index, each in enumerate(sandbox.model.inputs):
            windows.append(self._input_window(sandbox, each, virtual.input_address(index)))
        windows += self._heartbeats.kernel_windows(sandbox.name)
        windows += register_windows(self._devices(sandbox))
        if sandbox.model.apic == "direct":
            apic = make_window("local APIC", addresses.KERNEL_APIC, PAGE_SIZE, "rw")
            windows.append(apic.model_copy(update={"physical": XAPIC_ADDRESS, "device": True}))
        return windows

    def _stands_in(self, sandbox: PlannedSandbox, task: int) -> bool:
        return isinstance(sandbox, TaskSandbox) and sandbox.tasks[task].stands_in_for is not None

    def _kept_of_others(self, sandbox: TaskSandbox) -> Iterator[Window]:
        """What survives of the states of tasks for which others stand in here."""
        for task in sandbox.tasks:
            if task.stands_in_for is None:
                continue
            home, _, name = task.stands_in_for.partition(".")
            original = next(each for each in self._sandboxes if each.name == home)
            assert isinstance(original, TaskSandbox), "the rules refuse another kind"
            theirs = {
                state.name: state.kept
                for each in original.tasks
                if each.name == name
                for state in each.states
            }
            placed = {window.address: window for window in self._parts(original)}
            for state in task.states:
                kept = theirs.get(state.name)
                if state.kept is not None and kept is not None:
                    found = placed[kept.slots]
                    yield found.model_copy(update={"address": state.kept.slots, "taken_over": True})

    def _process_windows(
        self, sandbox: TaskSandbox, task: int, process: PlannedProcess
    ) -> list[Window]:
        """Channels and inputs, as far as a process has them."""
        windows: list[Window] = []
        for end in self._ends.of(sandbox.name):
            if end.task == task:
                windows += self._end_windows(end)
        for index, (each, _) in enumerate(self._ends.process_inputs(process)):
            windows.append(self._input_window(sandbox, each, process.input_address(index)))
        return windows

    def _end_windows(self, end: EndPlan, taken_over: bool = False) -> Iterator[Window]:
        """Both sides of a channel, as one end sees them."""
        channel = self._channels[end.channel]
        sends = end.role in ("sender", "writer")
        areas = (channel.sender_area, channel.receiver_area)
        for address, physical, own in (
            (end.own, areas[0 if sends else 1], True),
            (end.peer, areas[1 if sends else 0], False),
        ):
            size = self._region(physical).size
            name = f"{end.channel} ({'own' if own else 'other'} side)"
            window = make_window(name, address, size, "rw" if own else "r", physical)
            yield window.model_copy(update={"taken_over": taken_over})

    def _input_window(self, sandbox: PlannedSandbox, each: Input, address: int) -> Window:
        region = self._inputs[sandbox.name, each.name]
        return make_window(f"input {each.name}", address, region.size, "r", region.start)

    def _region(self, start: int) -> Region:
        return next(region for region in self._memory.regions if region.start == start)

    # ---- what the processor reads ------------------------------------------------------------

    def _finish(self, sandbox: PlannedSandbox) -> SandboxPlan:
        """Give out the tables of a sandbox, and write its part of the plan down."""
        of = self._of[sandbox.name]
        recovery = self._recovery(sandbox)
        self._complete_monitor(sandbox)
        shown = [*of.kernel, *(each for process in of.processes for each in process.in_sandbox())]
        own = [window for window in shown if not window.taken_over]
        view = sandbox.view(own, of.block, of.placed)
        takeover = self._takeover(sandbox, sandbox.view(shown, of.block, of.placed))
        if recovery is not None:
            of.monitor_windows += monitor_windows(recovery, view, of.block)
        nested = self._hardware(
            sandbox, "nested tables", PageTables(mappings(view), user=True).size
        )
        monitor_tables = self._hardware(
            sandbox,
            "monitor's tables",
            PageTables(mappings(of.monitor_windows), user=False).size,
        )
        msr_map = self._hardware(sandbox, "MSR map", MSR_MAP_SIZE, self._msr_maps)
        io_map = self._hardware(sandbox, "I/O map", IO_MAP_SIZE)
        host_save = self._hardware(sandbox, "host save area", PAGE_SIZE)
        parts = {window.name: window.physical for window in of.monitor_windows}
        begin = sandbox.begin(of.block.start + of.placed)
        return SandboxPlan(
            name=sandbox.name,
            core=sandbox.core,
            apic=sandbox.model.apic.value,
            memory=sandbox.model.memory,
            memory_used=min(of.used, sandbox.model.memory),
            kernel_windows=tuple(of.kernel),
            view=tuple(view),
            monitor_windows=tuple(of.monitor_windows),
            foreign=self._foreign(sandbox),
            heartbeat=self._heartbeats.plan(sandbox.name),
            recovery=recovery,
            fail_over=self._fail_over(sandbox),
            takeover=takeover,
            start=begin.start,
            entry=begin.entry,
            stack_top=begin.stack_top,
            kernel_tables=begin.tables,
            monitor_tables=monitor_tables,
            monitor_entry=self._monitor.symbols.address("monitor_entry"),
            monitor_stack_top=addresses.MONITOR_STACK + MONITOR_STACK,
            nested_tables=nested,
            msr_map=msr_map,
            io_map=io_map,
            control=parts["control"],
            host_save=host_save,
            public=parts["public"],
            monitor_plan=parts["plan"],
            info=next(window.physical for window in of.kernel if window.name == "info"),
            status=begin.status,
            console=begin.console,
            restored=begin.restored,
            vcpus=sandbox.vcpus if isinstance(sandbox, TaskSandbox) else (),
            tasks=self._tasks(sandbox) if isinstance(sandbox, TaskSandbox) else (),
            processes=self._processes(sandbox) if isinstance(sandbox, TaskSandbox) else (),
            mutexes=self._ends.mutexes(sandbox.name),
            meters=sandbox.meters if isinstance(sandbox, TaskSandbox) else (),
            ends=self._ends.of(sandbox.name),
            inputs=self._input_plans(sandbox) if isinstance(sandbox, TaskSandbox) else (),
            ports=self._ports(sandbox),
            msrs=tuple((msr.number, msr.access.value) for msr in sandbox.model.msrs),
            devices=tuple(self._devices(sandbox)),
            streams=self._ends.streams(sandbox.name),
            console_port=self._console_port(sandbox),
        )

    def _hardware(
        self, sandbox: PlannedSandbox, name: str, size: int, memory: PhysicalMemory | None = None
    ) -> int:
        memory = memory or self._memory
        region = memory.take(f"{name} of {sandbox.name}", Owner.HARDWARE, sandbox.name, size)
        return region.start

    def _guards(self) -> list[Region]:
        """What QEMU takes for all the MSR maps, if it is asked by more than 32 bits of rcx."""
        size = self._msr_maps.end - addresses.MSR_MAPS
        return [
            Region(name="guard of the MSR maps", owner=Owner.GUARD, of="", start=start, size=size)
            for start in addresses.MSR_GUARDS
        ]

    def _recovery(self, sandbox: PlannedSandbox) -> RecoveryPlan | None:
        """Give out what a restart needs, if the sandbox's kernel is to be restarted."""
        told = sandbox.model.recovery
        if told is None or told.on_fault is not OnFault.RESTART:
            return None
        of = self._of[sandbox.name]
        image = self._memory.take(
            f"image of {sandbox.name}",
            Owner.MONITOR,
            sandbox.name,
            image_size(
                [*of.kernel, *(each for process in of.processes for each in process.windows)],
                of.block,
                of.used
                - of.placed
                + sum(process.end - process.lower_tables for process in of.processes),
            ),
        )
        return RecoveryPlan(
            limit=told.limit,
            window=told.window,
            back_off=told.back_off,
            image=image.start,
            size=image.size,
        )

    def _fail_over(self, sandbox: PlannedSandbox) -> FailOverPlan | None:
        standby = self._description.standby(sandbox.name)
        if standby is None:
            return None
        return FailOverPlan(
            to=standby,
            core=self._description.cores[standby],
            bell=self._ends.bells.of_fail_over(sandbox.name),
        )

    def _takeover(self, sandbox: PlannedSandbox, view: list[Window]) -> TakeoverPlan | None:
        """Give out the tables of what a sandbox can reach once another has failed over to it."""
        home = self._description.stands_by_for(sandbox.name)
        if home is None:
            return None
        size = PageTables(mappings(view), user=True).size
        return TakeoverPlan(
            of=home,
            core=self._description.cores[home],
            bell=self._ends.bells.of_fail_over(home),
            view=tuple(view),
            nested_tables=self._hardware(sandbox, "nested tables after a takeover", size),
        )

    def _complete_monitor(self, sandbox: PlannedSandbox) -> None:
        """Show a monitor every monitor's public page, and the local APIC."""
        of = self._of[sandbox.name]
        for other in self._sandboxes:
            theirs = self._of[other.name].monitor_windows
            public = next(window.physical for window in theirs if window.name == "public")
            address = addresses.MONITOR_PEERS + other.core * PAGE_SIZE
            of.monitor_windows.append(
                make_window(f"public page of {other.name}", address, PAGE_SIZE, "r", public)
            )
        of.monitor_windows += self._heartbeats.monitor_windows(sandbox.name)
        apic = make_window("local APIC", addresses.MONITOR_APIC, PAGE_SIZE, "rw", XAPIC_ADDRESS)
        of.monitor_windows.append(apic.model_copy(update={"device": True}))

    # ---- parts of the written plan -----------------------------------------------------------

    def _foreign(self, sandbox: PlannedSandbox) -> ForeignPlan | None:
        kernel = sandbox.model.kernel
        if kernel is None or not isinstance(sandbox, ForeignSandbox):
            return None
        return ForeignPlan(
            file=kernel.file, format=sandbox.kernel.format, undeclared=kernel.undeclared.value
        )

    def _tasks(self, sandbox: TaskSandbox) -> tuple[TaskPlan, ...]:
        return tuple(
            self._task(sandbox, index, task, stack)
            for index, (task, stack) in enumerate(
                zip(sandbox.tasks, sandbox.stacks.tasks, strict=True)
            )
        )

    def _task(self, sandbox: TaskSandbox, index: int, task: PlannedTask, stack: Stack) -> TaskPlan:
        body, initialize = self._ends.calls(sandbox, index)
        own, timing = task.bound.task, task.bound.timing
        kind: Literal["once", "periodic", "bottom half", "migration"] = "once"
        if task.is_bottom_half:
            kind = "bottom half"
        elif task.moves_others:
            kind = "migration"
        elif timing.release is not None:
            kind = "periodic"
        return TaskPlan(
            name=task.name,
            kind=kind,
            function=task.symbol if kind in ("bottom half", "migration") else own.run,
            body=body,
            initialize=initialize,
            vcpu=task.placed.vcpu,
            priority=None if task.is_bottom_half else own.priority,
            period=task.placed.period,
            deadline=(timing.deadline or 0) if kind == "periodic" else 0,
            stack_size=stack.size,
            stack_needed=task.stack_needed,
            stack_top=stack.top - task.float_state_size,
            float_state=_float_state(task, stack),
            states=task.states,
            stands_in_for=task.stands_in_for,
            process=task.process.index if task.process else None,
        )

    def _processes(self, sandbox: TaskSandbox) -> tuple[ProcessPlan, ...]:
        of = self._of[sandbox.name]
        tables = of.block.start + of.used - len(of.processes) * PAGE_SIZE
        return tuple(
            ProcessPlan(
                task=task,
                program=placed.process.program.name,
                start=placed.start,
                size=placed.size,
                base=placed.process.base,
                info=placed.process.info,
                object=placed.process.object,
                tables=tables + index * PAGE_SIZE,
                lower_tables=placed.lower_tables,
                stack_size=placed.process.stack_size,
                stack_needed=placed.process.stack_needed,
                stack_top=placed.process.stack.top,
                restored=placed.process.program.symbols.address(RESTORED),
                windows=placed.windows,
                inputs=self._inputs_of(sandbox, placed.process),
                move=self._move(sandbox, placed.process),
            )
            for index, (task, placed) in enumerate(
                zip(sandbox.processes, of.processes, strict=True)
            )
        )

    def _move(self, sandbox: TaskSandbox, process: PlannedProcess) -> MovePlan | None:
        if not process.places:
            return None
        page = self._movers[process.number].start
        return self._moves.plan(sandbox.name, process, page)

    def _inputs_of(self, sandbox: TaskSandbox, process: PlannedProcess) -> tuple[InputPlan, ...]:
        return tuple(
            InputPlan(
                name=each.name,
                capacity=each.size,
                object=where,
                address=process.input_address(index),
                physical=self._inputs[sandbox.name, each.name].start,
            )
            for index, (each, where) in enumerate(self._ends.process_inputs(process))
        )

    def _input_plans(self, sandbox: TaskSandbox) -> tuple[InputPlan, ...]:
        return tuple(
            InputPlan(
                name=each.name,
                capacity=each.size,
                object=self._ends.input_object(sandbox, index),
                address=virtual.input_address(index),
                physical=self._inputs[sandbox.name, each.name].start,
            )
            for index, each in enumerate(sandbox.model.inputs)
        )

    def _ports(self, sandbox: PlannedSandbox) -> tuple[tuple[int, int], ...]:
        ports = [(each.first, each.last) for each in sandbox.model.ports]
        serial = [SERIAL_PORTS[each.name].ports for each in self._serial_ports(sandbox)]
        return tuple(sorted([*ports, *((each.start, each.stop - 1) for each in serial)]))

    def _console_port(self, sandbox: PlannedSandbox) -> int:
        """The first of the sandbox's serial ports that no task drives shows its console."""
        driven = {stream.name for stream in self._ends.streams(sandbox.name)}
        free = [each for each in self._serial_ports(sandbox) if each.name not in driven]
        return free[0].registers if free else 0

    def _serial_ports(self, sandbox: PlannedSandbox) -> list[DevicePlan]:
        return [device for device in self._devices(sandbox) if device.kind == "uart"]

    def _devices(self, sandbox: PlannedSandbox) -> list[DevicePlan]:
        devices = self._description.system.devices
        return [device_plan(device) for device in devices if device.owner == sandbox.name]

    # ---- what does not fit -------------------------------------------------------------------

    def _check_blocks(self) -> None:
        findings = [
            self._small_memory(sandbox, self._of[sandbox.name].used)
            for sandbox in self._sandboxes
            if self._of[sandbox.name].used > sandbox.block_size
        ]
        if findings:
            raise DiagnosticsError(findings)

    def _small_memory(self, sandbox: PlannedSandbox, needed: int) -> Diagnostic:
        fitting = format_size(page_up(needed))
        return Diagnostic(
            self._description.document.value("sandbox", sandbox.index, "memory"),
            f'the kernel of "{sandbox.name}" with its tasks, stacks and page tables takes '
            f"{fitting}, and the sandbox has {format_size(sandbox.model.memory)}",
            f'give it memory = "{fitting}" or more',
            "sandbox-memory-small",
        )

    def _check_machine(self) -> None:
        given = self._description.system.machine.memory
        if self._memory.end > given:
            needed = -(-self._memory.end // (1 << 20)) << 20
            raise DiagnosticsError(
                [
                    Diagnostic(
                        self._description.document.value("machine", "memory"),
                        f"the plan ends at {format_size(self._memory.end)} of physical memory, "
                        f"and the machine has {format_size(given)}",
                        f'set memory = "{format_size(needed)}" or more in [machine]',
                        "machine-memory-small",
                    )
                ]
            )


def _float_state(task: PlannedTask, stack: Stack) -> int:
    """Where a task's floating-point registers are kept: a process has them in any case."""
    if task.process is not None:
        return task.process.object + offsetof(Process, "floats")
    return stack.top - task.float_state_size if task.float_state_size else 0


def tables(windows: Iterable[Window], *, user: bool) -> PageTables:
    """The page tables that show ``windows``."""
    return PageTables(mappings(windows), user=user)
