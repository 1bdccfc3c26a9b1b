"""The utilization bound, exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest

from questv.admission.bound import (
    bound,
    is_within_bound,
    long_run_share,
    total_utilization,
    utilization,
)
from questv.admission.model import Kernel, Vcpu, VcpuKind


@pytest.mark.parametrize(
    ("count", "percent"),
    [(1, 100.0), (2, 82.8), (3, 78.0), (4, 75.7), (5, 74.3), (10, 71.8)],
)
def test_the_table_of_the_textbook(count: int, percent: float) -> None:
    """A. Burns, A. Wellings, "Real-Time Systems and Programming Languages"."""
    assert round(100 * bound(count), 1) == percent


def test_nothing_is_within_any_bound() -> None:
    assert is_within_bound(Fraction(0), 0)
    assert bound(0) == 1.0


def test_the_comparison_is_exact() -> None:
    """2(sqrt(2) - 1) between two neighbours of a continued fraction, which floats can't tell."""
    below = Fraction(2 * 367296043199, 886731088897)
    above = Fraction(2 * 886731088897, 2140758220993)
    assert float(below) == float(above)
    assert is_within_bound(below, 2) != is_within_bound(above, 2)
    assert is_within_bound(Fraction(1), 1)
    assert not is_within_bound(Fraction(10**30 + 1, 10**30), 1)


def test_io_counts_with_more_than_its_share() -> None:
    vcpu = Vcpu("io", VcpuKind.IO, utilization=Fraction(1, 10))
    assert utilization(vcpu) == Fraction(19, 100)
    assert long_run_share(vcpu) == Fraction(1, 10)
    assert long_run_share(Vcpu("a", VcpuKind.MAIN, 1, 10)) == Fraction(1, 10)


def test_a_kernel_has_what_runs_in_a_mode() -> None:
    kernel = Kernel(
        "k",
        (
            Vcpu("a", VcpuKind.MAIN, 1, 10, 3, level=1),
            Vcpu("b", VcpuKind.MAIN, 1, 5),
            Vcpu("rest", VcpuKind.BEST_EFFORT),
        ),
        (),
    )
    assert total_utilization(kernel) == Fraction(3, 10)
    assert total_utilization(kernel, 1) == Fraction(3, 10)
    assert total_utilization(kernel, 2) == 0
