"""No flip of one bit that widens a right stays unseen."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from questv.audit.entries import Entry
from questv.audit.walk import Above, Walk

from .flips import Count, Flips, flip_all
from .oracle import shown
from .subjects import HELLO, PAGE, audited, built, flipped, hello

KINDS = [
    "nested tables",
    "kernels' tables",
    "monitors' tables",
    "MSR maps",
    "MSR guards",
    "I/O maps",
    "control blocks",
]
FAR_FROM_ALL = 1_000  # what the oracle calls a widening at least, of hundreds of thousands


def check(counts: list[Count]) -> None:
    assert [count.what for count in counts] == KINDS
    for count in counts:
        print(count)
        assert count.widening_caught == count.widening, count
        assert count.widening >= FAR_FROM_ALL or count.what == "control blocks"
    caught = sum(count.widening_caught + count.others_caught for count in counts)
    # What is not caught takes a right away that nothing below it has, or is no matter of rights.
    assert caught > 0.99 * sum(count.flips for count in counts)


def test_every_bit_of_one_sandbox(tmp_path: Path) -> None:
    """Its tables, its kernel's and its monitor's, its control block, and a part of its maps."""
    check(flip_all(hello(), ("ping",), tmp_path, maps_step=11))


@pytest.mark.long
@pytest.mark.parametrize("name", ["hello", "thermostat"])
def test_every_bit_of_all_sandboxes(name: str, tmp_path: Path) -> None:
    system = built(HELLO.parent / name)
    check(flip_all(system, tuple(system.kernels), tmp_path))


def test_what_is_looked_at_entry_by_entry_is_what_the_whole_audit_sees() -> None:
    """A sample of flips, with nothing left out: the audit of the whole image."""
    system = hello()
    flips = Flips(system)
    chosen = random.Random(1)
    for sandbox in system.plan.sandboxes:
        for what, _, root, _ in flips.tables(sandbox):
            tables = sorted(Walk(flips.memory, _everywhere()).from_top(root).tables)
            for _ in range(6):
                table = chosen.choice(tables)
                at = table + 8 * chosen.choice([0, 1, chosen.randrange(512)])
                bit = chosen.choice([0, 1, 2, 7, 12, 21, 30, 40, 63])
                assert audited(system, flipped(system, at, bit)).verdict == (
                    "violated" if _caught(flips, what, sandbox.name, at, bit) else "proven"
                ), (what, hex(at), bit)


def _everywhere() -> range:
    return range(0, 1 << 30, PAGE)


def _caught(flips: Flips, what: str, name: str, at: int, bit: int) -> bool:
    """Whether the flip of a single entry is caught, as ``Flips`` finds out; or shows less."""
    sandbox = flips.plan.sandbox(name)
    tables, root = next((t, r) for w, t, r, _ in flips.tables(sandbox) if w == what)
    whole = Walk(flips.memory, _everywhere()).from_top(root)
    for entry, address, above, _ in flips._entries(root, 4, 0, Above(), "wxu"):
        if entry.table + 8 * entry.index == at:
            value = entry.value ^ 1 << bit
            below = Walk(flips.memory, _everywhere())
            below.entry(entry, address, above)
            walk = Walk(flips.memory, _everywhere())
            walk.tables = whole.tables - below.tables
            walk.entry(Entry(entry.table, entry.index, value, entry.level), address, above)
            return bool(
                walk.faults
                or any(True for leaf in walk.leaves for _ in tables.leaf(leaf, flips.declared))
                or sum(leaf.size for leaf in walk.leaves) < sum(leaf.size for leaf in below.leaves)
            )
    raise LookupError(hex(at))


# ---- the oracle itself -------------------------------------------------------------------------


def test_the_oracle_on_what_the_manual_says() -> None:
    def nothing(_: int) -> None:
        return None

    page = 0x5000 | 0x67  # present, writable, user, accessed, dirty
    assert set(shown(nothing, page, 1, 0x7000, "wxu", nested=True)) == {
        (0x7000, 0x5000, right) for right in "rwxu"
    }
    assert set(shown(nothing, page | 1 << 63, 1, 0x7000, "wu", nested=True)) == {
        (0x7000, 0x5000, right) for right in "rwu"
    }
    assert not list(shown(nothing, page & ~4, 1, 0x7000, "wxu", nested=True))
    assert not list(shown(nothing, page & ~1, 1, 0x7000, "wxu", nested=True))
    large = 0x20_0000 | 0xE7
    assert len(list(shown(nothing, large, 2, 0, "u", nested=True))) == 512 * 2
    assert list(shown(nothing, page, 2, 0, "u", nested=True)) == [(0, 0x5000, "unknown")]
