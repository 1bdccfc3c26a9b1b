"""What a description means: who may do what with which page, register and port.

The rights come from the description alone, and from the programs' own sections: code is read and
executed, constants are read, data is read and written. Where a thing lies is the plan's claim,
which ``owners`` checks. The plan's own rights and views are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from questv.audit.binaries import Binary
from questv.audit.model import PAGE, after_takeover
from questv.plan.model import Owner, Plan, ProcessPlan, Region, SandboxPlan, Window
from questv.system.model import (
    ApicMode,
    Channel,
    OnFault,
    RingChannel,
    System,
    Undeclared,
    VirtioConsoleDevice,
)
from questv.system.reserved import RESERVED_MSRS, RESERVED_PORTS

APIC = 0xFEE0_0000
"""The page of the local APIC (APM vol. 2, 16.3.1): each core sees its own there."""


@dataclass(frozen=True)
class Wiring:
    """How a device is reached, by ports or a page, and by which interrupt it reaches its driver."""

    ports: range
    interrupt: int
    page: int | None = None


DEVICES = {
    "com1": Wiring(range(0x3F8, 0x400), 4),
    "com2": Wiring(range(0x2F8, 0x300), 3),
}
"""The serial ports of a PC, as they have always been."""

_VIRTIO = 0xFEB0_0000
_VIRTIO_SIZE = 0x200
_VIRTIO_INTERRUPT = 24
_VIRTIO_SLOTS = range(1, 24)


def _virtio(slot: int) -> Wiring:
    """A virtio device of QEMU's microvm: a page has the registers of eight slots."""
    return Wiring(range(0), _VIRTIO_INTERRUPT + slot, _VIRTIO + slot * _VIRTIO_SIZE & -PAGE)


# MSRs of the x2APIC (APM vol. 2, 16.11): 0x800 and the register's offset in the page over 16.
_GUARDED_READ = (
    0x802,  # ID
    0x803,  # version
    0x808,  # task priority
    *range(0x810, 0x828),  # in service, trigger mode, requested: eight words each
    0x828,  # error status
    0x832,  # the timer's mode; to write it is the monitor's
    0x838,  # the timer's initial count
    0x839,  # the timer's current count
    0x83E,  # the timer's divisor
)
_GUARDED_WRITE = (
    0x808,  # task priority
    0x80B,  # end of interrupt
    0x828,  # error status
    0x838,  # the timer's initial count
    0x83E,  # the timer's divisor
    0x83F,  # an interrupt to the own core
)
_DIRECT = range(0x800, 0x840)

# What any kernel needs for itself, besides; it is of no use on another core.
_FOREIGN_READ = (0x1B,)  # APIC_BASE
_FOREIGN_BOTH = (
    *range(0x174, 0x177),  # SYSENTER (APM vol. 2, 6.1.2)
    *range(0xC000_0081, 0xC000_0085),  # STAR, LSTAR, CSTAR, SFMASK (APM vol. 2, 6.1.1)
    *range(0xC000_0100, 0xC000_0104),  # bases of FS and GS, TSC_AUX
)

FOUR_SLOTS = 4

# Where a monitor that may restart its kernel sees what it writes then, and its sandbox's memory.
RESTART_IMAGE = 0x80_4000_0000
RESTART_MEMORY = 0xC0_0000_0000


@dataclass(frozen=True)
class Stretch:
    """``size`` bytes of addresses from ``start`` on show memory from ``physical`` on."""

    start: int
    size: int
    physical: int
    rights: str
    what: str
    device: bool = False

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.start + self.size


@dataclass(frozen=True)
class Mover:
    """A task that can be in several sandboxes, its own first, and the channels that it has ends of.

    What it has is what its table names in ``bind``: a rule holds it to naming all.
    """

    name: str
    places: tuple[str, ...]
    channels: frozenset[str]

    @property
    def home(self) -> str:
        """Its own sandbox."""
        return self.places[0]

    def name_in(self, sandbox: str) -> str:
        """What it is called there."""
        return self.name if sandbox == self.home else f"{self.home}.{self.name}"


def movers_of(system: System) -> tuple[Mover, ...]:
    """All of them."""
    return tuple(
        Mover(
            task.name,
            (sandbox.name, *task.migrates_to),
            frozenset(
                channel.name
                for channel in system.channels
                if channel.name in task.bind.values()
                and sandbox.name in (channel.sender, channel.receiver)
            ),
        )
        for sandbox in system.sandboxes
        for task in sandbox.tasks
        if task.migrates_to
    )


