"""``python -m benchmarks``: measure everything, print it, and store it as JSON Lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from benchmarks import (
    language,
    latency,
    messages,
    migration,
    native,
    processes,
    recovery,
    scheduling,
    systems_cost,
    timer,
)
from benchmarks.statistics import Result, store

PARTS: dict[str, Callable[[], Iterator[Result]]] = {
    "blocking": messages.blocking,
    "polled": messages.polled,
    "timer": timer.wake_up,
    "latency": latency.latencies,
    "scheduling": scheduling.scheduling,
    "processes": processes.processes,
    "migration": migration.migration,
    "recovery": recovery.recovery,
    "start": systems_cost.start,
    "build": systems_cost.building,
    "sizes": systems_cost.sizes,
    "language": language.comparison,
    "native": native.native,
}
DEFAULT_OUTPUT = Path("build/benchmarks.jsonl")
_MARKS = {None: "", True: "", False: " missed"}


def main(
    parts: Annotated[list[str] | None, typer.Argument(help=f"of: {', '.join(PARTS)}")] = None,
    output: Annotated[Path, typer.Option(help="where the results go")] = DEFAULT_OUTPUT,
) -> None:
    """Measure Quest-V. Instructions are exact and repeat; wall times are this machine's."""
    console = Console()
    unknown = set(parts or ()) - PARTS.keys()
    if unknown:
        console.print(f"no such part: {', '.join(sorted(unknown))}; choose of {', '.join(PARTS)}")
        raise typer.Exit(2)
    results: list[Result] = []
    with Progress(console=console, transient=True) as progress:
        for part in progress.track(parts or list(PARTS), description="measuring"):
            try:
                results += PARTS[part]()
            except (language.MissingToolError, native.MissingCoresError) as error:
                console.print(f"{part} is left out: {error}")
    console.print(_table(results))
    store(results, output)
    console.print(f"stored in {output}")


def _table(results: list[Result]) -> Table:
    table = Table(box=None, caption="quartiles, mean and standard deviation are stored")
    table.add_column("measurement")
    for name in ("median", "min", "max", "n", "goal"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        numbers = (result.median, result.minimum, result.maximum, result.count)
        style = {None: "", True: "green", False: "red"}[result.met]
        goal = "" if result.goal is None else f"{_number(result.goal)}{_MARKS[result.met]}"
        name = f"{result.name}, {result.unit}" if result.unit else result.name
        table.add_row(name, *map(_number, numbers), Text(goal, style))
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    typer.run(main)
