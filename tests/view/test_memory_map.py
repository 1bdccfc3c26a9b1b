from __future__ import annotations

import re
from pathlib import Path

import pytest

from questv.arch.x86.paging import PAGE_SIZE
from questv.plan.model import Owner, Plan
from questv.view.memory_map import MemoryMap

from .plans import DEMO, HELLO, many, plan_of
from .rendering import coloured, plain

_ROW = re.compile(r"  0x([0-9a-f]{8})  (\S+)")


def cells(plan: Plan, text: str) -> tuple[int, dict[int, str]]:
    """The size of a cell, and what is shown at each address."""
    found = {}
    sizes = {"KiB": 1 << 10, "MiB": 1 << 20}
    number, unit = re.search(r"one character is (\d+) (\w+)", text).groups()  # type: ignore[union-attr]
    cell = int(number) * sizes[unit]
    for start, symbols in _ROW.findall(text):
        for index, symbol in enumerate(symbols):
            found[int(start, 16) + index * cell] = symbol
    return cell, found


def expected(plan: Plan, address: int) -> str:
    region = plan.region_at(address)
    if region is None:
        return "."
    names = [sandbox.name for sandbox in plan.sandboxes]
    symbols = {
        Owner.BOOT: "B",
        Owner.MONITOR: "m",
        Owner.HARDWARE: "t",
        Owner.CHANNEL: "=",
        Owner.INPUT: "i",
    }
    if region.owner is Owner.SANDBOX:
        return str(names.index(region.of))
    return symbols[region.owner]


@pytest.mark.parametrize("folder", [HELLO, DEMO])
@pytest.mark.parametrize("width", [100, 60])
def test_every_page_that_is_shown_is_what_the_plan_says(folder: Path, width: int) -> None:
    plan = plan_of(folder)
    cell, shown = cells(plan, plain(MemoryMap(plan), width=width))
    assert cell == PAGE_SIZE
    assert {address: expected(plan, address) for address in shown} == shown
    # What is left out is of the kind that stands before it.
    for region in plan.regions:
        assert region.start in shown or region.size < PAGE_SIZE or region.start >= 4 << 30


def test_what_is_left_out_is_said() -> None:
    plan = plan_of(HELLO)
    text = plain(MemoryMap(plan))
    _, shown = cells(plan, text)
    [left_out] = re.findall(r"\.\.\. +([0-9.]+) MiB more of the same", text)
    covered = len(shown) * PAGE_SIZE + float(left_out) * (1 << 20)
    assert covered == pytest.approx(plan.memory - min(shown), abs=0.06 * (1 << 20))


def test_big_systems_have_bigger_cells_and_lose_no_sandbox(tmp_path: Path) -> None:
    plan = many(tmp_path, 16)
    text = plain(MemoryMap(plan))
    cell, shown = cells(plan, text)
    assert cell > PAGE_SIZE
    assert len(_ROW.findall(text)) <= 32
    everything = "".join(shown.values())
    for symbol in "0123456789ACDEFG":
        assert symbol in everything


def test_the_legend_adds_up() -> None:
    plan = plan_of(HELLO)
    text = plain(MemoryMap(plan))
    assert f"0   {plan.sandboxes[0].memory >> 10} KiB  memory of ping" in text
    assert "1   512 KiB  memory of pong" in text
    assert "free" in text and "inputs" not in text
    above = sum(region.size for region in plan.regions if region.start >= 4 << 30) >> 10
    assert f"{above} KiB  above 4 GiB: MSR permission maps, and guards behind them" in text
    assert "inputs" in plain(MemoryMap(plan_of(DEMO)))


def test_colours_tell_whose_it_is() -> None:
    text = coloured(MemoryMap(plan_of(HELLO)))
    assert "\x1b[7;36m0" in text and "\x1b[7;32m1" in text  # memory of each
    assert "\x1b[36mm" in text and "\x1b[32mm" in text  # and its monitor
