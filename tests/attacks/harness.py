"""Runs attacks from inside a real sandbox, and looks for whatever they did to anybody else.

An **escape** is any of these:

- memory has changed that the attacker may not write, and that nobody else had a reason to write;
- another kernel, or a monitor, does not go on with its work, or gives a wrong result;
- a device or a core has changed that is not the attacker's;
- the machine was reset, or did not come to its planned end.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import questv.attacks
from questv.arch.x86.paging import ADDRESS_MASK, PAGE_SIZE
from questv.attacks import catalogue, interrupts
from questv.attacks.orders import DIRECTORY_ENTRIES, Mailbox, Orders
from questv.inspect.crash import kept_records
from questv.kernel.channels import Receiver, Sender
from questv.kernel.console import Console
from questv.kernel.info import INPUT_MAGIC, InputHeader
from questv.kernel.status import KernelStatus
from questv.machine import (
    WITH_X2APIC,
    Exit,
    ExitKind,
    Machine,
    MachineKind,
    MachineOptions,
    memory_size,
)
from questv.metal.definitions import MetalFunction
from questv.metal.structs import Struct, sizeof
from questv.monitor.interface import CrashReason, CrashRecord, ExitReason, PublicPage, SandboxState
from questv.plan.build import BuiltSystem, build
from questv.plan.layout import tables
from questv.plan.model import SandboxPlan
from tests.running import console_lines

from .openings import Opening
from .probe import ARGUMENTS, Probe
from .snapshot import ATTACKER, canaries, snapshot

SYSTEM = Path(questv.attacks.__file__).parent / "system"
OTHERS = ("source", "middle", "sink")

_PATIENCE = 30.0
"""Seconds until somebody who should go on is given up."""
_WARM_UP = 10
_PROOF = 50
"""Numbers that the others have to pass on before, and after, an attack."""
_UNTIL_TOLD = 1 << 62
_RUNS = SandboxState.STARTED
_LAST = 1 << 32  # the number of the orders to carry out no more
_QUIET = 0.05
"""Seconds that an attack without end is left alone before it is looked at."""


# ---- the system --------------------------------------------------------------------------------


@functools.cache
def system(apic: str = "guarded", *, repaired: bool = False) -> BuiltSystem:
    """The system of attacks; ``apic`` is the attacker's mode.

    If it is to be ``repaired``, the attacker is restarted once, and carries out its orders again.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(SYSTEM, Path(folder) / "system")
        description = copy / "system.toml"
        text = description.read_text()
        # The attacker's end is not waited for: some attacks have none.
        text = text.replace('until = ["attacker", "sink"]', 'until = ["sink"]')
        text = text.replace('name = "attacker"', f'name = "attacker"\napic = "{apic}"')
        if repaired:
            table = '[sandbox.recovery]\non_fault = "restart"\nlimit = 1\nwindow = "1000 s"\n'
            head, task, tail = text.partition("[[sandbox.task]]")
            assert head.count("[[sandbox]]") == 1, "the attacker is the first"
            text = head + table + task + tail
        description.write_text(text)
        return build(copy)


def orders(built: BuiltSystem, attack: MetalFunction, target: int = 0, value: int = 0) -> Orders:
    """What the attacker is told: the attack, and addresses that it could only have guessed."""
    attacker = built.plan.sandbox(ATTACKER)
    symbols = built.kernels[ATTACKER].symbols
    return Orders(
        attack=catalogue.number(attack),
        target=target,
        value=value,
        scratch=attacker.physical(symbols.address("attack_scratch")),
        code=attacker.physical(symbols.address("attack_modes")),
        segments=attacker.physical(symbols.address("attack_descriptors")),
        directory=_directory(attacker),
    )


def mailbox(made: Orders, number: int = 1) -> bytes:
    """Orders as the attacker's input has them."""
    return number.to_bytes(8, "little") + bytes(made)


