"""Machines that run a system with a fault, one after the other, and what has come of each.

::

    with Laboratory(bench) as laboratory:
        print(laboratory.run(Injection("pong", parse_fault("kill"), parse_when("500th"))).verdict)
"""

from __future__ import annotations

import difflib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from questv.faults.injector import Injector
from questv.faults.model import (
    INTERRUPT_FLAG,
    INTERRUPT_FLAG_BIT,
    REGISTERS,
    Count,
    Fault,
    FaultError,
    Kind,
    Moment,
    Passage,
    When,
)
from questv.faults.observation import Observation, observe
from questv.faults.orders import MAX_CODE, Action, Found, Orders, Trigger
from questv.faults.outcome import Outcome, Verdict, judge
from questv.faults.targets import Target, code_of, region_at, targets, used_lines
from questv.faults.walls import Stretch, constant_memory
from questv.inspect.crash import CrashReader
from questv.inspect.guest import Clock, Guest
from questv.inspect.model import CrashReport
from questv.machine import Exit, Machine, MachineError, MachineKind, MachineOptions, memory_size
from questv.monitor.interface import PublicPage
from questv.plan.image import Image
from questv.plan.model import SandboxPlan
from questv.system.wording import one_of, suggest

PATIENCE = 60.0
"""Seconds of the host's until a machine is given up."""

_LONGEST = 2_000_000_000
"""Nanoseconds until a system that was given no time must have come to its end."""

_GRACE = 1_000_000
"""How long after the end of its time a machine is ended from outside."""

ACTIONS = {
    Kind.REGISTER_BIT: Action.REGISTER,
    Kind.REGISTER_BITS: Action.REGISTER,
    Kind.MEMORY_BIT: Action.MEMORY,
    Kind.MEMORY_BITS: Action.MEMORY,
    Kind.INSTRUCTION: Action.CODE,
    Kind.KILL: Action.KILL,
    Kind.STALL: Action.STALL,
    Kind.DOORBELL_DROP: Action.DROP,
    Kind.DOORBELL_REPEAT: Action.REPEAT,
    Kind.DOORBELL_DELAY: Action.DELAY,
}


@dataclass(frozen=True)
class Bench:
    """All that decides how a machine without a fault runs.

    ``words`` are for the boot, ``contents`` as in ``MachineOptions``. After ``run_for`` nanoseconds
    kernels stop by themselves; None: that is worked out, as twice the time to the system's own end.
    """

    image: Path
    words: str
    contents: tuple[tuple[int, Path], ...] = ()
    run_for: int | None = None


@dataclass(frozen=True)
class Injection:
    """A fault in a sandbox, and its moment."""

    sandbox: str
    fault: Fault
    when: When


@dataclass(frozen=True)
class Reference:
    """A run without a fault: what it came to, and the instructions of the sandbox in question.

    Of these number ``doorbell`` sends its last doorbell, if it is not 0. ``used`` is the part of
    its memory that holds something at the end. ``horizon`` is when machines are ended from outside,
    by the emulator's clock.
    """

    observation: Observation
    instructions: int
    doorbell: int
    used: tuple[Target, ...]
    clock: Clock
    horizon: int


@dataclass(frozen=True)
class _Seen:
    """A machine that has ended; ``crash`` and ``used`` only if they were asked for."""

    observation: Observation
    found: Found
    clock: Clock
    crash: CrashReport | None
    used: tuple[Target, ...]


@dataclass(frozen=True)
class Result:
    """What has come of an injection.

    ``time`` is when it was done, in nanoseconds of the machine's time, and ``latency`` how long
    after that somebody noticed; None for never, or not known. ``region`` is what was hit, and
    ``place`` the function that was being executed. ``before`` and ``after`` are what was changed.
    """

    injection: Injection
    verdict: Verdict
    time: int | None
    latency: int | None
    region: str
    place: str
    before: bytes
    after: bytes
    observation: Observation
    crash: CrashReport | None


