"""Plots are whole, and as wide as the numbers say."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from questv.view.plot import bars, distributions

COLOURS = {"good": "#00ff00", "bad": "#ff0000", "unused": "#0000ff"}


def rectangles(svg: str, colour: str) -> list[dict[str, str]]:
    return [each.attrib for each in ElementTree.fromstring(svg) if each.get("fill") == colour]


def test_bars() -> None:
    svg = bars({"a <kind>": {"good": 3, "bad": 1}, "other": {"bad": 5}}, COLOURS)
    [_, good] = rectangles(svg, "#00ff00")  # the first is the legend's
    [_, bad, whole] = rectangles(svg, "#ff0000")
    assert float(good["width"]) == pytest.approx(3 * float(bad["width"]))
    assert float(good["x"]) + float(good["width"]) == pytest.approx(float(bad["x"]), abs=0.02)
    assert float(whole["width"]) == pytest.approx(4 * float(bad["width"]))
    assert not rectangles(svg, "#0000ff") and "unused" not in svg
    assert "a &lt;kind&gt;: 3 of 4 good" in svg


def test_distributions() -> None:
    svg = distributions({"one": [100, 100, 10_000], "other": [1]})
    medians = [float(each["x"]) for each in rectangles(svg, "#d02020")]
    assert len(medians) == 2 and medians[0] > medians[1]
    few, many = sorted(
        float(each["fill-opacity"]) for each in rectangles(svg, "#3b7dd8") if "y" in each
    )[:2]
    assert few <= many
    scale = re.findall(r">(\d+ (?:ns|us|ms|s))<", svg)
    assert scale == ["1 ns", "10 ns", "100 ns", "1 us", "10 us", "100 us"]
    assert distributions({}) == "<p>Nothing was noticed.</p>"