def _directory(sandbox: SandboxPlan) -> list[int]:
    """The first entries of the kernel's directory: each shows a GiB of its own addresses."""
    made = tables(sandbox.kernel_windows, user=False).contents(sandbox.kernel_tables)
    at = (int.from_bytes(made[:8], "little") & ADDRESS_MASK) - sandbox.kernel_tables
    words = (made[at + 8 * index :][:8] for index in range(DIRECTORY_ENTRIES))
    return [int.from_bytes(word, "little") for word in words]


# ---- one machine -------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What came of an attack. ``escapes`` names all that it did to others, in words."""

    state: SandboxState
    crash: CrashRecord
    crashes: list[CrashRecord]
    panic_vector: int | None
    begun: int
    """The number of the last orders that the attacker has begun to carry out."""
    returned: int
    """The number of those that it came back from."""
    exits: dict[str, int]
    lines: list[str]
    escapes: list[str] = field(default_factory=list)
    violations: int = 0
    """How often the sink saw in the attacker's side of a ring what can't be."""


class Arena:
    """A machine that runs the system of attacks, from its start to its end.

    ``memory`` is its memory, as the host sees it: opening something on purpose means writing there.
    """

    def __init__(self, machine: Machine, probe: Probe, built: BuiltSystem, patience: float) -> None:
        self.built = built
        self.plan = built.plan
        self.memory = machine.memory
        self._patience = patience
        self._machine = machine
        self._probe = probe

    # ---- what is where ---------------------------------------------------------------------------

    def variable(self, sandbox: str, symbol: str) -> int:
        """Where a kernel's variable lies."""
        address = self.built.kernels[sandbox].symbols.address(symbol)
        return self.plan.sandbox(sandbox).physical(address)

    def word(self, address: int) -> int:
        """A word of memory, in one piece."""
        return self.memory.view(address, 8).cast("Q")[0]

    def public(self, name: str) -> PublicPage:
        """A monitor's page."""
        return PublicPage.view(self.memory.read(self.plan.sandbox(name).public, sizeof(PublicPage)))

    def state(self, name: str) -> SandboxState:
        """How far a sandbox is."""
        return SandboxState(int(self.public(name).state.load(None)))  # type: ignore[arg-type]

    @property
    def received(self) -> int:
        """How many numbers the sink has received."""
        return self.word(self.variable("sink", "sink_work"))

    @property
    def begun(self) -> int:
        """The number of the orders that the attacker has begun to carry out last."""
        return self.word(self.variable(ATTACKER, "attacker_progress"))

    @property
    def returned(self) -> int:
        """The number of those that it came back from."""
        return self.word(self.variable(ATTACKER, "attacker_progress") + 8)

    # ---- what happens ----------------------------------------------------------------------------

    def await_true(self, test: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until something holds; false if it never does, or the machine has ended."""
        deadline = time.monotonic() + (self._patience if seconds is None else seconds)
        while not test():
            if time.monotonic() > deadline or self._has_ended():
                return test()
            time.sleep(0.001)
        return True

    def everybody_works(self) -> bool:
        """Whether all kernels run, and the others pass numbers on."""
        started = all(self.state(name) == SandboxState.STARTED for name in (ATTACKER, *OTHERS))
        return started and self.received >= _WARM_UP

    def await_work(self, numbers: int) -> bool:
        """Wait until the others have passed on so many more numbers."""
        wanted = self.received + numbers
        return self.await_true(lambda: self.received >= wanted)

    def order(self, made: Orders, number: int) -> None:
        """Have the attacker carry out orders; the number that makes it begin is written last."""
        contents = mailbox(made, number)
        self.memory.write(self._mailbox + 8, contents[8:])
        self.memory.write(self._mailbox, contents[:8])

    @property
    def _mailbox(self) -> int:
        return self.plan.sandbox(ATTACKER).inputs[0].physical + PAGE_SIZE

    @property
    def _wanted(self) -> int:
        return self.plan.sandbox("sink").inputs[0].physical + PAGE_SIZE

    def finish(self) -> Exit | None:
        """Let the attacker and the sink end, and with them the run; None if that never comes."""
        self.order(Orders(attack=catalogue.NO_MORE), _LAST)
        self.memory.write(self._wanted, (self.received + _PROOF).to_bytes(8, "little"))
        try:
            return self._machine.wait(_PATIENCE if self._has_ended() else self._patience)
        except TimeoutError:
            return None

    def _has_ended(self) -> bool:
        """Whether QEMU has ended, looked at from outside: it is not to be disturbed on its way."""
        status = Path(f"/proc/{self._machine.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "Z"

    def reset_inputs(self) -> None:
        """Put the words that the host has changed back, so that memory can be compared."""
        self.memory.write(self._wanted, _UNTIL_TOLD.to_bytes(8, "little"))
        self.memory.write(self._mailbox, bytes(sizeof(Mailbox)))

    def devices(self) -> dict[str, str]:
        """The state of devices and of other cores' local APICs, as far as it keeps still."""
        return self._probe.devices([self.plan.sandbox(name).core for name in OTHERS])


# ---- an attack ---------------------------------------------------------------------------------


def attack(
    built: BuiltSystem,
    *made: Orders,
    endless: bool = False,
    opening: Opening | None = None,
    kind: MachineKind = MachineKind.MICROVM,
    cpu: str = WITH_X2APIC,
    patience: float = _PATIENCE,
) -> Outcome:
    """Boot the system, let the attacker carry out orders one after the other, and look around.

    An ``endless`` attack is not waited for. ``opening`` makes a hole when all work, before the
    attack. Who should go on is given ``patience`` seconds.
    """
    files = _prepared(built)
    options = MachineOptions(
        image=files.image,
        memory=memory_size(kind, built.plan.memory, built.plan.end),
        kind=kind,
        cores=built.plan.cores,
        contents=files.contents,
        cpu=cpu,
        extra=ARGUMENTS,
    )
    with Machine(options) as machine, Probe(machine.directory) as probe:
        arena = Arena(machine, probe, built, patience)
        assert arena.await_true(arena.everybody_works, _PATIENCE), machine.serial_text()
        if opening is not None:
            opening(arena)
            made = (_reentry(built), *made)
        devices, before = arena.devices(), snapshot(machine.memory, built)
        escapes = []
        for number, each in enumerate(made, start=1):
            arena.order(each, number)
            if not _await_end(arena, number, endless=endless):
                escapes.append("the attacker is stuck, or the machine has ended")
        if not arena.await_work(_PROOF):
            escapes.append("the others do not go on with their work")
        changed = _differing(devices, arena.devices())
        end = arena.finish()
        arena.reset_inputs()
        escapes += [*_end(end), *before.changes(snapshot(machine.memory, built)), *_others(arena)]
        escapes += [f"the state of the {name} has changed" for name in changed]
        return _outcome(arena, escapes)


def _reentry(built: BuiltSystem) -> Orders:
    """Leave the kernel once, after which the processor takes its control block's settings up."""
    end = next(end for end in built.plan.sandbox(ATTACKER).ends if end.channel == "claims")
    return orders(built, interrupts.ask_for_command, end.peer_core << 32 | end.peer_vector)


@dataclass(frozen=True)
class _Files:
    """What a machine begins with, the same for all attacks on a system."""

    folder: tempfile.TemporaryDirectory[str]
    image: Path
    contents: tuple[tuple[int, Path], ...]


_FILES: dict[int, _Files] = {}


def _prepared(built: BuiltSystem) -> _Files:
    """The files of one of the systems that ``system`` has built, made once."""
    if id(built) not in _FILES:
        folder = tempfile.TemporaryDirectory()
        path = Path(folder.name)
        image = path / "image.elf"
        image.write_bytes(built.image)
        contents = (*_inputs(built, path), *canaries(built, path))
        _FILES[id(built)] = _Files(folder, image, contents)
    return _FILES[id(built)]


def _inputs(built: BuiltSystem, folder: Path) -> Iterator[tuple[int, Path]]:
    """No orders yet, and as much work as there is time."""
    contents = {ATTACKER: bytes(sizeof(Mailbox)), "sink": _UNTIL_TOLD.to_bytes(8, "little")}
    for name, data in contents.items():
        header = InputHeader(magic=INPUT_MAGIC, length=len(data))
        file = folder / f"input-{name}"
        file.write_bytes(bytes(header).ljust(PAGE_SIZE, b"\0") + data)
        yield built.plan.sandbox(name).inputs[0].physical, file


def _await_end(arena: Arena, number: int, *, endless: bool) -> bool:
    """Wait until orders have been carried out; those without an end, until they are under way."""

    def is_over() -> bool:
        return arena.returned == number or arena.state(ATTACKER) >= SandboxState.FINISHED

    if endless:
        begun = arena.await_true(lambda: arena.begun == number)
        arena.await_true(is_over, _QUIET)
        return begun
    return arena.await_true(is_over)


def _differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for name, words in before.items() if after.get(name) != words]


