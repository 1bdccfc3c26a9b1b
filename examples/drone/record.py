"""The record of a flight, as the plant's kernel writes it to its console, and pictures of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import degrees
from pathlib import Path

LABELS = ("place, m", "height, m", "attitude, degrees", "thrust of each motor, N")


@dataclass(frozen=True)
class Sample:
    """How things really were: seconds, metres, radians and newtons."""

    time: float
    position: tuple[float, ...]
    angles: tuple[float, ...]  # roll, pitch, yaw
    thrust: tuple[float, ...]  # of each motor


def read_record(lines: Iterable[str]) -> list[Sample]:
    """The samples in the plant's lines: numbers in thousandths, a semicolon after each sample."""
    samples = []
    for line in lines:
        for text in line.split(";")[:-1]:
            time, *rest = (int(word) / 1000 for word in text.split())
            samples.append(Sample(time, (*rest[:3],), (*rest[3:6],), (*rest[6:10],)))
    return samples


def draw(
    flights: Mapping[str, Sequence[Sample]],
    events: Mapping[str, float],
    file: Path,
) -> None:
    """Draw ``flights`` over each other, with ``events`` marked; the file's ending says how.

    The first flight is drawn broad and pale, so that others show on top of it.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    matplotlib.rcParams["svg.hashsalt"] = "drone"  # two drawings of the same flight are alike
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 1, figsize=(9, 11), sharex=True, layout="constrained")
    for number, (name, flight) in enumerate(flights.items()):
        style = {"lw": 1.2, "alpha": 1.0} if number else {"lw": 4.5, "alpha": 0.35}
        time = [sample.time for sample in flight]
        for panel, names, values in (
            (axes[0], ("x", "y"), [sample.position[:2] for sample in flight]),
            (axes[1], ("height",), [sample.position[2:] for sample in flight]),
            (
                axes[2],
                ("roll", "pitch", "yaw"),
                [[degrees(angle) for angle in sample.angles] for sample in flight],
            ),
            (axes[3], ("1", "2", "3", "4"), [sample.thrust for sample in flight]),
        ):
            for i, curve in enumerate(names):
                label = f"{curve}, {name}"
                panel.plot(time, [value[i] for value in values], f"C{i}", label=label, **style)
    for panel, label in zip(axes, LABELS, strict=True):
        for moment in events.values():
            panel.axvline(moment, color="black", lw=1, ls="--")
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
        panel.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    for event, moment in events.items():
        top = axes[0].get_xaxis_transform()
        axes[0].text(moment, 1.01, event, transform=top, ha="center", fontsize="x-small")
    axes[-1].set_xlabel("seconds of the flight")
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    pyplot.close(figure)
