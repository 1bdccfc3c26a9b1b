"""How long a kernel may need for its part of moves."""

from __future__ import annotations

import pytest

from questv.plan.moves import service


@pytest.mark.parametrize(
    ("cost", "taken", "longest"),
    [
        (5, 0, 2 * 180 + 5),  # the budget was just used, and comes at the end of the next period
        (20, 0, 2 * 180 + 20),
        (21, 0, 3 * 180 + 21),  # the last of it a period later
        (15, 5, 2 * 180 + 20),
        (16, 5, 3 * 180 + 26),  # the kernel takes its part of each budget
        (40, 10, 5 * 180 + 80),
    ],
)
def test_by_hand(cost: int, taken: int, longest: int) -> None:
    """Of 20 each 200, of which the kernel takes a part."""
    assert service(200, 20, cost, taken) == longest
