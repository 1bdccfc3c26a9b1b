"""What the plan puts into memory before the machine runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crc32c import crc32c

from questv.arch.x86.paging import PAGE_SIZE
from questv.arch.x86.registers import Cr0, Cr4, Efer
from questv.arch.x86.svm import MSR_MAP_SIZE
from questv.boot.plan import BootPlan, Route, X2ApicUse
from questv.kernel.info import (
    MAX_TASKS,
    Call,
    HeartbeatInfo,
    MutexInfo,
    SandboxInfo,
    StreamInfo,
    TaskInfo,
    VcpuInfo,
    VcpuKind,
    WatchedInfo,
)
from questv.kernel.status import KernelStatus
from questv.metal.structs import offsetof
from questv.monitor.interface import ApicMode
from questv.monitor.plan import HeartbeatPlan as MonitorHeartbeat
from questv.monitor.plan import MonitorPlan
from questv.monitor.plan import RecoveryPlan as MonitorRecovery
from questv.plan import addresses
from questv.plan.addresses import page_up
from questv.plan.blocks import Block, segments
from questv.plan.foreign import ForeignKernel, linux_parameters, whole_pages
from questv.plan.foreign_page import ForeignPage, foreign_page, memory_ranges
from questv.plan.layout import tables
from questv.plan.model import CallPlan, HeartbeatPlan, Plan, ProcessPlan, RecoveryPlan, SandboxPlan
from questv.plan.permissions import (
    DIRECT_APIC,
    FOREIGN_MSRS,
    GUARDED_APIC,
    apic_msrs,
    io_map,
    msr_map,
)
from questv.plan.processes import (
    call_info,
    fill_end,
    fill_kept,
    lower_tables,
    record,
    top_table,
)
from questv.plan.programs import Program
from questv.plan.restarts import restart_image
from questv.plan.sandboxes import LIVE, RUN_PROCESS, identity_map

EXIT_PORT = 0xF4
"""Where QEMU's isa-debug-exit device is put."""

_TOP_SHIFT = 39
_LONG_MODE = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE_ENABLE
_PAGING = Cr0.PROTECTION | Cr0.EXTENSION_TYPE | Cr0.NUMERIC_ERROR | Cr0.WRITE_PROTECT | Cr0.PAGING


def contents(
    plan: Plan,
    boot: Program,
    monitor: Program,
    kernels: Mapping[str, Program | ForeignKernel],
    processes: Mapping[str, Program],
) -> list[Block]:
    """Everything that has to be in memory, by address; inputs come from the host's files."""
    blocks: list[Block] = []
    for sandbox in plan.sandboxes:
        blocks += _monitor_blocks(plan, sandbox, monitor)
        kernel = kernels[sandbox.name]
        if isinstance(kernel, ForeignKernel):
            blocks += _foreign_blocks(sandbox, kernel)
        else:
            own = list(_sandbox_blocks(plan, sandbox, kernel, processes))
            blocks += [*own, *_image_block(plan, sandbox, own)]
    blocks.append(Block(plan.boot_msr_map, msr_map({}), MSR_MAP_SIZE))
    for region in plan.regions:
        if region.owner in ("channel", "heartbeat"):
            blocks.append(Block(region.start, b"", region.size))
        elif region.owner == "guard":
            blocks.append(Block(region.start, b"\xff" * region.size, region.size))
    blocks.sort(key=lambda block: block.start)
    return [*_boot_blocks(plan, boot, blocks), *blocks]


# ---- a monitor and what the processor reads ---------------------------------------------------


def _monitor_blocks(plan: Plan, sandbox: SandboxPlan, monitor: Program) -> Iterator[Block]:
    segments = {segment.name: segment.contents for segment in monitor.segments}
    own = [window for window in sandbox.monitor_windows if window.address < addresses.MONITOR_PEERS]
    for window in own:
        if window.device:
            continue
        filling = segments.get(window.name, b"")
        if window.name == "plan":
            filling = bytes(monitor_plan(plan, sandbox))
        yield Block(window.physical, filling, window.size)
    parts = [
        (sandbox.nested_tables, tables(sandbox.view, user=True)),
        (sandbox.monitor_tables, tables(sandbox.monitor_windows, user=False)),
    ]
    if sandbox.takeover is not None:
        shown = tables(sandbox.takeover.view, user=True)
        parts.append((sandbox.takeover.nested_tables, shown))
    for start, made in parts:
        yield Block(start, made.contents(start), made.size)
    msrs = msr_map(allowed_msrs(sandbox))
    ports = io_map(range(first, last + 1) for first, last in sandbox.ports)
    yield Block(sandbox.msr_map, msrs, len(msrs))
    yield Block(sandbox.io_map, ports, len(ports))
    yield Block(sandbox.host_save, b"", PAGE_SIZE)