def _end(end: Exit | None) -> Iterator[str]:
    if end is None:
        yield "the run does not come to its end"
    elif (end.kind, end.value) != (ExitKind.GUEST, 0x10):
        yield f"the machine ended otherwise: {end.detail}"


def _others(arena: Arena) -> Iterator[str]:
    """What is wrong with those who had no part in the attack."""
    received, right = (arena.word(arena.variable("sink", "sink_work") + 8 * i) for i in (0, 1))
    if right != received:
        yield f"only {right} of {received} numbers are right"
    for name in OTHERS:
        public, sandbox = arena.public(name), arena.plan.sandbox(name)
        for _, record in kept_records(public):
            yield f"{name} was stopped: {record.reason.name}"
        # Who has no end of its own is cut off, if a busy host lets it hear of that in time.
        ends = {SandboxState.FINISHED} if name == "sink" else {SandboxState.CUT_OFF, _RUNS}
        if arena.state(name) not in ends:
            yield f"{name} is in state {arena.state(name).name}"
        for reason, count in counts(public).items():
            if reason not in ("DOORBELL", "APIC"):
                yield f"{name} was left {count} times for {reason}"
        status = _view(arena, sandbox, KernelStatus, sandbox.status)
        if int(status.spurious):
            yield f"{name} took {int(status.spurious)} interrupts that nobody had sent"
        for end in sandbox.ends:
            if end.channel in ("first", "second"):
                ring = _ring(arena, sandbox, end.role, end.object)
                if int(ring.violations):
                    yield f"channel {end.channel} was disturbed"


