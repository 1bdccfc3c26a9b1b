"""What is found in a machine. Times are in nanoseconds of the machine's own time since its start.

Text that comes out of a sandbox is passed on as it is found, control characters and all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Found(BaseModel):
    """Base of everything that is found: it never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---- the machine -----------------------------------------------------------------------------


class AskedMachine(Found):
    """What the operator and the description ask for; ``memory`` is in bytes.

    ``run_for`` is after how many nanoseconds kernels stop themselves, None for never.
    ``interrupts`` has each sandbox's way to its local APIC, ``guarded`` or ``direct``.
    """

    kind: str
    cores: int
    memory: int
    deterministic: bool
    run_for: int | None
    x2apic: Literal["preferred", "required"]
    interrupts: dict[str, str]


class FoundMachine(Found):
    """What the boot has found; frequencies are in hertz."""

    cores: int
    x2apic: bool
    tsc_frequency: int
    apic_frequency: int


class MachineReport(Found):
    """Both; ``found`` is None until the boot has looked."""

    asked: AskedMachine
    found: FoundMachine | None


# ---- sandboxes -------------------------------------------------------------------------------


class Frame(Found):
    """A call: the function, and the source line reached in it (0 if that is unknown)."""

    function: str
    file: str
    line: int
    address: int


class PanicReport(Found):
    """Why a kernel gave up, in its own words; ``task`` is the one that ran."""

    reason: str
    task: str | None
    trace: tuple[Frame, ...]


RESTART = "restart"
STOP_STORM = "stop storm"
FAIL_OVER = "fail over"
STOP_ALONE = "stop alone"
"""Values of a ``CrashReport``'s ``action``: the sandbox goes on, was restarted too often, left what
it had to its standby, or would have if that had not ended."""


class FailOverReport(Found):
    """How what a sandbox has left went to its standby, ``to``.

    Its monitor had ``released`` it, the standby's had ``taken_over``, and the first stand-in was
    called in the standby's kernel (``served``): times, None for what has not happened.
    """

    to: str
    released: int | None
    taken_over: int | None
    served: int | None


class CrashReport(Found):
    """Why a kernel was taken from its core, and what was done about it.

    It is the ``number``-th fault of its sandbox, from 0, of the kernel's ``incarnation``. The
    ``action`` is ``stop``, ``restart``, ``fail over``, ``stop storm`` (to stop after too many
    restarts) or ``stop alone`` (as the standby has ended). Of a ``fail_over`` there is more. It was
    found at ``time``; what was to be done was ``decided``, it had ``waited``, the memory was
    ``restored``, the next kernel ``entered``, and that has ``started``: times, None for what has
    not happened.

    ``kind`` is the monitor's reason in words, ``reason`` all that is known in a sentence without
    subject and full stop. ``trace`` has the innermost call first.
    """

    number: int
    incarnation: int
    action: str
    kind: str
    reason: str
    task: str | None
    time: int | None
    decided: int | None
    waited: int | None
    restored: int | None
    entered: int | None
    started: int | None
    fail_over: FailOverReport | None = None
    registers: dict[str, int]
    trace: tuple[Frame, ...]
    panic: PanicReport | None

    @property
    def is_repaired(self) -> bool:
        """Whether somebody goes on with what the kernel did, or will."""
        return self.action == RESTART or (
            self.fail_over is not None and self.fail_over.taken_over is not None
        )


class VcpuReport(Found):
    """A VCPU, ``main``, ``io`` or ``best effort``; ``utilization`` is in units of 2**-32.

    ``used`` is for how long its tasks had the core, None if the kernel keeps no account of that;
    ``depletions`` is how often it had no budget left for what they had to do, and ``overruns`` how
    often it needed its second budget.
    """

    name: str
    kind: str
    level: int
    period: int
    budget: int
    overrun_budget: int
    utilization: int
    used: int | None
    depletions: int
    overruns: int


class FaultReport(Found):
    """Why a task that is a process was ended: what it did, in a sentence without a subject.

    ``trace`` has the innermost call first.
    """

    task: str
    reason: str
    time: int | None
    trace: tuple[Frame, ...]


class TaskReport(Found):
    """A task on the VCPU named ``vcpu``, with its priority among those there if it has one.

    Its kind is ``once``, ``periodic``, which is called each ``period``, or ``bottom half``, which
    does what a device's interrupts ask for. Its state is ``not begun``, ``ready``, ``running``,
    ``sleeping`` until a time, ``waiting`` for the channel or stream ``waits_for``,
    ``finished``, or ``failed``, of a process that was ended.

    ``switches`` is how often the core was taken from another task for it, ``used`` for how long it
    had it, as for its VCPU. A periodic task has a ``deadline`` after each release: ``releases`` are
    the calls of its body, ``misses`` those whose deadlines passed before they ended, ``dropped``
    the releases that were left out as it was periods late, and ``worst`` is the longest time from a
    release to its call's end. ``responses`` counts calls by that time: the nth, from 0, are those
    that took n to n + 1 eighths of the deadline, and the last also all that took longer.

    ``restored`` names its states that began with what an earlier incarnation of its kernel had
    saved.
    """

    name: str
    function: str
    kind: str
    vcpu: str
    priority: int | None
    period: int
    state: str
    waits_for: str | None
    switches: int
    used: int | None
    deadline: int | None
    releases: int
    misses: int
    dropped: int
    worst: int | None
    responses: tuple[int, ...]
    restored: tuple[str, ...]


