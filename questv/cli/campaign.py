"""``questv campaign``."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from questv.cli.bench import prepared
from questv.cli.ending import ending_on_request
from questv.cli.files import check_target, write_file
from questv.cli.inject import command_words
from questv.cli.output import ExitCode, Output, UserError, command
from questv.cli.target import Target
from questv.faults.campaign import Campaign, local_rows
from questv.faults.cluster import cluster_rows
from questv.faults.laboratory import Laboratory
from questv.faults.model import Kind, parse_fault
from questv.faults.rows import Row
from questv.faults.store import Store
from questv.faults.summary import Summary, summarize
from questv.interrupted import Interrupted
from questv.view.campaign import campaign_page, campaign_view, counts_line


def campaign(
    path: Path,
    *,
    runs: int,
    seed: int,
    sandboxes: Sequence[str],
    faults: Sequence[str],
    inputs: Sequence[str],
    run_for: str | None,
    file: Path | None,
    report: Path | None,
    resume: bool,
    workers: int | None,
    scheduler: str | None,
    json: bool,
) -> None:
    """Run a system many times, each time with another fault; exit code 1 for an escape."""
    with command(json=json) as output, ExitStack() as stack:
        if workers is not None and scheduler is not None:
            raise UserError("a cluster has its own workers", "leave out --workers, or --scheduler")
        kinds = tuple(dict.fromkeys(_kind(fault) for fault in faults)) or tuple(Kind)
        if report is not None:
            check_target(report, path)
        target, bench = stack.enter_context(prepared(path, inputs, run_for, output))
        results = file or Path(f"{target.plan.name}-{seed}.sqlite")
        check_target(results, path)
        with Laboratory(bench) as laboratory:
            names = _names(laboratory, sandboxes)
            bench = replace(bench, run_for=laboratory.run_for())
        chosen = Campaign(bench=bench, seed=seed, sandboxes=names, kinds=kinds)
        again = shlex.join(command_words(path, inputs, run_for))
        store = stack.enter_context(_store(results, chosen, target, again, resume=resume))
        missing = [run for run in range(runs) if run not in store.numbers()]
        with ending_on_request() as request:
            made = _rows(chosen, missing, workers, scheduler, lambda: request.number is not None)
            _collect(made, store, runs, output)
        summary = _summary(store, runs)
        if report is not None:
            rows = [row for row in store.rows() if row.run < runs]
            page = campaign_page(summary, rows, store.fact("command"), again)
            write_file(report, page.encode())
        output.result(summary, campaign_view(summary, results))
        if request.number is not None:
            left = runs - summary.runs
            output.show(f"stopped by {signal.Signals(request.number).name}; {left} runs are left")
            output.show("go on: the same command with --resume")
            raise Interrupted(request.number)
        if summary.escapes:
            raise typer.Exit(ExitCode.FAILED)


def _kind(fault: str) -> Kind:
    """The kind of fault that is asked for; raises FaultError, or UserError for details."""
    found = parse_fault(fault)
    if ":" in fault:
        raise UserError(
            f"a campaign draws all details, and '{fault}' has some",
            f"write --fault {found.kind}, or use questv inject",
        )
    return found.kind


def _names(laboratory: Laboratory, sandboxes: Sequence[str]) -> tuple[str, ...]:
    """The sandboxes that are asked for, or all that can be hit; raises FaultError."""
    own = [each.name for each in laboratory.plan.sandboxes if each.foreign is None]
    chosen = tuple(dict.fromkeys(sandboxes)) or tuple(own)
    if not chosen:
        raise UserError(
            f"{laboratory.plan.name} has foreign kernels only, of whose code nothing is known",
            "choose a system with a kernel of ours",
        )
    return tuple(laboratory.sandbox(name).name for name in chosen)


def _store(file: Path, made: Campaign, target: Target, again: str, *, resume: bool) -> Store:
    if resume:
        return Store.open(file, made.identity)
    return Store.make(
        file,
        identity=made.identity,
        system=target.plan.name,
        image=target.hash,
        seed=made.seed,
        command=shlex.join(["questv", *sys.argv[1:]]),
        again=again,
    )


def _rows(
    made: Campaign,
    runs: Sequence[int],
    workers: int | None,
    scheduler: str | None,
    is_over: Callable[[], bool],
) -> Iterator[Row]:
    if scheduler is not None:
        return cluster_rows(made, runs, scheduler, is_over)
    return local_rows(made, runs, workers or os.cpu_count() or 1, is_over)


def _collect(rows: Iterator[Row], store: Store, runs: int, output: Output) -> None:
    """Keep all rows as they come, and show how many came to what."""
    counts = Counter(row.outcome for row in store.rows() if row.run < runs)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=output.errors,
        transient=True,
        disable=not output.errors.is_terminal,
    ) as progress:
        bar = progress.add_task(counts_line(counts), total=runs, completed=counts.total())
        for row in rows:
            if store.add(row):
                counts[row.outcome] += 1
                progress.update(bar, description=counts_line(counts), advance=1)


def _summary(store: Store, runs: int) -> Summary:
    return summarize(
        [row for row in store.rows() if row.run < runs],
        system=store.fact("system"),
        image=store.fact("image"),
        seed=int(store.fact("seed")),
        again=store.fact("again"),
    )
