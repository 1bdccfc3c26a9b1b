"""The plan: who owns which memory, who sees it where, and where everything in it lies.

It is stored in the image, so that tools can look into a machine that runs it. Addresses and sizes
are in bytes; rights are ``r``, ``rw``, ``rx`` or ``rwx``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

Rights = Literal["r", "rw", "rx", "rwx"]


class Part(BaseModel):
    """Base of the plan's parts: they never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Owner(StrEnum):
    """Who a region belongs to."""

    BOOT = "boot"
    MONITOR = "monitor"
    HARDWARE = "hardware"  # read by the processor only: nested tables, permission maps
    SANDBOX = "sandbox"
    CHANNEL = "channel"
    INPUT = "input"
    HEARTBEAT = "heartbeat"  # a kernel's signs of life
    TASK = "task"  # the memory of a task that moves; its kernels share it
    GUARD = "guard"  # ones behind the MSR permission maps, where QEMU looks for what is not in them


class Region(Part):
    """A stretch of physical memory. ``of`` names the sandbox, channel or input it belongs to.

    A task is named with its sandbox: ``sandbox.task``.
    """

    name: str
    owner: Owner
    of: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.start + self.size


class Window(Part):
    """Memory as somebody sees it: at ``address``, physical memory from ``physical`` on.

    What is ``kept`` a restart of its kernel leaves as it is. What is ``taken_over`` is another
    sandbox's, and can be reached only when that has failed over to this one.
    """

    name: str
    address: int
    physical: int
    size: int
    rights: Rights
    device: bool = False
    kept: bool = False
    taken_over: bool = False

    def holds(self, address: int) -> bool:
        """Whether somebody sees something of it at ``address``."""
        return self.address <= address < self.address + self.size


class VcpuPlan(Part):
    """What gives tasks time: its index in the kernel is its place in the list.

    Times are in nanoseconds, ``utilization`` is in parts of
    ``questv.system.timing.WHOLE_CORE``. A main VCPU has a
    budget each period, and ``overrun_budget``, which is no less, in the kernel's raised modes.
    """

    name: str
    kind: Literal["main", "io", "best effort"]
    level: int = 0
    period: int = 0
    budget: int = 0
    overrun_budget: int = 0
    utilization: int = 0


class CallPlan(Part):
    """A function and what it is called with: its arguments that are no floats, and the bits of
    those that are."""

    symbol: str
    arguments: tuple[int, ...]
    floats: tuple[int, ...] = ()


class KeptPlan(Part):
    """What survives of a state of this version: its slots, ``size`` bytes in all, are at ``slots``.

    ``index`` is its place among those of its kernel, or of its process.
    """

    index: int
    version: int
    slots: int
    size: int


class StatePlan(Part):
    """A task's own object for its parameter ``name``; ``kept`` is None if it does not survive."""

    name: str
    address: int
    size: int
    kept: KeptPlan | None


class TaskPlan(Part):
    """A task: its index in the kernel is its place in the list, the most urgent first.

    It is called once or each ``period``, or it is the bottom half of a device, whose name is its
    own, with the period of the task that it works for, or it moves others. Times are in
    nanoseconds; ``priority`` is that among the tasks of its VCPU, None if it is alone there.
    """

    name: str
    kind: Literal["once", "periodic", "bottom half", "migration"]
    function: str
    body: CallPlan
    initialize: CallPlan | None
    vcpu: int
    priority: int | None
    period: int
    deadline: int
    stack_size: int
    stack_needed: int
    stack_top: int
    float_state: int
    """Address of what the kernel keeps of its floating-point registers, 0 if it uses none."""
    states: tuple[StatePlan, ...]
    stands_in_for: str | None
    """The task of another sandbox whose place it can take, as ``sandbox.task``."""
    process: int | None
    """Its place among the sandbox's processes, if it is one.

    Then its stack here is what the kernel uses on its behalf.
    """


class PeerPlan(Part):
    """How an end of a channel and the other side ring each other, if that is on ``core``.

    ``vector`` leads there, ``bell`` back.
    """

    core: int
    vector: int
    bell: int


