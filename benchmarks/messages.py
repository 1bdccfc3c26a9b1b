"""Round trips between two kernels, blocking and polled."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.machines import measure
from benchmarks.statistics import Result, summarize

_RING = {"kind": "ring", "size": 'size = "4 KiB"'}
_REGISTER = {"kind": "four-slot", "size": 'message = "8 B"'}
_WARM_UP = 10


def blocking() -> Iterator[Result]:
    """Both tasks sleep while they wait; instructions of both cores together."""
    for apic, goal in (("direct", 300), ("guarded", 500)):
        for channel, kind, tasks in (
            ("ring", _RING, ("ping", "pong")),
            ("four-slot register", _REGISTER, ("show", "mirror")),
        ):
            words = {**kind, "apic": apic, "first": tasks[0], "second": tasks[1]}
            yield summarize(
                f"blocking round trip, {channel}, {apic}",
                "instructions",
                "instructions",
                measure("roundtrip", words)[_WARM_UP:],
                goal,
            )


def polled() -> Iterator[Result]:
    """Both tasks look again and again; the goal is three times the bare word's figure."""
    floor = None
    for channel, kind, tasks in (
        ("bare word", _REGISTER, ("bounce", "echo")),
        ("ring", _RING, ("ping", "pong")),
        ("four-slot register", _REGISTER, ("show", "mirror")),
    ):
        words = {**kind, "apic": "guarded", "first": tasks[0], "second": tasks[1]}
        result = summarize(
            f"polled round trip, {channel}",
            "instructions",
            "instructions",
            measure("polled", words)[_WARM_UP:],
            None if floor is None else 3 * floor,
        )
        floor = result.median if floor is None else floor
        yield result