@dataclass(frozen=True)
class StandIn:
    """A task that can take the place of another sandbox's, and the channels of which it then has
    that one's ends.

    They are those that its table names in ``bind``: a rule holds it to naming all.
    """

    sandbox: str
    home: str
    original: str
    channels: frozenset[str]


def stand_ins_of(system: System) -> tuple[StandIn, ...]:
    """All whose sandbox is the one to which the other fails over."""
    standbys = {
        sandbox.name: sandbox.recovery.to
        for sandbox in system.sandboxes
        if sandbox.recovery is not None and sandbox.recovery.on_fault is OnFault.FAIL_OVER
    }
    return tuple(
        StandIn(
            sandbox.name,
            home,
            original,
            frozenset(
                channel.name
                for channel in system.channels
                if channel.name in task.bind.values() and home in (channel.sender, channel.receiver)
            ),
        )
        for sandbox in system.sandboxes
        for task in sandbox.tasks
        if task.stands_in_for is not None
        for home, _, original in [task.stands_in_for.partition(".")]
        if standbys.get(home) == sandbox.name
    )


class Declared:
    """One system: its description, the plan's claims of where things are, and its programs."""

    def __init__(
        self,
        system: System,
        plan: Plan,
        monitor: Binary,
        kernels: Mapping[str, Binary],
        processes: Mapping[str, Binary],
    ) -> None:
        """Take the plan's claims as they are; ``owners`` has to check them."""
        self.system = system
        self.plan = plan
        self.monitor_program = monitor
        self.kernel_programs = kernels
        self.process_programs = processes
        self.sandboxes = {sandbox.name: sandbox for sandbox in system.sandboxes}
        self.cores = dict(zip(self.sandboxes, system.cores(), strict=True))
        self.movers = movers_of(system)
        self.stand_ins = stand_ins_of(system)
        self.failing = {each.sandbox: each.home for each in self.stand_ins}
        """By the sandbox that stands by, the one that fails over to it."""
        self.heartbeats = {
            sandbox.name: sandbox.heartbeat
            for sandbox in system.sandboxes
            if sandbox.heartbeat is not None
        }
        self.view = cache(self._view)
        self.reach = cache(self._reach)
        self.kernel = cache(self._kernel)
        self.monitor = cache(self._monitor)

    # ---- memory ------------------------------------------------------------------------------

    def _view(self, name: str) -> list[Stretch]:
        """All that a sandbox may reach: at its own address, or from 0 for a foreign kernel."""
        if self.is_foreign(name):
            return self._foreign(name)
        parts = [
            *self._own_memory(name),
            *self._sides(name, taken_over=False),
            *self._signs_of_life(name),
            *self._movers(name),
            *self._inputs(name),
            *self._registers(name),
            *([_apic(APIC)] if self.is_direct(name) else []),
        ]
        return sorted(parts, key=lambda part: part.start)

    def _reach(self, name: str) -> list[Stretch]:
        """The same once another sandbox has failed over to this one, if one can."""
        parts = [*self.view(name), *self._sides(name, taken_over=True), *self._kept_by(name)]
        return sorted(parts, key=lambda part: part.start)

    def _kept_by(self, name: str) -> Iterator[Stretch]:
        """What survives of the states of the tasks for which others stand in here."""
        for each in self.stand_ins:
            if each.sandbox == name:
                for part in self._kept(each.home, each.original):
                    yield _identity(part.physical, part.size, part.rights, part.what)

    def _kept(self, name: str, task: str) -> list[Stretch]:
        """What survives of a task's states in its own kernel, as far as it is data there."""
        plan = self.plan.sandbox(name)
        slots = {
            state.kept.slots
            for each in plan.tasks
            if each.name == task and each.process is None
            for state in each.states
            if state.kept is not None
        }
        own = self.memory_of(name)
        return [
            _identity(window.physical, window.size, rights, window.name)
            for window, rights in self._own_windows(plan)
            if window.address in slots
            and rights == "rw"
            and own.start <= window.physical
            and window.physical + window.size <= own.end
        ]

    def _foreign(self, name: str) -> list[Stretch]:
        """A foreign kernel's memory, all rights in it; above it what it is told, and data."""
        plan, memory = self.plan.sandbox(name), self.sandboxes[name].memory
        parts = []
        for window in plan.kernel_windows:
            rights = "r" if window.physical == plan.info else "rw"
            rights = "rwx" if window.address < memory else rights
            parts.append(Stretch(window.address, window.size, window.physical, rights, window.name))
        return sorted(parts, key=lambda part: part.start)

    def _own_memory(self, name: str) -> list[Stretch]:
        """A sandbox's own memory; what is no code and no constant is data."""
        plan, region = self.plan.sandbox(name), self.memory_of(name)
        parts = []
        free = region.start
        for window, rights in self._own_windows(plan):
            if not region.start <= window.physical < region.end:
                continue
            if free < window.physical:
                parts.append(_identity(free, window.physical - free, "rw", "free memory"))
            parts.append(_identity(window.physical, window.size, rights, window.name))
            free = window.physical + window.size
        if free < region.end:
            parts.append(_identity(free, region.end - free, "rw", "page tables and free memory"))
        return parts

    def _own_windows(self, plan: SandboxPlan) -> list[tuple[Window, str]]:
        """What a kernel and its processes have of its memory, with the rights, in order.

        What a process is told is its kernel's to write, which sees it, too.
        """
        found = [
            (window, self._kernel_part(plan.name, window.address)) for window in plan.kernel_windows
        ]
        for process in plan.processes:
            told = self.process_programs[process.program].address("process_info")
            task = plan.tasks[process.task].name
            found += [
                (_named(window, task), self._process_part(process, window.address))
                for window in process.windows
                if window.address != told
            ]
        return sorted(found, key=lambda each: each[0].physical)

    def _movers(self, name: str) -> list[Stretch]:
        """The memory of the tasks that can be in a sandbox and in others; all share the data."""
        parts = []
        for process in self.plan.sandbox(name).processes:
            region = self.moving(name, process)
            if region is None:
                continue
            parts.append(_identity(region.start, PAGE, "rw", "moves"))
            task = self.plan.sandbox(name).tasks[process.task].name
            for window in process.windows:
                if region.start <= window.physical < region.end:
                    rights = self._process_part(process, window.address)
                    what = _named(window, task).name
                    parts.append(_identity(window.physical, window.size, rights, what))
        return parts

    def moving(self, name: str, process: ProcessPlan) -> Region | None:
        """The region that is a process's of a sandbox, if it is one that moves."""
        task = self.plan.sandbox(name).tasks[process.task].name
        of = [each for each in self.movers if name in each.places and each.name_in(name) == task]
        if not of:
            return None
        wanted = f"{of[0].home}.{of[0].name}"
        regions = (each for each in self.plan.regions if each.owner is Owner.TASK)
        return next((each for each in regions if each.of == wanted), None)

    def _process_part(self, process: ProcessPlan, address: int) -> str:
        """The rights to a part of a process's own memory."""
        program = self.process_programs[process.program]
        section = program.section_at(address)
        if section is not None:
            return section.rights
        return "r" if address == program.address("process_info") else "rw"

    def process(self, process: ProcessPlan, name: str) -> list[Stretch]:
        """What a process of a sandbox shows to user mode: its own memory, its ends and inputs."""
        plan = self.plan.sandbox(name)
        own = range(process.start, process.start + process.size)
        sides = {
            area.start: "rw" if name in writers else "r"
            for channel in self.system.channels
            if any(end.channel == channel.name and end.task == process.task for end in plan.ends)
            for writers, area in self.sides(channel)
        }
        inputs = {each.physical: "r" for each in process.inputs}
        parts = []
        for window in process.windows:
            rights = (sides | inputs).get(window.physical)
            told = self.process_programs[process.program].address("process_info")
            if window.physical in own or window.address == told:
                rights = self._process_part(process, window.address)
            if rights is not None:
                parts.append(
                    Stretch(window.address, window.size, window.physical, rights, window.name)
                )
        return sorted(parts, key=lambda part: part.start)

    def _kernel_part(self, name: str, address: int) -> str:
        """The rights to a part of a kernel's own memory, by its address in the kernel."""
        program = self.kernel_programs[name]
        section = program.section_at(address)
        if section is not None:
            return section.rights
        return "r" if address == program.address("sandbox_info") else "rw"

    def _signs_of_life(self, name: str) -> Iterator[Stretch]:
        """Who has a heartbeat writes its own page, and reads those that it watches."""
        told = self.heartbeats.get(name)
        if told is not None:
            for whom in (name, *told.watches):
                page = self.heartbeat_page(whom)
                if page is not None:
                    yield _identity(page.start, PAGE, "rw" if whom == name else "r", page.name)

    def heartbeat_page(self, name: str) -> Region | None:
        """The page for a sandbox's heartbeat; ``owners`` knows that there is one."""
        regions = (each for each in self.plan.regions if each.owner is Owner.HEARTBEAT)
        return next((each for each in regions if each.of == name), None)

    def _sides(self, name: str, *, taken_over: bool) -> list[Stretch]:
        """Each party to a channel writes its own side, and reads the other's.

        Of some it is one only when it has ``taken_over``.
        """
        parts = []
        for channel in self.system.channels:
            sides = self.sides(channel)
            if not any(name in writers for writers, _ in sides):
                continue
            if self._is_taken_over(channel, name) != taken_over:
                continue
            for writers, area in sides:
                rights = "rw" if name in writers else "r"
                parts.append(_identity(area.start, area.size, rights, area.name))
        return parts

    def parties(self, channel: Channel) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Where the task at each end of a channel can be, the sending one first."""
        return self._party(channel, channel.sender), self._party(channel, channel.receiver)

    def _is_taken_over(self, channel: Channel, name: str) -> bool:
        """Whether a sandbox is a party of a channel only by standing in for another one."""
        return name not in (channel.sender, channel.receiver) and any(
            each.sandbox == name and channel.name in each.channels for each in self.stand_ins
        )

    def _party(self, channel: Channel, home: str) -> tuple[str, ...]:
        for each in self.stand_ins:
            if each.home == home and channel.name in each.channels:
                return (home, each.sandbox)
        for mover in self.movers:
            if mover.home == home and channel.name in mover.channels:
                return mover.places
        return (home,)

    def sides(self, channel: Channel) -> list[tuple[tuple[str, ...], Region]]:
        """Who writes which of a channel's two sides."""
        plan = next(each for each in self.plan.channels if each.name == channel.name)
        found = []
        starts = (plan.sender_area, plan.receiver_area)
        for writers, start in zip(self.parties(channel), starts, strict=True):
            region = self.plan.region_at(start)
            if region is not None:
                found.append((writers, region))
        return found

    def sharers(self, address: int) -> tuple[str, ...]:
        """Who may all write a page: sandboxes between which a task moves, or one and its monitor,
        if that may restart it, or one and another to which it fails over."""
        region = self.plan.region_at(address)
        if region is not None and region.owner is Owner.SANDBOX:
            for each in self.stand_ins:
                kept = self._kept(each.home, each.original) if each.home == region.of else []
                if any(part.start <= address < part.end for part in kept):
                    return (each.home, after_takeover(each.sandbox))
        if region is not None and region.owner is Owner.SANDBOX and self.is_restarted(region.of):
            return (region.of, f"monitor of {region.of}")
        if region is not None and region.owner is Owner.TASK:
            names = {f"{each.home}.{each.name}": each.places for each in self.movers}
            return names.get(region.of, ())
        if region is not None and region.owner is Owner.CHANNEL:
            for channel in self.system.channels:
                for writers, area in self.sides(channel):
                    if area == region:
                        return tuple(
                            after_takeover(each) if self._is_taken_over(channel, each) else each
                            for each in writers
                        )
        return ()

    def _inputs(self, name: str) -> list[Stretch]:
        regions = [self.plan.region_at(each.physical) for each in self.plan.sandbox(name).inputs]
        return [
            _identity(region.start, region.size, "r", region.name)
            for region in regions
            if region is not None
        ]

    def _registers(self, name: str) -> list[Stretch]:
        """The pages on which the registers of a sandbox's devices are."""
        pages = {device.page for device in self.devices(name) if device.page is not None}
        return [
            Stretch(page, PAGE, page, "rw", "virtio registers", device=True)
            for page in sorted(pages)
        ]

    def _kernel(self, name: str) -> list[Stretch]:
        """What a kernel's own tables show: no more than its views give, at the places claimed."""
        parts = []
        for window in self.plan.sandbox(name).kernel_windows:
            for part in self.reach(name):
                if part.start <= window.physical < part.end:
                    parts.append(
                        Stretch(
                            window.address,
                            window.size,
                            window.physical,
                            part.rights,
                            window.name,
                            part.device,
                        )
                    )
        return sorted(parts, key=lambda part: part.start)

    def _monitor(self, name: str) -> list[Stretch]:
        """What a monitor's own tables show.

        Its program, its part of the plan, its data, every monitor's public page, and the APIC; of
        the public pages it writes its own alone. If it may restart its kernel also what it writes
        then, and its sandbox's memory, of which it may write what the kernel may.
        """
        program = self.monitor_program
        apic, peers = program.address("monitor_apic_page"), program.address("monitor_peers")
        parts = [_apic(apic)]
        for other, core in self.cores.items():
            public = self.plan.sandbox(other).public
            address = peers + core * PAGE
            parts.append(Stretch(address, PAGE, public, "r", f"public page of {other}"))
        for window in self.plan.sandbox(name).monitor_windows:
            if window.address < peers and window.address != apic:
                rights = self._monitor_part(window.address)
                parts.append(
                    Stretch(window.address, window.size, window.physical, rights, window.name)
                )
        page = self.heartbeat_page(name)
        if page is not None:
            address = program.address("monitor_pulse")
            parts.append(Stretch(address, PAGE, page.start, "r", page.name))
        if self.is_restarted(name):
            parts += self._for_restarts(name)
        return sorted(parts, key=lambda part: part.start)

    def _for_restarts(self, name: str) -> Iterator[Stretch]:
        image = self.image_of(name)
        if image is not None:
            yield Stretch(RESTART_IMAGE, image.size, image.start, "r", "image for restarts")
        memory = self.memory_of(name)
        for part in self.view(name):
            if memory.start <= part.physical < memory.end:
                rights = "rw" if "w" in part.rights else "r"
                start = RESTART_MEMORY + part.physical
                yield Stretch(start, part.size, part.physical, rights, f"kernel's {part.what}")

    def is_restarted(self, name: str) -> bool:
        """Whether a sandbox's monitor may restart its kernel."""
        recovery = self.sandboxes[name].recovery
        return recovery is not None and recovery.on_fault is OnFault.RESTART

    def image_of(self, name: str) -> Region | None:
        """What a restart of a sandbox's kernel writes; ``owners`` knows whose that is."""
        told = self.plan.sandbox(name).recovery
        return None if told is None else self.plan.region_at(told.image)

    def _monitor_part(self, address: int) -> str:
        section = self.monitor_program.section_at(address)
        if section is not None:
            return section.rights
        return "r" if address == self.monitor_program.address("monitor_plan") else "rw"

    # ---- registers, ports, doorbells ---------------------------------------------------------

    def msrs(self, name: str) -> set[tuple[int, str]]:
        """The MSRs that a sandbox reaches without its monitor, to ``read`` or to ``write``."""
        if self.is_direct(name):
            found = {(number, access) for number in _DIRECT for access in ("read", "write")}
        else:
            found = {(number, "read") for number in _GUARDED_READ}
            found |= {(number, "write") for number in _GUARDED_WRITE}
        if self.is_foreign(name):
            found |= {(number, "read") for number in (*_FOREIGN_READ, *_FOREIGN_BOTH)}
            found |= {(number, "write") for number in _FOREIGN_BOTH}
        for msr in self.sandboxes[name].msrs:
            if any(msr.number in reserved.numbers for reserved in RESERVED_MSRS):
                continue  # nobody can be given it, whatever is written
            found.add((msr.number, "read"))
            if msr.access == "rw":
                found.add((msr.number, "write"))
        return found

    def ports(self, name: str) -> set[int]:
        """The I/O ports that a sandbox reaches without its monitor."""
        found: set[int] = set()
        for ports in self.sandboxes[name].ports:
            found.update(range(ports.first, ports.last + 1))
        for reserved in RESERVED_PORTS:
            found.difference_update(reserved.numbers)
        for device in self.devices(name):
            found.update(device.ports)
        return found

    def devices(self, name: str) -> list[Wiring]:
        """The devices that a sandbox drives."""
        found = []
        for device in self.system.devices:
            if device.owner == name and isinstance(device, VirtioConsoleDevice):
                if device.slot in _VIRTIO_SLOTS:
                    found.append(_virtio(device.slot))
            elif device.owner == name and device.name in DEVICES:
                found.append(DEVICES[device.name])
        return found

    def unbounded(self) -> tuple[str, ...]:
        """The sandboxes that drive a device which reads and writes any memory by DMA."""
        return tuple(
            name
            for name in self.sandboxes
            if any(device.page is not None for device in self.devices(name))
        )

    def bells(self, name: str) -> list[str]:
        """For each doorbell that a sandbox may ring, whom.

        One for each end of a channel, to each place where the other end can be; and one to each
        sandbox between which and this one tasks move.
        """
        found: list[str] = []
        for channel in self.system.channels:
            senders, receivers = self.parties(channel)
            found += receivers if name in senders else ()
            found += senders if name in receivers else ()
        moves = {place for each in self.movers if name in each.places for place in each.places}
        return sorted([*found, *(moves - {name})])

    def is_direct(self, name: str) -> bool:
        """Whether a sandbox has its local APIC to itself."""
        return self.sandboxes[name].apic is ApicMode.DIRECT

    def is_foreign(self, name: str) -> bool:
        """Whether a sandbox's kernel is somebody else's."""
        return self.sandboxes[name].kernel is not None

    def may_write_code(self, party: str) -> bool:
        """Whether somebody, a sandbox or a monitor, may execute what it writes itself."""
        return party in self.sandboxes and self.is_foreign(party)

    def seems_absent(self, name: str) -> bool:
        """Whether what is not a kernel's own is to seem not to be there, rather than stop it."""
        kernel = self.sandboxes[name].kernel
        return kernel is not None and kernel.undeclared is Undeclared.ABSENT

    # ---- words -------------------------------------------------------------------------------

    def memory_of(self, name: str) -> Region:
        """The region that a sandbox has as its memory; ``owners`` knows that there is one."""
        return next(
            region
            for region in self.plan.regions
            if region.owner is Owner.SANDBOX and region.of == name
        )

    def owner_at(self, address: int) -> Owner | None:
        """The kind of owner of a physical page; None if it is nobody's."""
        region = self.plan.region_at(address)
        return None if region is None else region.owner

    def whose(self, address: int) -> str:
        """What lies at a physical address."""
        region = self.plan.region_at(address)
        if region is not None:
            return region.name
        if APIC <= address < APIC + PAGE:
            return "the local APIC"
        if _VIRTIO <= address < _VIRTIO + _VIRTIO_SIZE * _VIRTIO_SLOTS.stop:
            return "registers of virtio devices"
        if address < self.system.machine.memory:
            return "memory that is nobody's"
        return "outside the memory of the plan"

    def parts(self, start: int, end: int) -> tuple[str, ...]:
        """What parts of a sandbox's or a monitor's memory lie between two physical addresses."""
        region = self.plan.region_at(start)
        if region is None or region.of not in self.sandboxes:
            return ()
        if region.owner is Owner.SANDBOX:
            found = self.view(region.of)
        elif region.owner is Owner.MONITOR:
            peers = self.monitor_program.address("monitor_peers")
            found = [part for part in self.monitor(region.of) if part.start < peers]
        else:
            return ()
        names = [
            _kind(part.what)
            for part in found
            if part.physical < end and part.physical + part.size > start
        ]
        return tuple(dict.fromkeys(names))


def _kind(part: str) -> str:
    """What all parts of a memory are called together that are like this one."""
    kind, space, _ = part.partition(" ")
    return _KINDS.get(kind + space, part)


_KINDS = {"stack ": "stacks", "state ": "states", "kept ": "kept states"}


def _named(window: Window, task: str) -> Window:
    """A part of a process's memory, as a part of its sandbox's."""
    return window.model_copy(update={"name": f"process {task}: {window.name}"})


def least_sizes(channel: Channel) -> tuple[int, int]:
    """The bytes that the sending and the receiving side of a channel take at least."""
    if isinstance(channel, RingChannel):
        return channel.size, PAGE
    return FOUR_SLOTS * channel.message, PAGE


def _identity(start: int, size: int, rights: str, what: str) -> Stretch:
    return Stretch(start, size, start, rights, what)


def _apic(address: int) -> Stretch:
    return Stretch(address, PAGE, APIC, "rw", "local APIC", device=True)