class EndPlan(Part):
    """An end of a channel: its index in the kernel is its place in the list.

    ``peers`` has the places where the other side can be, its own sandbox first; ``place`` is that
    of this end among those of its side. If the other side ``roams`` it goes to and fro between
    them; else it comes to the second place when its sandbox has failed.
    """

    channel: str
    role: Literal["sender", "receiver", "writer", "reader"]
    task: int
    object: int
    own: int
    peer: int
    size: int
    wait: int
    """Of a process's end: address of the kernel's ``Wait`` for it; 0 for a kernel's own."""
    place: int
    roams: bool
    peers: tuple[PeerPlan, ...]

    @property
    def bell_vector(self) -> int:
        """The vector by which the other side rings, where it belongs."""
        return self.peers[0].bell

    @property
    def peer_vector(self) -> int:
        """The vector by which it is rung there."""
        return self.peers[0].vector

    @property
    def peer_core(self) -> int:
        """The core on which it is then."""
        return self.peers[0].core


class PlacePlan(Part):
    """One of the kernels that a task can be in, as another of them knows it.

    Vectors are of the doorbells that have to do with moves, 0 where a kernel would ring itself;
    times are in nanoseconds: see ``kernel.moves.Place``.
    """

    sandbox: str
    core: int
    vector: int
    bell: int
    response: int
    service: int


class MovePlan(Part):
    """What a kernel knows of a process that moves: the page that its kernels share, where it sees
    that, its own place, and all ``places``."""

    page: int
    address: int
    own: int
    places: tuple[PlacePlan, ...]


class ProcessPlan(Part):
    """A task's own program in ring 3, with an address space of its own.

    ``start`` and ``size`` are the stretch of its sandbox's memory that has all of it: what its own
    ``windows`` show, the kernel's record of it, and the page tables below the top one. Its part of
    the address space begins at ``base``. ``info`` is where the kernel sees what it tells the
    process, and ``object`` where it keeps what it knows of it.

    Of a process that moves the stretch is outside of its sandboxes' memory, with what it shows of
    its own alone: each kernel has a record and page tables of its own for it.
    """

    task: int
    program: str
    start: int
    size: int
    base: int
    info: int
    object: int
    tables: int
    lower_tables: int
    stack_size: int
    stack_needed: int
    stack_top: int
    restored: int
    """Address of a byte for each of its states that survive, by their places: 1 if restored."""
    windows: tuple[Window, ...]
    inputs: tuple[InputPlan, ...]
    move: MovePlan | None

    @property
    def begins_here(self) -> bool:
        """Whether this is its own kernel."""
        return self.move is None or self.move.own == 0


class InputPlan(Part):
    """A host's file: its header lies at ``physical``, its bytes on the page after."""

    name: str
    capacity: int
    object: int
    address: int
    physical: int


class MutexPlan(Part):
    """A mutex; ``ceiling`` is the index of the most urgent task that uses it, ``hold`` the
    nanoseconds that it is held at most."""

    name: str
    object: int
    ceiling: int
    hold: int


class MeterPlan(Part):
    """Something that tasks count: a variable, or a field of a task's state."""

    name: str
    kind: Literal["counter", "histogram"]
    address: int


class DevicePlan(Part):
    """A device that a sandbox drives.

    ``slot`` is its place among the virtio devices, if it is one. ``registers`` is its first I/O
    port or a physical address; ``interrupt`` is the ISA's below 16, and from there on the number of
    a line of the I/O APICs.
    """

    name: str
    kind: Literal["uart", "virtio-console"]
    slot: int | None
    registers: int
    interrupt: int

    @property
    def reaches_all_memory(self) -> bool:
        """Whether whoever drives it can have it read and write any memory."""
        return self.slot is not None


class StreamPlan(Part):
    """A device that a task drives, with what the kernel has for it.

    ``memory`` is what the kernel shares with the device, 0 if nothing. Its driver is at ``driver``,
    which keeps what it knows of the device at ``device``. ``bottom_half`` is the task that does
    what its interrupts ask for, None if they do it themselves.
    """

    name: str
    task: int
    bottom_half: int | None
    object: int
    driver: int
    device: int
    registers: int
    memory: int
    interrupt: int
    vector: int


class StartPlan(Part):
    """How a kernel begins, in 64-bit mode with paging on or in 32-bit mode without.

    Addresses are the kernel's own; the registers that are not here are zero.
    """

    mode: Literal["64-bit", "32-bit"] = "64-bit"
    rbx: int = 0
    rsi: int = 0
    rdi: int = 0


class ForeignPlan(Part):
    """What is known of a foreign kernel."""

    file: str
    format: str
    undeclared: Literal["absent", "stop"]


class WatchedPlan(Part):
    """A kernel that another one watches, which sees its signs of life at ``address``."""

    sandbox: str
    core: int
    address: int
    deadline: int


