"""What the rows of a campaign say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from questv.faults.outcome import Outcome
from questv.faults.rows import Row
from questv.inspect.model import Found


class Quartiles(Found):
    """Of a set of times: how many, the least, the quartiles and the most, in nanoseconds."""

    count: int
    least: int
    lower: int
    median: int
    upper: int
    most: int


class Summary(Found):
    """``outcomes`` and ``by_kind`` count runs; ``latency`` is from fault to notice, by kind."""

    system: str
    image: str
    seed: int
    runs: int
    outcomes: Mapping[Outcome, int]
    by_kind: Mapping[str, Mapping[Outcome, int]]
    by_region: Mapping[str, Mapping[Outcome, int]]
    latency: Mapping[str, Quartiles]
    escapes: tuple[str, ...]


def summarize(rows: Sequence[Row], *, system: str, image: str, seed: int, again: str) -> Summary:
    """Count; ``escapes`` are the commands that make those runs again."""
    noticed: dict[str, list[int]] = {}
    for row in rows:
        if row.latency is not None:
            noticed.setdefault(row.kind, []).append(row.latency)
    return Summary(
        system=system,
        image=image,
        seed=seed,
        runs=len(rows),
        outcomes=_ordered(Counter(row.outcome for row in rows)),
        by_kind=_by(rows, [str(row.kind) for row in rows]),
        by_region=_by(rows, [row.region for row in rows]),
        latency={kind: quartiles(noticed[kind]) for kind in sorted(noticed)},
        escapes=tuple(again_line(again, row) for row in rows if row.outcome is Outcome.ESCAPE),
    )


def again_line(again: str, row: Row) -> str:
    """The command that makes one run again."""
    return f"{again} --sandbox {row.sandbox} --fault {row.fault} --at {row.at}"


def quartiles(times: Iterable[int]) -> Quartiles:
    """Of at least one time: each is one of the times."""
    values = sorted(times)
    last = len(values) - 1
    return Quartiles(
        count=len(values),
        least=values[0],
        lower=values[last // 4],
        median=values[last // 2],
        upper=values[3 * last // 4],
        most=values[-1],
    )


def _by(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, dict[Outcome, int]]:
    found: dict[str, Counter[Outcome]] = {}
    for row, key in zip(rows, keys, strict=True):
        found.setdefault(key, Counter())[row.outcome] += 1
    return {key: _ordered(found[key]) for key in sorted(found)}


def _ordered(counts: Counter[Outcome]) -> dict[Outcome, int]:
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}
