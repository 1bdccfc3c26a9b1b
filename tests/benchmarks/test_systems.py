"""The systems that benchmarks measure can be built; measuring them takes longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.machines import SYSTEMS, fill
from questv.plan.build import build

CHANNELS = {
    "ring": {"kind": "ring", "size": 'size = "4 KiB"', "first": "ping", "second": "pong"},
    "four-slot": {
        "kind": "four-slot",
        "size": 'message = "8 B"',
        "first": "show",
        "second": "mirror",
    },
}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", ["roundtrip", "polled"])
def test_round_trips(name: str, channel: str, tmp_path: Path) -> None:
    assert build(fill(name, {**CHANNELS[channel], "apic": "guarded"}, tmp_path)).image


def test_processes() -> None:
    system = build(SYSTEMS / "process")
    symbols = system.processes["process-first.main"].symbols
    assert symbols.address("samples") and symbols.address("gaps")


def test_the_timer() -> None:
    assert build(SYSTEMS / "timer").image