def allowed_msrs(sandbox: SandboxPlan) -> dict[int, str]:
    """The MSRs that a sandbox reaches, and how."""
    registers = DIRECT_APIC if sandbox.apic == "direct" else GUARDED_APIC
    own = FOREIGN_MSRS if sandbox.foreign else {}
    return {**apic_msrs(registers), **own, **dict(sandbox.msrs)}


def monitor_plan(plan: Plan, sandbox: SandboxPlan) -> MonitorPlan:
    """What a monitor is told."""
    made = MonitorPlan(
        core=sandbox.core,
        core_count=plan.cores,
        exit_port=EXIT_PORT,
        sandboxes=sum(1 << each.core for each in plan.sandboxes),
        until=sum(1 << plan.sandbox(name).core for name in plan.until),
        foreign=int(sandbox.foreign is not None),
        absent=int(sandbox.foreign is not None and sandbox.foreign.undeclared == "absent"),
        nested_tables=sandbox.nested_tables,
        msr_map=sandbox.msr_map,
        io_map=sandbox.io_map,
        control=sandbox.control,
        host_save=sandbox.host_save,
    )
    made.stack_top = sandbox.monitor_stack_top
    if sandbox.heartbeat is not None:
        made.heartbeat = MonitorHeartbeat(
            deadline=sandbox.heartbeat.deadline,
            watched=sum(1 << each.core for each in sandbox.heartbeat.watched),
            gap=sandbox.heartbeat.gap,
        )
    if sandbox.recovery is not None:
        made.recovery = _recovery(plan, sandbox, sandbox.recovery)
    if sandbox.fail_over is not None:
        made.recovery.standby = 1 + sandbox.fail_over.core
        made.recovery.bell = sandbox.fail_over.bell
    if sandbox.takeover is not None:
        made.takeover.core = 1 + sandbox.takeover.core
        made.takeover.bell = sandbox.takeover.bell
        made.takeover.nested_tables = sandbox.takeover.nested_tables
    is_64 = sandbox.start.mode == "64-bit"
    made.start.cr0 = _PAGING if is_64 else Cr0.PROTECTION | Cr0.EXTENSION_TYPE
    made.start.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION if is_64 else 0
    made.start.efer = _LONG_MODE if is_64 else 0
    made.start.cr3 = sandbox.kernel_tables
    made.start.rip, made.start.rsp = sandbox.entry, sandbox.stack_top
    made.start.rbx, made.start.rsi = sandbox.start.rbx, sandbox.start.rsi
    made.start.rdi = sandbox.start.rdi
    for end in sandbox.ends:
        for peer in end.peers:
            made.doorbells[peer.vector] = 1 + peer.core
    for process in sandbox.processes:
        for place in process.move.places if process.move else ():
            if place.vector:
                made.doorbells[place.vector] = 1 + place.core
    return made


def _recovery(plan: Plan, sandbox: SandboxPlan, told: RecoveryPlan) -> MonitorRecovery:
    """What a monitor is told of its kernel's restarts."""
    memory = plan.region_at(sandbox.kernel_tables)
    assert memory is not None and sandbox.status is not None
    panic = sandbox.status + offsetof(KernelStatus, "panic")
    return MonitorRecovery(
        limit=told.limit,
        window=told.window,
        back_off=told.back_off,
        image=addresses.MONITOR_IMAGE,
        sandbox=addresses.MONITOR_SANDBOX,
        start=memory.start,
        size=memory.size,
        panic=sandbox.physical(panic),
    )


def _image_block(plan: Plan, sandbox: SandboxPlan, blocks: list[Block]) -> Iterator[Block]:
    """What a restart of a sandbox writes, if it can be restarted."""
    memory = plan.region_at(sandbox.kernel_tables)
    if sandbox.recovery is not None and memory is not None:
        image = restart_image(sandbox, memory, blocks)
        assert len(image) <= sandbox.recovery.size
        yield Block(sandbox.recovery.image, image, sandbox.recovery.size)


# ---- a sandbox -------------------------------------------------------------------------------


def _sandbox_blocks(
    plan: Plan, sandbox: SandboxPlan, kernel: Program, processes: Mapping[str, Program]
) -> Iterator[Block]:
    segments = {segment.name: segment.contents for segment in kernel.segments}
    records = {process.info: process for process in sandbox.processes}
    for window in sandbox.kernel_windows:
        region = plan.region_at(window.physical)
        if region is None or region.owner != "sandbox" or window.taken_over:
            continue
        filling = segments.get(window.name, b"")
        if window.name == "info":
            filling = bytes(sandbox_info(sandbox, kernel))
        if window.address in records:
            process = records[window.address]
            filling = record(sandbox, process, processes[process.program].symbols)
        yield Block(window.physical, filling, window.size)
    made = tables(sandbox.kernel_windows, user=False)
    own_tables = made.contents(sandbox.kernel_tables)
    yield Block(sandbox.kernel_tables, own_tables, made.size)
    for process in sandbox.processes:
        yield from _process_blocks(process, processes[process.program], own_tables[:PAGE_SIZE])


