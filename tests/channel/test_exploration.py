"""The real source of channels, in every execution that a weak memory allows, for small bounds.

Each memory order that the source names is then weakened in turn, and an execution must be found
that goes wrong: the source names no order that nothing rests on. Run with ``-s`` to see how much
was explored.
"""

from __future__ import annotations

import pytest

from questv.channel import four_slot, ring, sleep

from . import blocking, restarts, scenarios, sides
from .weak.explore import Explorer, Report, Violation
from .weak.orders import Weakening, weakenings

WRAP = 2**64 - 64
"""A position from which a few messages lead over the end of what 64 bits count."""
BEFORE_END = 72
"""A position from which the longest message does not fit before the ring's end."""


def explored(name: str, explorer: Explorer) -> Report:
    report = explorer.explore()
    print(f"\n{name}: {report}")
    return report


# ---- rings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "position"),
    [
        ((24, 24, 24, 24), 0),  # the fourth does not fit before the end
        ((24, 24, 24, 24), WRAP),
        ((16, 16, 16, 16), BEFORE_END),  # the second does not fit before the end
        ((8, 24, 8, 16, 8), WRAP),  # bytes are headers now and contents then
    ],
)
def test_ring(lengths: tuple[int, ...], position: int) -> None:
    report = explored(f"ring {lengths}", scenarios.ring(lengths, 2, len(lengths) + 1, position))
    assert {received for sent, received in report.outcomes} > {0, len(lengths)}
    assert all(received <= sent for sent, received in report.outcomes)


@pytest.mark.long
@pytest.mark.parametrize("lengths", [(24,) * 6, (16,) * 6, (8, 24, 8, 16, 8, 24)])
def test_ring_for_longer(lengths: tuple[int, ...]) -> None:
    explored(f"ring {lengths}", scenarios.ring(lengths, 2, len(lengths) + 1, WRAP))


# ---- four-slot registers ---------------------------------------------------------------------


@pytest.mark.parametrize("counts", [False, True])
def test_register(counts: bool) -> None:
    report = explored("register 3, 3", scenarios.register(3, 3, counts=counts))
    values = {read for _, read in report.outcomes}
    assert values == {(a, b, c) for c in range(4) for b in range(c + 1) for a in range(b + 1)}


@pytest.mark.long
@pytest.mark.parametrize(
    ("writes", "reads", "counts"),
    [(4, 3, False), (4, 3, True), (5, 3, False), (4, 4, False)],
)
def test_register_for_longer(writes: int, reads: int, counts: bool) -> None:
    explored(f"register {writes}, {reads}", scenarios.register(writes, reads, counts=counts))


# ---- sleeping and waking ---------------------------------------------------------------------

WAKING = [(0, 2, 2), (2, 2, 2), (1, 2, 2), (2, 1, 3)]


@pytest.mark.parametrize(("backlog", "sends", "receives"), WAKING)
def test_no_wake_up_is_lost(backlog: int, sends: int, receives: int) -> None:
    name = f"sleepy ring {backlog}, {sends}, {receives}"
    explored(name, scenarios.sleepy_ring(backlog, sends, receives))


def test_news_is_new() -> None:
    report = explored("news 3, 2", scenarios.news(writes=3, looks=2))
    assert {read for _, read in report.outcomes} >= {(), (1,), (1, 2), (1, 3), (2, 3), (3,)}


def test_no_news_is_lost() -> None:
    report = explored("sleepy register 2", scenarios.sleepy_register(2))
    assert report.outcomes == {(None, (1, 2)), (None, (2,))}


@pytest.mark.long
@pytest.mark.parametrize(("backlog", "sends", "receives"), [(0, 3, 3), (1, 3, 3), (2, 3, 3)])
def test_no_wake_up_is_lost_for_longer(backlog: int, sends: int, receives: int) -> None:
    name = f"sleepy ring {backlog}, {sends}, {receives}"
    explored(name, scenarios.sleepy_ring(backlog, sends, receives))


@pytest.mark.long
def test_news_is_new_for_longer() -> None:
    explored("news 4, 3", scenarios.news(writes=4, looks=3))


@pytest.mark.long
def test_no_news_is_lost_for_longer() -> None:
    report = explored("sleepy register 3", scenarios.sleepy_register(3))
    assert {read[-1] for _, read in report.outcomes} == {3}


# ---- the kernel's own waiting ----------------------------------------------------------------


@pytest.mark.parametrize("backlog", [0, 2])
def test_the_kernel_loses_no_wake_up(backlog: int) -> None:
    explored(f"kernel, ring {backlog}, 1, 1", blocking.ring(backlog, 1, 1))


def test_the_kernel_loses_no_news() -> None:
    explored("kernel, register 1", blocking.register(1))


@pytest.mark.long
@pytest.mark.parametrize("backlog", [0, 1, 2])
def test_the_kernel_loses_no_wake_up_for_longer(backlog: int) -> None:
    explored(f"kernel, ring {backlog}, 2, 2", blocking.ring(backlog, 2, 2))


@pytest.mark.long
def test_the_kernel_loses_no_news_for_longer() -> None:
    report = explored("kernel, register 2", blocking.register(2))
    assert report.outcomes == {(None, (1, 2)), (None, (2,))}


FENCES = [
    weakening
    for weakening in weakenings(sides.PROGRAM, sleep)
    if weakening.text.startswith("fence") and "introduce" not in weakening.site.function
]


@pytest.mark.parametrize("weakening", FENCES, ids=str)
def test_the_kernel_needs_the_fences(weakening: Weakening) -> None:
    with pytest.raises(Violation, match="waits for ever"):
        blocking.ring(0, 1, 1).explore({weakening.site: weakening.weaker})


# ---- the memory orders -----------------------------------------------------------------------

EXPLORERS = {
    ring: [
        scenarios.ring((24,), 2, 2, BEFORE_END),
        scenarios.ring((24, 24, 24, 24), 2, 4),
        restarts.polled_ring(1, 1, dying=["producer"], mortal=False),
        restarts.polled_ring(1, 2, dying=["consumer"], mortal=False),
    ],
    four_slot: [scenarios.register(4, 2, counts=False), scenarios.news(writes=2, looks=2)],
    sleep: [
        scenarios.sleepy_ring(0, 1, 1),
        scenarios.sleepy_ring(2, 1, 1),
        restarts.polled_ring(1, 1, dying=["producer"], mortal=False),
        restarts.ring(0, 1, producer=()),
        restarts.ring(1, 2, consumer=(), receives=0),
    ],
}


def violation(weakening: Weakening) -> Violation | None:
    """What goes wrong with a weaker order."""
    for module, explorers in EXPLORERS.items():
        if weakening.site.function.startswith(module.__name__):
            for explorer in explorers:
                try:
                    explorer.explore({weakening.site: weakening.weaker})
                except Violation as found:
                    return found
    return None


@pytest.mark.parametrize("weakening", list(weakenings(sides.PROGRAM, *EXPLORERS)), ids=str)
def test_every_order_is_needed(weakening: Weakening) -> None:
    found = violation(weakening)
    assert found is not None, "nothing goes wrong without it"
    print(f"\n{weakening}: {found.reason}")