class MutexReport(Found):
    """A mutex, which may be held for ``hold`` at a time.

    It was locked and unlocked so many ``times``, held for the ``longest`` time without what more
    urgent tasks took, and held longer than it may be ``overruns`` times.
    """

    name: str
    hold: int
    times: int
    longest: int
    overruns: int


class CounterReport(Found):
    """What a task counted."""

    name: str
    total: int


class HistogramReport(Found):
    """Values that a task recorded; ``least`` and ``most`` are None if there is none.

    ``buckets`` counts them by their lengths in bits: the nth, from 0, are those below 2**n that
    are in none before. Empty ones at the end are left out.
    """

    name: str
    sum: int
    least: int | None
    most: int | None
    buckets: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.buckets)

    def most_of(self, share: float) -> int | None:
        """What so many of the values, 1 for all, are not above; exact to a factor of two."""
        seen = 0
        for bits, count in enumerate(self.buckets):
            seen += count
            if count and seen >= share * self.count:
                return min((1 << bits) - 1, self.most or 0)
        return None


class Exits(Found):
    """How often the kernel was left for its monitor, by reason.

    ``before`` counts until the kernel said that it runs, that call included; ``after`` since then.
    """

    before: dict[str, int]
    after: dict[str, int]


class SandboxReport(Found):
    """One sandbox with its monitor.

    ``clock_offset`` is how far the counter of its core was ahead of that of the core that booted,
    before it was set right, and ``clock_error`` by how much that may be wrong; None until known.
    ``kernel`` is the file of a foreign kernel, None for one of ours. What only a kernel of ours
    counts is None for a foreign one.

    ``crash`` is the fault for which it was stopped for good; its kernel was restarted as often as
    its ``incarnation`` says, and ``crashes`` are its last faults, the oldest first.

    ``unsent_lines`` are lines of the console that a serial port was not given in time. ``idle`` is
    for how long no task had the core, None if the kernel keeps no account of that. ``mode`` is 0 or
    the level of criticality below which tasks yield, which has changed ``mode_changes`` times.
    """

    name: str
    core: int
    kernel: str | None = None
    interrupts: str
    state: str
    entered: int | None
    started: int | None
    ended: int | None
    exits: Exits
    timer_interrupts: int | None = None
    doorbells: int | None = None
    spurious_interrupts: int | None = None
    unsent_lines: int | None = None
    idle: int | None = None
    mode: int | None = None
    mode_changes: int | None = None
    vcpus: tuple[VcpuReport, ...] = ()
    clock_offset: int | None = None
    clock_error: int | None = None
    tasks: tuple[TaskReport, ...] = ()
    mutexes: tuple[MutexReport, ...] = ()
    counters: tuple[CounterReport, ...]
    histograms: tuple[HistogramReport, ...]
    faults: tuple[FaultReport, ...] = ()
    crash: CrashReport | None
    incarnation: int
    crashes: tuple[CrashReport, ...]


# ---- channels --------------------------------------------------------------------------------


class EndReport(Found):
    """One end of a channel, as its own kernel counts.

    ``rung`` are the doorbells that it sent; ``woken`` and ``late`` those that came, and found its
    task asleep or awake again. ``resets`` are the times that the other end was found restarted, and
    ``violations`` are its broken rules.
    """

    sandbox: str
    task: str
    messages: int
    bytes: int
    waits: int
    rung: int
    woken: int
    late: int
    resets: int
    violations: int


class ChannelReport(Found):
    """A channel and both its ends."""

    name: str
    kind: str
    sender: EndReport
    receiver: EndReport


# ---- streams ---------------------------------------------------------------------------------


class StreamReport(Found):
    """A device that a task drives; ``overruns`` is how often it had to drop what came."""

    name: str
    sandbox: str
    task: str
    received: int
    sent: int
    overruns: int
    interrupts: int


# ---- the console -----------------------------------------------------------------------------


class Line(Found):
    """A line of a sandbox's console; ``task`` is None for the kernel itself."""

    number: int
    sandbox: str
    task: str | None
    time: int | None
    text: str


class ConsoleReport(Found):
    """The newest lines of one sandbox; ``lost`` were gone before anybody could read them.

    ``written`` is the number of the newest line, which counts from 1.
    """

    sandbox: str
    written: int
    lost: int
    lines: tuple[Line, ...]


# ---- all of it -------------------------------------------------------------------------------


class Snapshot(Found):
    """A whole system at one moment."""

    system: str
    machine: MachineReport
    sandboxes: tuple[SandboxReport, ...]
    channels: tuple[ChannelReport, ...]
    streams: tuple[StreamReport, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The tasks that were ended for what they did, each with its sandbox."""
        return tuple(
            f"{sandbox.name}/{fault.task}" for sandbox in self.sandboxes for fault in sandbox.faults
        )

    @property
    def crashed(self) -> tuple[SandboxReport, ...]:
        """The sandboxes that were stopped for a fault."""
        return crashed(self.sandboxes)


def crashed(sandboxes: Iterable[SandboxReport]) -> tuple[SandboxReport, ...]:
    """Those of ``sandboxes`` that were stopped for a fault."""
    return tuple(sandbox for sandbox in sandboxes if sandbox.crash is not None)
