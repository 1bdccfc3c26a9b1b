"""Plots as SVG: bars of counts, and distributions of times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

_WIDTH, _LABELS, _COUNTS = 900, 170, 60
_ROW, _BAR, _LEGEND = 26, 18, 24
_BODY = _WIDTH - _LABELS - _COUNTS
_HALF = _BAR / 2
_PARTS = 8  # of a decade


def bars(groups: Mapping[str, Mapping[str, int]], colours: Mapping[str, str]) -> str:
    """A bar for each group, which shows what part each name has; ``colours`` are the names'."""
    used = [name for name in colours if any(name in counts for counts in groups.values())]
    parts = list(_legend({name: colours[name] for name in used}))
    for index, (group, counts) in enumerate(groups.items()):
        top = _LEGEND + index * _ROW
        total = sum(counts.values())
        parts.append(_text(_LABELS - 8, top, group, "end"))
        left = float(_LABELS)
        for name in used:
            width = _BODY * counts.get(name, 0) / total if total else 0
            if width:
                told = f"{group}: {counts[name]} of {total} {name}"
                parts.append(_box(left, top, width, _BAR, colours[name], told))
            left += width
        parts.append(_text(_LABELS + _BODY + 8, top, f"{total:,}", "start"))
    return _svg(_LEGEND + _ROW * len(groups), parts)


def distributions(groups: Mapping[str, Sequence[int]]) -> str:
    """For each group how its times, in nanoseconds, are spread: a row over a scale of decades.

    The darker a place, the more of the group's times are there; a line marks the median.
    """
    if not groups:
        return "<p>Nothing was noticed.</p>"
    decades = max(len(str(max(times))) for times in groups.values())
    parts = [
        _text(_place(10**decade, decades), _LEGEND + _ROW * len(groups), label, "middle")
        for decade, label in _decades(decades)
    ]
    for index, name in enumerate(sorted(groups)):
        top, times = _LEGEND + index * _ROW, sorted(groups[name])
        parts.append(_text(_LABELS - 8, top, name, "end"))
        parts.append(_text(_LABELS + _BODY + 8, top, f"{len(times):,}", "start"))
        parts += _spread(top, times, decades)
        median = times[(len(times) - 1) // 2]
        told = f"{name}: median {median:,} ns"
        parts.append(_box(_place(median, decades), top, 2, _BAR, "#d02020", told))
    return _svg(_LEGEND + _ROW * (len(groups) + 1), parts)


def _spread(top: int, times: Sequence[int], decades: int) -> Iterator[str]:
    width = _BODY / decades / _PARTS
    counts: dict[int, int] = {}
    for time in times:
        place = int((_place(time, decades) - _LABELS) / width)
        counts[place] = counts.get(place, 0) + 1
    most = max(counts.values())
    for place, number in sorted(counts.items()):
        strength = 0.15 + 0.85 * number / most
        told = f"{number} of {len(times)}"
        left = _LABELS + place * width
        yield _box(left, top, width, _BAR, "#3b7dd8", told, f"{strength:.2f}")


def _decades(decades: int) -> Iterator[tuple[int, str]]:
    units = ("ns", "us", "ms", "s")
    for decade in range(decades + 1):
        yield decade, f"{10 ** (decade % 3)} {units[decade // 3]}"


def _place(time: int, decades: int) -> float:
    return _LABELS + _BODY * math.log10(max(time, 1)) / decades


def _legend(colours: Mapping[str, str]) -> Iterator[str]:
    left = float(_LABELS)
    for name, colour in colours.items():
        yield _box(left, 2, 12, 12, colour, name)
        yield _text(left + 16, -1, name, "start")
        left += 34 + 6.5 * len(name)


def _text(left: float, top: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{left:.1f}" y="{top + _HALF + 4:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _box(
    left: float, top: float, width: float, height: float, colour: str, told: str,
    strength: str = "1",
) -> str:  # fmt: skip
    return (
        f'<rect x="{left:.2f}" y="{top}" width="{width:.2f}" height="{height}" fill="{colour}"'
        f' fill-opacity="{strength}"><title>{escape(told)}</title></rect>'
    )


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}">\n' + "\n".join(parts) + "\n</svg>"