class Laboratory:
    """A context manager; for one thread."""

    def __init__(self, bench: Bench) -> None:
        """Read the image; nothing runs yet. Raises ImageError, or FaultError for streams."""
        self._bench = bench
        self._image = Image.read(bench.image)
        self.plan = self._image.plan
        self._stretches: dict[str, list[Stretch]] = {}
        self._references: dict[str, Reference] = {}
        for sandbox in self.plan.sandboxes:
            if sandbox.devices:
                device = sandbox.devices[0].name
                raise FaultError(
                    f"{sandbox.name} drives '{device}', and what comes from outside arrives at "
                    "another moment each time",
                    "choose a system without devices",
                )

    def __enter__(self) -> Laboratory:
        """Make the injector; raises MachineError if this host's QEMU can't have one."""
        with ExitStack() as release:
            self._injector = release.enter_context(Injector())
            self._release = release.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        self._release.close()

    # ---- what there is ---------------------------------------------------------------------------

    def sandbox(self, name: str) -> SandboxPlan:
        """The sandbox of this name; raises FaultError if it can't be hit."""
        names = [sandbox.name for sandbox in self.plan.sandboxes]
        if name not in names:
            raise FaultError(f"{self.plan.name} has no sandbox '{name}'", suggest(name, names, ""))
        found = self.plan.sandbox(name)
        if found.foreign is not None:
            raise FaultError(
                f"sandbox '{name}' has a foreign kernel, of whose code nothing is known",
                "choose a sandbox with a kernel of ours",
            )
        return found

    def targets(self, sandbox: str) -> tuple[Target, ...]:
        """The memory of a sandbox that can be hit."""
        return targets(self.plan, self.sandbox(sandbox))

    def run_for(self) -> int:
        """After how many nanoseconds kernels stop by themselves.

        Raises MachineError if the system neither comes to an end nor was given a time.
        """
        if self._bench.run_for is None:
            with self._machine(Orders(horizon=_LONGEST), self._bench.words) as machine:
                _, stuck = self._end(machine)
                if stuck or self._late:
                    raise MachineError(
                        f"{self.plan.name} does not come to an end by itself within 2 s of its own"
                        " time",
                        "give it a time: --for 10ms",
                    )
                guest = Guest(self.plan, machine.memory)
                publics = [guest.at(PublicPage, each.public) for each in self.plan.sandboxes]
                ended = [guest.clock.nanoseconds(int(public.ended)) or 0 for public in publics]
            self._bench = replace(self._bench, run_for=2 * max(ended) + _GRACE)
        assert self._bench.run_for is not None
        return self._bench.run_for

    def reference(self, sandbox: str) -> Reference:
        """The run without a fault, looked at as one with a fault in ``sandbox``."""
        if sandbox not in self._references:
            self._references[sandbox] = self._refer(self.sandbox(sandbox))
        return self._references[sandbox]

    # ---- what is done ----------------------------------------------------------------------------

    def run(self, injection: Injection, *, explain: bool = False) -> Result:
        """Run a machine with a fault to its end. Raises FaultError if there is no such fault.

        With ``explain`` the result has the crash record for people, if there is one: it takes as
        long as the run itself.
        """
        sandbox = self.sandbox(injection.sandbox)
        reference = self.reference(sandbox.name)
        orders = self._orders(sandbox, injection, reference)
        return self._result(injection, reference, self._see(sandbox, orders, explain=explain))

    def _refer(self, sandbox: SandboxPlan) -> Reference:
        words = f"for={self.run_for()}"
        orders = self._told(sandbox, Orders(horizon=_LONGEST + self.run_for()))
        seen = self._see(sandbox, orders, used=True)
        observation, clock = seen.observation, seen.clock
        if observation.late or observation.stuck or observation.end is not None:
            raise MachineError(
                f"{self.plan.name} does not end as planned after {words}:"
                f" {observation.end or 'it goes on'}",
                "see what it does: questv run --deterministic",
            )
        end = clock.start + self.run_for() * clock.frequency // 10**9
        return Reference(
            observation=observation,
            instructions=int(seen.found.executed),
            doorbell=int(seen.found.doorbell),
            used=seen.used,
            clock=clock,
            horizon=end + _GRACE,
        )

    def _see(
        self, sandbox: SandboxPlan, orders: Orders, *, explain: bool = False, used: bool = False
    ) -> _Seen:
        """Run a machine to its end, and look at what it leaves."""
        stretches = self._stretches.get(sandbox.name)
        if stretches is None:
            stretches = constant_memory(self.plan, self._image.programs, sandbox.name)
            self._stretches[sandbox.name] = stretches
        with self._machine(orders, f"{self._bench.words} for={self.run_for()}") as machine:
            end, stuck = self._end(machine)
            guest = Guest(self.plan, machine.memory)
            crashes = CrashReader(guest, self._image.programs)
            return _Seen(
                observation=observe(
                    self.plan, machine.memory, stretches, end, late=self._late, stuck=stuck
                ),
                found=self._injector.found,
                clock=guest.clock,
                crash=next(reversed(crashes.read(sandbox)), None) if explain else None,
                used=used_lines(machine.memory, self.targets(sandbox.name)) if used else (),
            )

    def _machine(self, orders: Orders, words: str) -> Machine:
        self._injector.prepare(orders)
        plan = self.plan
        options = MachineOptions(
            image=self._bench.image,
            memory=memory_size(MachineKind.MICROVM, plan.memory, plan.end),
            cores=plan.cores,
            deterministic=True,
            command_line=words,
            contents=self._bench.contents,
            extra=self._injector.arguments,
        )
        return Machine(options, name=f"{plan.name}-fault")

    def _end(self, machine: Machine) -> tuple[Exit, bool]:
        """How a machine ended, and whether it was stuck: its clock does not come to the horizon."""
        try:
            return machine.wait(PATIENCE), False
        except TimeoutError:
            return machine.stop(), True

    @property
    def _late(self) -> bool:
        """Whether the last machine was ended at its horizon."""
        return bool(int(self._injector.found.late))

    # ---- what the injector is told ---------------------------------------------------------------

    def _told(self, sandbox: SandboxPlan, orders: Orders) -> Orders:
        """Orders with all that does not depend on the fault."""
        code = code_of(sandbox)
        if len(code) > MAX_CODE:
            raise FaultError(
                f"sandbox '{sandbox.name}' has {len(code) - 1} processes, of which"
                f" {MAX_CODE - 1} can be watched",
                "choose another sandbox",
            )
        orders.core, orders.code_count = sandbox.core, len(code)
        for place, stretch in zip(orders.code, code, strict=False):
            place.start, place.end = stretch.start, stretch.start + stretch.size
            place.physical, place.ring0 = stretch.physical, int(stretch.ring0)
        return orders

    def _orders(self, sandbox: SandboxPlan, injection: Injection, reference: Reference) -> Orders:
        fault = injection.fault
        orders = self._told(sandbox, Orders(horizon=reference.horizon))
        orders.action = ACTIONS[fault.kind]
        orders.duration = fault.duration
        orders.flip = sum(1 << bit for bit in fault.bits)
        if fault.register:
            orders.register = REGISTERS[fault.register][0]
            if fault.register == INTERRUPT_FLAG:
                orders.flip = 1 << INTERRUPT_FLAG_BIT
        if fault.address:
            self._check_address(sandbox, fault)
            orders.address = fault.address
        orders.length = len(fault.bytes)
        for index, byte in enumerate(fault.bytes):
            orders.bytes[index] = byte
        self._set_moment(orders, sandbox, injection.when, reference.clock)
        return orders

    def _check_address(self, sandbox: SandboxPlan, fault: Fault) -> None:
        mine = self.targets(sandbox.name)
        if any(region_at(mine, fault.address + bit // 8) is None for bit in fault.bits):
            ranges = ", ".join(f"{each.start:#x}..{each.start + each.size:#x}" for each in mine)
            raise FaultError(
                f"{fault.address:#x} is no memory of '{sandbox.name}' that can be hit",
                f"choose from {ranges}",
            )

    def _set_moment(self, orders: Orders, sandbox: SandboxPlan, when: When, clock: Clock) -> None:
        match when:
            case Count():
                orders.trigger, orders.count = Trigger.COUNT, when.number
            case Passage():
                orders.trigger, orders.count = Trigger.PLACE, when.number
                orders.place = self._address(sandbox, when)
            case Moment():
                orders.trigger = Trigger.TIME
                orders.time = clock.start + when.time * clock.frequency // 10**9

    def _address(self, sandbox: SandboxPlan, when: Passage) -> int:
        names = [process.program for process in sandbox.processes]
        programs = [self._image.programs[name] for name in (f"kernel-{sandbox.name}", *names)]
        known = {
            name: symbol.address
            for program in reversed(programs)
            for name, symbol in program.symbols.by_name.items()
            if self._is_code(sandbox, symbol.address)
        }
        if when.symbol not in known:
            raise FaultError(
                f"'{sandbox.name}' executes nothing called '{when.symbol}'",
                _closest(when.symbol, known),
            )
        address = known[when.symbol] + when.offset
        if not self._is_code(sandbox, address):
            raise FaultError(
                f"{when.offset:#x} bytes after {when.symbol} there is no code of"
                f" '{sandbox.name}' any more",
                "choose a smaller offset",
            )
        return address

    def _is_code(self, sandbox: SandboxPlan, address: int) -> bool:
        return any(0 <= address - code.start < code.size for code in code_of(sandbox))

    # ---- what it has found -----------------------------------------------------------------------

    def _result(self, injection: Injection, reference: Reference, seen: _Seen) -> Result:
        found = seen.found
        injected = int(found.time)
        fault, sandbox = injection.fault, self.sandbox(injection.sandbox)
        length = {Kind.KILL: 4, Kind.STALL: 4}.get(fault.kind, len(fault.bytes) or 8)
        before, after = bytes(found.before)[:length], bytes(found.after)[:length]
        at = int(found.address)
        is_own = region_at(self.targets(sandbox.name), at) is not None
        changed = (at, after) if is_own else (0, b"")
        verdict = judge(self.plan, sandbox.name, reference.observation, seen.observation, *changed)
        if not injected and verdict.outcome is Outcome.NO_EFFECT:
            verdict = Verdict(Outcome.NEVER, ("the run was over before",))
        noticed = verdict.noticed
        return Result(
            injection=injection,
            verdict=verdict,
            time=reference.clock.nanoseconds(injected),
            latency=None if noticed is None else reference.clock.duration(noticed - injected),
            region=self._region(sandbox, fault),
            place=self._place(sandbox, int(found.rip)),
            before=before,
            after=after,
            observation=seen.observation,
            crash=seen.crash,
        )

    def _region(self, sandbox: SandboxPlan, fault: Fault) -> str:
        if fault.kind in (Kind.MEMORY_BIT, Kind.MEMORY_BITS):
            return region_at(self.targets(sandbox.name), fault.address) or ""
        if fault.kind in (Kind.REGISTER_BIT, Kind.REGISTER_BITS):
            return "registers"
        return {Kind.INSTRUCTION: "text", Kind.KILL: "core", Kind.STALL: "core"}.get(
            fault.kind, "doorbells"
        )

    def _place(self, sandbox: SandboxPlan, address: int) -> str:
        """The function at an address; empty if nothing was done."""
        names = [process.program for process in sandbox.processes]
        for name in (f"kernel-{sandbox.name}", *names):
            function = self._image.programs[name].symbols.function_at(address)
            if function is not None:
                return function.name
        return ""


def _closest(name: str, known: dict[str, int]) -> str:
    close = difflib.get_close_matches(name, known, n=3) or [
        each for each in known if each.endswith(f".{name}")
    ]
    if close:
        return f"did you mean {one_of(close)}?"
    return "name a function, as questv debug shows them"
