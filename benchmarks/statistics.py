"""What a set of samples says, and how it is kept."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """A measurement: its name, unit, samples in numbers, and the goal it is held against.

    ``kind`` says what sort of figure it is: ``instructions`` are exact and repeat, ``wall`` is
    one machine's time, ``size`` is in bytes, ``ratio`` compares two in one run.
    """

    name: str
    kind: str
    unit: str
    goal: float | None
    minimum: float
    quartile1: float
    median: float
    quartile3: float
    maximum: float
    mean: float
    deviation: float
    count: int

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the goal; None if there is no goal."""
        return None if self.goal is None else self.median <= self.goal


def summarize(
    name: str, kind: str, unit: str, samples: Sequence[float], goal: float | None = None
) -> Result:
    """The numbers that describe ``samples``, of which there is at least one."""
    ordered = sorted(samples)
    quartiles = statistics.quantiles(ordered, n=4) if len(ordered) > 1 else [ordered[0]] * 3
    return Result(
        name,
        kind,
        unit,
        goal,
        ordered[0],
        quartiles[0],
        quartiles[1],
        quartiles[2],
        ordered[-1],
        statistics.fmean(ordered),
        statistics.pstdev(ordered),
        len(ordered),
    )


def store(results: Sequence[Result], path: Path) -> None:
    """Write one line of JSON for each result; what is there of other names stays.

    A result that is there already is replaced where it stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.read_text().splitlines() if path.exists() else []
    lines = {json.loads(line)["name"]: line for line in kept}
    lines.update({result.name: json.dumps(asdict(result)) for result in results})
    path.write_text("".join(f"{line}\n" for line in lines.values()))
