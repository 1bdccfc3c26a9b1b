"""What a system promises, as tables and for programs."""

from __future__ import annotations

from pathlib import Path

from questv.admission.analysis import Analysis, analyse
from questv.admission.costs import FREE
from questv.admission.model import Chain, Kernel, System, Task, Vcpu, VcpuKind
from questv.view.promises import promises_json, promises_view

from .plans import HELLO, plan_of
from .rendering import plain

FIRST = Kernel(
    "ping",
    (Vcpu("a", VcpuKind.MAIN, 100_000, 1_000_000, 200_000, 1), Vcpu("s", budget=5, period=10**9)),
    (
        Task("a", "a", 1_000_000, 90_000, 190_000, 1_000_000),
        Task("b", "s", 10**9, None, None, 10**9),
    ),
)
SECOND = Kernel(
    "pong",
    (Vcpu("c", VcpuKind.MAIN, 2_000_000, 10_000_000),),
    (Task("c", "c", 10_000_000, 2_000_000, None, 5_000_000),),
)
CHAINS = (
    Chain("way", ("ping.a", "pong.c"), 20_000_000, 15_000_000),
    Chain("back", ("pong.c", "ping.a"), 20_000_000),
)


def analysis() -> Analysis:
    return analyse(System((FIRST, SECOND), CHAINS), FREE)


def test_bounds_stand_beside_what_is_demanded() -> None:
    text = plain(promises_view(analysis(), plan_of(HELLO).sandboxes))
    assert text == Path(__file__).with_name("promises.txt").read_text()


def test_where_nothing_is_promised_nothing_is_said() -> None:
    nothing = Kernel("ping", (Vcpu("rest", VcpuKind.BEST_EFFORT),), (Task("z", "rest"),))
    empty = analyse(System((nothing,)), FREE)
    assert plain(promises_view(empty, plan_of(HELLO).sandboxes)).strip() == ""


def test_for_programs_times_are_nanoseconds_and_no_bound_is_null() -> None:
    full = Kernel(
        "k",
        (Vcpu("a", VcpuKind.MAIN, 10, 10), Vcpu("b", VcpuKind.MAIN, 1, 20)),
        (Task("a", "a", 10, 10, None, 10), Task("b", "b", 20, 1, None, 20)),
    )
    made = promises_json(analyse(System((full,), (Chain("c", ("k.a", "k.b"), 50),)), FREE))
    [kernel] = made["kernels"]  # type: ignore[misc]
    assert (kernel["utilization"], kernel["within_bound"]) == (1.05, False)
    assert [each["response"] for each in kernel["responses"]] == [10, None]
    assert [each["slack"] for each in kernel["responses"]] == [0, None]
    assert made["chains"] == [
        {
            "name": "c",
            "tasks": ("k.a", "k.b"),
            "latency": None,
            "latency_allowed": 50,
            "freshness": None,
            "freshness_allowed": None,
        }
    ]
