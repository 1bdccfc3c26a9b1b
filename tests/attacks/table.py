"""Writes docs/results/attacks.md, the table of all attacks: ``python -m tests.attacks.table``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from questv.attacks import catalogue
from questv.inspect import words
from questv.monitor.interface import CrashReason, SandboxState

from .cases import TOPICS, Case, cases
from .harness import system
from .test_direct import DEEDS

PAGE = Path(__file__).parents[2] / "docs" / "results" / "attacks.md"

_HEAD = """\
# Attacks

What a kernel that was taken over tried, from inside a guarded sandbox, and what came of it. This
page is made from the cases of `tests/attacks` by `python -m tests.attacks.table`; the battery runs
every one of them, on QEMU, and finds that it ends as the page says.

An attack is *contained* if the attacker is stopped, by its monitor or by its own kernel, and the
crash record names what it did. It is *harmless* if the attacker goes on, or on and on, and nobody
else is worse off for it. Anything else would be an escape: a change of memory that the attacker may
not write and nobody else had a reason to, a result of another kernel that is wrong or does not
come, a change of a device or core that is not the attacker's, a reset or a stop of the machine.
[`tests/attacks/harness.py`](../../tests/attacks/harness.py) looks for all of these after each
attack, and [`test_harness.py`](../../tests/attacks/test_harness.py) makes holes on purpose and sees
that they are found.

Those in which CR0 is free are tried with the intercept of CR0 off, to see what else holds. What
only a whole PC has is tried on QEMU's q35, all else on microvm.

"""

_DIRECT = """
## Direct kernels

A kernel with `apic = "direct"` is held to its memory like any other, by its own instructions. What
it can do besides, as seen:

"""

_TITLES = {
    "memory": "Memory",
    "processor": "The processor",
    "devices": "Devices",
    "cores": "Other cores, and the monitor",
    "peers": "The other end of a channel",
}
assert set(_TITLES) == set(TOPICS)


def page() -> str:
    """The whole page."""
    found = cases(system())
    every = [case for made in found.values() for case in made]
    contained = sum(case.reason != CrashReason.NONE for case in every)
    text = _HEAD + (
        f"Of {len(every)} attacks by {len({case.attack for case in every})} functions {contained} "
        f"are contained and {len(every) - contained} harmless. None escapes.\n"
    )
    for topic, title in _TITLES.items():
        text += f"\n## {title}\n\n| Attack | To gain | Tried | Outcome | Recorded as |\n"
        text += "| --- | --- | --- | --- | --- |\n" + "".join(_rows(found[topic]))
    return text + _DIRECT + "".join(f"- {deed}\n" for deed in DEEDS)


def _rows(made: Iterable[Case]) -> Iterator[str]:
    """A row for each attack and what becomes of it, in the order of the catalogue."""

    def key(case: Case) -> tuple[int, str, str]:
        return catalogue.number(case.attack), *_outcome(case)

    for (number, outcome, record), group in groupby(sorted(made, key=key), key):
        attack = catalogue.ATTACKS[number]
        names = [case.name for case in group]
        gain = " ".join((attack.python.__doc__ or "").split())
        tried = f"{len(names)}: {'; '.join(names)}" if len(names) > 1 else names[0]
        name = f"{catalogue.topic(attack)}.{attack.name}"
        yield f"| `{name}` | {gain} | {tried} | {outcome} | {record} |\n"


def _outcome(case: Case) -> tuple[str, str]:
    """What becomes of the attacker, and what its crash record says."""
    if case.vector is not None:
        return "contained", f"kernel panic: {words.exception(case.vector)}"
    if case.reason != CrashReason.NONE:
        return "contained", words.words(case.reason)
    if case.endless:
        return "harmless", "nothing: cut off when the run ends"
    if case.ends is not None:
        ends = {SandboxState.FINISHED: "finished", SandboxState.CUT_OFF: "cut off"}
        return "harmless", f"nothing: it has {ends[case.ends]}"
    return "harmless", "nothing: it comes back"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