class HeartbeatPlan(Part):
    """A kernel's signs of life: on the page at ``physical``, which it sees at ``address``.

    Times are in nanoseconds: it gives one each ``period``, and has hung after ``deadline``. Between
    two suspicions of one that it watches there is a ``gap`` at least. Each time it checks so many
    bytes of its memory.
    """

    physical: int
    address: int
    period: int
    deadline: int
    watched: tuple[WatchedPlan, ...]
    gap: int
    checked: int


class RecoveryPlan(Part):
    """How a kernel is restarted after a fault: see ``monitor.plan.RecoveryPlan``.

    ``image`` is where what a restart writes lies in physical memory, ``size`` how much that is at
    most.
    """

    limit: int
    window: int
    back_off: int
    image: int
    size: int


class FailOverPlan(Part):
    """Who stands by for a sandbox, on which core, and the vector by which that is told."""

    to: str
    core: int
    bell: int


class TakeoverPlan(Part):
    """For whom a sandbox stands by, the same vector, and what it can reach after a fail-over."""

    of: str
    core: int
    bell: int
    view: tuple[Window, ...]
    nested_tables: int


class SandboxPlan(Part):
    """One sandbox with its monitor.

    A foreign kernel has no VCPUs, tasks, mutexes, ends, inputs, status and ``restored``. Its
    ``kernel_windows`` are its memory by its own physical addresses, as are all addresses of it.
    """

    name: str
    core: int
    apic: Literal["guarded", "direct"]
    memory: int
    memory_used: int
    kernel_windows: tuple[Window, ...]
    view: tuple[Window, ...]
    monitor_windows: tuple[Window, ...]
    foreign: ForeignPlan | None
    heartbeat: HeartbeatPlan | None
    recovery: RecoveryPlan | None
    """None if it is not restarted after a fault."""
    fail_over: FailOverPlan | None
    takeover: TakeoverPlan | None
    start: StartPlan
    entry: int
    stack_top: int
    kernel_tables: int
    monitor_tables: int
    monitor_entry: int
    monitor_stack_top: int
    nested_tables: int
    msr_map: int
    io_map: int
    control: int
    host_save: int
    public: int
    monitor_plan: int
    info: int
    status: int | None
    console: int
    restored: int | None
    """As of a process, of the kernel's own tasks' states."""
    vcpus: tuple[VcpuPlan, ...]
    tasks: tuple[TaskPlan, ...]
    processes: tuple[ProcessPlan, ...]
    mutexes: tuple[MutexPlan, ...]
    meters: tuple[MeterPlan, ...]
    ends: tuple[EndPlan, ...]
    inputs: tuple[InputPlan, ...]
    ports: tuple[tuple[int, int], ...]
    msrs: tuple[tuple[int, str], ...]
    devices: tuple[DevicePlan, ...]
    streams: tuple[StreamPlan, ...]
    console_port: int
    """First port of the serial port that shows the console, 0 if there is none."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """All that its kernel and its processes see."""
        return self.kernel_windows + tuple(
            window for process in self.processes for window in process.windows
        )

    def physical(self, address: int) -> int:
        """Where the virtual ``address`` is in physical memory; raises LookupError.

        It is the kernel's, or that of one of its processes.
        """
        for window in self.windows:
            if window.holds(address):
                return window.physical + address - window.address
        raise LookupError(f"{self.name} has nothing at {address:#x}")


class ChannelPlan(Part):
    """A channel between two sandboxes."""

    name: str
    kind: Literal["ring", "four-slot"]
    sender: str
    receiver: str
    size: int
    sender_area: int
    receiver_area: int


class Plan(Part):
    """The whole of it. ``memory`` is what the machine must have at least below 4 GiB."""

    name: str
    memory: int
    cores: int
    until: tuple[str, ...]
    checks: bool
    x2apic: Literal["preferred", "required"]
    boot_machine: int
    boot_msr_map: int
    regions: tuple[Region, ...]
    sandboxes: tuple[SandboxPlan, ...]
    channels: tuple[ChannelPlan, ...]

    @property
    def end(self) -> int:
        """The first address after all regions."""
        return max(region.end for region in self.regions)

    def sandbox(self, name: str) -> SandboxPlan:
        """The sandbox of this name; raises KeyError."""
        for sandbox in self.sandboxes:
            if sandbox.name == name:
                return sandbox
        raise KeyError(name)

    def region_at(self, address: int) -> Region | None:
        """The region that holds a physical address."""
        for region in self.regions:
            if region.start <= address < region.end:
                return region
        return None