def _process_blocks(
    process: ProcessPlan, program: Program, kernel_top_table: bytes
) -> Iterator[Block]:
    segments = {segment.name: segment.contents for segment in program.segments}
    for window in process.windows:
        own = process.start <= window.physical < process.start + process.size
        # What it is told is a part of the kernel's record.
        if own and window.name != "info" and process.begins_here:
            yield Block(window.physical, segments.get(window.name, b""), window.size)
    if process.move is not None and process.begins_here:
        yield Block(process.move.page, b"", PAGE_SIZE)
    lower = lower_tables(process)
    yield Block(process.lower_tables, lower, len(lower))
    yield Block(process.tables, top_table(kernel_top_table, process), PAGE_SIZE)


def sandbox_info(sandbox: SandboxPlan, kernel: Program) -> SandboxInfo:
    """What a kernel is told, whose program this is."""
    symbols = kernel.symbols
    made = SandboxInfo(
        core=sandbox.core,
        apic_mode=ApicMode[sandbox.apic.upper()],
        task_count=len(sandbox.tasks),
        vcpu_count=len(sandbox.vcpus),
        input_count=len(sandbox.inputs),
        stream_count=len(sandbox.streams),
        mutex_count=len(sandbox.mutexes),
        console_port=sandbox.console_port,
        takeover_bell=sandbox.takeover.bell if sandbox.takeover is not None else 0,
    )
    for index, task in enumerate(sandbox.tasks):
        body, initialize, process, period = task.body, task.initialize, 0, task.period
        if task.process is not None:
            own = sandbox.processes[task.process]
            process = own.object
            body = CallPlan(symbol=LIVE if own.move else RUN_PROCESS, arguments=(process, 0))
            initialize = initialize and CallPlan(symbol=RUN_PROCESS, arguments=(process, 1))
            if not own.begins_here:
                initialize, period = None, 0
        made.tasks[index] = TaskInfo(
            body=call_info(body, symbols),
            initialize=call_info(initialize, symbols) if initialize else Call(),
            stack_top=task.stack_top,
            float_state=task.float_state,
            vcpu=task.vcpu,
            period=period,
            deadline=task.deadline,
            process=process,
            moves=int(task.process is not None and bool(sandbox.processes[task.process].move)),
            is_service=int(task.kind == "migration"),
            stands_in=int(task.stands_in_for is not None),
        )
    for index, vcpu in enumerate(sandbox.vcpus):
        made.vcpus[index] = VcpuInfo(
            kind=_VCPU_KINDS[vcpu.kind],
            level=vcpu.level,
            budget=vcpu.budget,
            overrun_budget=vcpu.overrun_budget,
            period=vcpu.period,
            utilization=vcpu.utilization,
        )
    for index, mutex in enumerate(sandbox.mutexes):
        made.mutexes[index] = MutexInfo(object=mutex.object, ceiling=mutex.ceiling, hold=mutex.hold)
    for index, task in enumerate(sandbox.tasks):
        if task.process is None:
            fill_kept(made.kept, task.states, 1 + index if task.stands_in_for else 0)
    own_ends = [(index, end) for index, end in enumerate(sandbox.ends) if not end.wait]
    made.end_count = len(own_ends)
    for place, (index, end) in enumerate(own_ends):
        fill_end(made.ends[place], end, index)
        stands_in = sandbox.tasks[end.task].stands_in_for is not None
        made.ends[place].stands_in = int(stands_in)
    if sandbox.heartbeat is not None:
        made.heartbeat = _heartbeat_info(sandbox.heartbeat, kernel)
    for index, each in enumerate(sandbox.inputs):
        made.inputs[index].object = each.object
        made.inputs[index].header = each.address
    for index, stream in enumerate(sandbox.streams):
        made.streams[index] = StreamInfo(
            object=stream.object,
            driver=stream.driver,
            device=stream.device,
            registers=stream.registers,
            memory=stream.memory,
            physical=sandbox.physical(stream.memory) if stream.memory else 0,
            vector=stream.vector,
            task=stream.task,
            bottom_half=MAX_TASKS if stream.bottom_half is None else stream.bottom_half,
        )
    return made