def _ring(arena: Arena, sandbox: SandboxPlan, role: str, address: int) -> Any:
    if role == "sender":
        return _view(arena, sandbox, Sender, address).producer
    return _view(arena, sandbox, Receiver, address).consumer


def _view(arena: Arena, sandbox: SandboxPlan, kind: type[Struct], address: int) -> Any:
    return kind.view(arena.memory.read(sandbox.physical(address), sizeof(kind)))


def counts(public: PublicPage) -> dict[str, int]:
    """A kernel's exits after its start, by reason."""
    found = {reason.name: int(public.after.by_reason[reason]) for reason in ExitReason}
    return {name: count for name, count in found.items() if count}


def _outcome(arena: Arena, escapes: list[str]) -> Outcome:
    attacker, sink = arena.plan.sandbox(ATTACKER), arena.plan.sandbox("sink")
    public = arena.public(ATTACKER)
    status = _view(arena, attacker, KernelStatus, attacker.status)
    records = kept_records(public)
    crash = records[-1][1] if records else CrashRecord()
    panicked = crash.reason == CrashReason.KERNEL_PANIC
    console = _view(arena, attacker, Console, attacker.console)
    rings = [
        _ring(arena, sink, end.role, end.object)
        for end in sink.ends
        if end.channel in ("claims", "answers")
    ]
    return Outcome(
        state=arena.state(ATTACKER),
        crash=crash,
        crashes=[record for _, record in records],
        panic_vector=int(status.panic.vector) if panicked else None,
        begun=arena.begun,
        returned=arena.returned,
        exits=counts(public),
        lines=console_lines(console),
        escapes=escapes,
        violations=sum(int(ring.violations) for ring in rings),
    )
