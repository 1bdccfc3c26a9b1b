"""What a kernel counts on for its part of a move is no less than what that takes."""

from __future__ import annotations

from statistics import median

from benchmarks.migration import moves
from questv.admission.costs import MEASURED


def test_a_move_costs_no_more_than_its_kernels_count_on() -> None:
    """Of one task, and of one more for which there is nothing to do."""
    one, two = moves(1, 60_000_000), moves(2, 60_000_000)
    assert len(one.receive_turn) > 50 and len(one.ask_turn) > 1
    assert 4_000 < one.whole <= MEASURED.move
    look = median(two.idle_turn) - median(one.idle_turn)
    assert 20 < look <= MEASURED.look