def _heartbeat_info(plan: HeartbeatPlan, kernel: Program) -> HeartbeatInfo:
    constant = [segment for segment in kernel.segments if segment.rights != "rw"]
    program = b"".join(each.contents.ljust(page_up(each.size), b"\0") for each in constant)
    made = HeartbeatInfo(
        pulse=plan.address,
        period=plan.period,
        checked=plan.checked,
        program=crc32c(program),
        watched_count=len(plan.watched),
    )
    for index, each in enumerate(plan.watched):
        made.watched[index] = WatchedInfo(
            pulse=each.address, core=each.core, deadline=each.deadline
        )
    return made


_VCPU_KINDS = {
    "main": VcpuKind.MAIN,
    "io": VcpuKind.IO,
    "best effort": VcpuKind.BEST_EFFORT,
}


def _foreign_blocks(sandbox: SandboxPlan, kernel: ForeignKernel) -> Iterator[Block]:
    """What a foreign kernel's file puts into its memory, and what lies above it."""
    for part in whole_pages(kernel.parts):
        yield Block(sandbox.physical(part.address), part.contents, part.size)
    for window in sandbox.kernel_windows[1:]:
        match window.name:
            case "info":
                filling = bytes(foreign_page(sandbox, kernel.command_line))
            case "boot parameters":
                assert kernel.linux_header is not None
                filling = linux_parameters(
                    kernel.linux_header,
                    window.address,
                    kernel.command_line,
                    memory_ranges(sandbox.memory),
                )
            case "page tables":
                filling = identity_map(window.address).contents(window.address)
            case _:
                filling = b""
        yield Block(window.physical, filling, window.size)


# ---- the boot --------------------------------------------------------------------------------


def _boot_blocks(plan: Plan, boot: Program, others: list[Block]) -> list[Block]:
    """The boot's own program, with its plan in place."""
    blocks = []
    address = boot.symbols.address("boot_plan")
    fixed = [
        Block(segment.address, segment.contents, segment.size)
        for segment in boot.segments
        if segment.rights != "rw"
    ]
    for segment in boot.segments:
        filling = segment.contents
        if segment.address <= address < segment.address + segment.size:
            image = bytearray(segment.size)
            image[: len(filling)] = filling
            told = bytes(boot_plan(plan, [*fixed, *others]))
            image[address - segment.address : address - segment.address + len(told)] = told
            filling = bytes(image)
        blocks.append(Block(segment.address, filling, segment.size))
    return blocks


def _facts_offset(sandbox: SandboxPlan) -> int:
    return offsetof(ForeignPage if sandbox.foreign else SandboxInfo, "machine")


def boot_plan(plan: Plan, blocks: list[Block]) -> BootPlan:
    """What the boot is told; ``blocks`` are checked before anything of them is used."""
    made = BootPlan(
        core_count=plan.cores,
        x2apic=X2ApicUse[plan.x2apic.upper()],
        exit_port=EXIT_PORT,
        msr_map=plan.boot_msr_map,
    )
    made.monitor_slot = addresses.MONITOR_PROGRAM >> _TOP_SHIFT & 0x1FF
    for sandbox in plan.sandboxes:
        core = made.cores[sandbox.core]
        stack = next(part for part in sandbox.monitor_windows if part.name == "stack")
        core.tables = sandbox.monitor_tables
        core.stack = sandbox.monitor_stack_top
        core.stack_physical = stack.physical + stack.size
        core.entry = sandbox.monitor_entry
        core.monitor_plan = sandbox.monitor_plan
        core.sandbox_facts = sandbox.info + _facts_offset(sandbox)
    routes = [(stream, sandbox) for sandbox in plan.sandboxes for stream in sandbox.streams]
    made.route_count = len(routes)
    for index, (stream, sandbox) in enumerate(routes):
        made.routes[index] = Route(
            interrupt=stream.interrupt, core=sandbox.core, vector=stream.vector
        )
    regions = [*_checked(blocks), *((start, size, b"") for start, size in _used(plan))]
    made.region_count = len(regions)
    for index, (start, size, image) in enumerate(regions):
        made.regions[index].start, made.regions[index].size = start, size
        made.regions[index].checked = len(image)
        made.regions[index].crc = crc32c(image) if image else 0
    made.crc = crc32c(bytes(made)[: offsetof(BootPlan, "crc")])
    return made


def _used(plan: Plan) -> Iterator[tuple[int, int]]:
    """All memory of the plan as (start, size), neighbours joined."""
    start = end = plan.regions[0].start
    for region in plan.regions:
        if region.start != end:
            yield start, end - start
            start = region.start
        end = region.end
    yield start, end - start


def _checked(blocks: list[Block]) -> Iterator[tuple[int, int, bytes]]:
    """What the image fills as (start, size, bytes), in whole words: zeros in between count too."""
    for segment in segments(blocks):
        if segment.contents:
            whole = segment.contents + bytes(-len(segment.contents) % 8)
            yield segment.start, len(whole), whole
