"""What a direct kernel can do: as guarded ones, nothing to memory; but it can stop other cores."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from questv.arch.x86.apic import COMMAND_ASSERT, COMMAND_INIT, COMMAND_NMI, COMMAND_STARTUP
from questv.attacks import interrupts, memory, modes, registers
from questv.boot.entry import TRAMPOLINE
from questv.machine import find_qemu
from questv.plan.build import BuiltSystem

from . import harness
from .cases import Case
from .cases.memory import EXECUTE, READ, WRITE, foreign, part
from .cases.processor import ExitCode
from .test_battery import check

pytestmark = pytest.mark.skipif(
    not find_qemu().has_x2apic, reason="the attacks reach the local APIC by its x2APIC"
)

_SMI = 0x200
_OTHERS = 3 << 18

NOT_ITS_OWN = ("another's data", "another's page tables", "the own nested tables")


def built() -> BuiltSystem:
    return harness.system(apic="direct")


def contained() -> list[Case]:
    """A choice of what holds for guarded kernels as well."""
    found = []
    targets = foreign(built())
    for name in NOT_ITS_OWN:
        at = targets[name]
        found += [
            Case(f"read {name}", memory.read, at).stopped(READ, at),
            Case(f"write {name}", memory.write, at).stopped(WRITE, at),
            Case(f"execute {name}", memory.execute, at).stopped(EXECUTE, at),
        ]
    text = part(built().plan.sandbox("attacker"), "text")
    found.append(Case("write the own text", memory.write, text).stopped(WRITE, text))
    found.append(
        Case("read another's data without paging", modes.touch_without_paging).forbidden(
            ExitCode.CR0_SELECTIVE_WRITE
        )
    )
    found.append(Case("turn the own APIC off", registers.write_denied_msr, 0x80F))
    return found


@pytest.mark.parametrize("case", contained(), ids=lambda case: case.name)
def test_memory_is_held_all_the_same(case: Case) -> None:
    made = harness.orders(built(), case.attack, case.target, case.value)
    check(case, harness.attack(built(), made))


@dataclass(frozen=True)
class Deed:
    """Commands to the local APIC, and what is seen of them; with ``more`` there can be more."""

    commands: tuple[int, ...]
    seen: tuple[str, ...]
    more: bool = False


_SINK = harness.system().plan.sandbox("sink").core << 32
_INIT = _SINK | COMMAND_INIT | COMMAND_ASSERT
_STOPPED = (
    "the others do not go on with their work",
    "the run does not come to its end",
    "sink is in state STARTED",
)
DEEDS = {
    "an NMI is taken by the other's monitor": Deed(
        (_SINK | COMMAND_NMI,), ("sink was left 1 times for NMI",)
    ),
    "NMIs to all are taken by their monitors": Deed(
        (_OTHERS | COMMAND_NMI,),
        tuple(f"{name} was left 1 times for NMI" for name in harness.OTHERS),
    ),
    "an interrupt that is nobody's is counted": Deed(
        (_SINK | 0x60,), ("sink took 1 interrupts that nobody had sent",)
    ),
    "INIT stops another core": Deed(
        (_INIT,), (*_STOPPED, "the state of the local APIC of core 3 has changed")
    ),
    "a startup of a core that runs does nothing": Deed(
        (_SINK | COMMAND_STARTUP | TRAMPOLINE >> 12,), ()
    ),
    # Where cores begin, the boot has left them nothing but to halt.
    "INIT and startup stop another core, and nobody else": Deed(
        (_INIT, _SINK | COMMAND_STARTUP | TRAMPOLINE >> 12),
        (*_STOPPED, "the state of the local APIC of core 3 has changed"),
    ),
    # System management mode leads where no firmware has put a handler, outside all page tables.
    # The core runs whatever lies there; often that resets the machine, or the others can't go on.
    "an SMI ends in anything": Deed((_SINK | _SMI,), (), more=True),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_what_it_can_do(deed: Deed) -> None:
    made = (harness.orders(built(), interrupts.send_command, command) for command in deed.commands)
    outcome = harness.attack(built(), *made, patience=2.0)
    if deed.more:
        assert outcome.escapes and set(deed.seen) <= set(outcome.escapes)
    else:
        assert sorted(outcome.escapes) == sorted(deed.seen)
