"""``questv run``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from questv.cli.copying import CopyProgress
from questv.cli.display import Display
from questv.cli.durations import parse_duration
from questv.cli.expectations import check_expectations
from questv.cli.files import check_target, write_file
from questv.cli.inputs import BoundInput, bind_inputs
from questv.cli.output import ExitCode, Output, UserError, command, print_json
from questv.cli.session import Finished, run_session
from questv.cli.start import StartOptions
from questv.cli.streams import BoundStream, bind_streams, uses_terminal
from questv.cli.target import Target, load_target
from questv.expect import RunResult
from questv.inspect.report import InputReport, Outcome, RunReport
from questv.interrupted import Interrupted
from questv.machine import MachineKind
from questv.view.plan import title
from questv.view.run import summary_view, verdict
from questv.view.terminal import show


def run(
    path: Path,
    *,
    run_for: str | None,
    inputs: Sequence[str],
    streams: Sequence[str],
    deterministic: bool,
    kind: MachineKind,
    report_file: Path | None,
    checks: bool,
    json: bool,
) -> None:
    """Run a system or an image, show what happens, and check what came out of it."""
    with command(json=json, aside=uses_terminal(streams)) as output:
        if report_file is not None:
            check_target(report_file, path)
        nanoseconds = parse_duration(run_for) if run_for is not None else None
        target = load_target(path, output, checks=checks)
        bound = bind_inputs(target.plan, inputs)
        connections = bind_streams(target.plan, streams, path)
        _check_streams(connections, deterministic=deterministic, json=json)
        output.show(title(target.plan))
        _tell_unconnected(target, connections, output, deterministic=deterministic)
        with CopyProgress(output.errors) as progress:
            finished = run_session(
                target,
                bound,
                StartOptions(
                    kind=kind,
                    deterministic=deterministic,
                    run_for=nanoseconds,
                    streams=connections,
                ),
                Display(target.plan, output),
                progress,
            )
        report, interrupted = _report(target, bound, finished), None
        try:
            report = _checked(target, bound, report)
        except Interrupted as error:  # what was measured is shown and written all the same
            interrupted = error
        if report_file is not None:
            write_file(report_file, f"{report.model_dump_json(indent=2)}\n".encode())
        if report.booted:
            output.show("", summary_view(report))
            if target.folder is None:
                output.show("an image carries no expectations: nothing was checked")
            output.show(f"the machine ran for {finished.seconds:.2f} s")
        else:
            show(output.errors, verdict(report))
        if json:
            print_json(report)
        if interrupted is not None:
            raise interrupted
        raise typer.Exit(_exit_code(report, finished))


def _check_streams(streams: Sequence[BoundStream], *, deterministic: bool, json: bool) -> None:
    """Refuse what would break a promise; raises UserError."""
    if streams and deterministic:
        raise UserError(
            f"a deterministic run can't have a live stream, and '{streams[0].name}' is one: what "
            "comes from outside arrives at another moment each time",
            "leave out --stream, or give the system what it reads as an input; or leave out "
            "--deterministic",
        )
    terminals = [stream.name for stream in streams if "-" in (stream.source, stream.sink)]
    if len(terminals) > 1 or (terminals and json):
        other = "--json" if json else f"stream '{terminals[1]}'"
        raise UserError(
            f"stream '{terminals[0]}' can't have this terminal, which {other} writes to, too",
            f"connect it to something else, or leave {other} out",
        )


def _tell_unconnected(
    target: Target, streams: Sequence[BoundStream], output: Output, *, deterministic: bool
) -> None:
    connected = {stream.name for stream in streams}
    for sandbox in target.plan.sandboxes:
        for stream in sandbox.streams:
            if stream.name not in connected:
                hint = f"--stream {stream.name}=- connects this terminal"
                if deterministic:
                    hint = "a deterministic run has no streams, so nothing ever comes from it"
                output.show(f"{stream.name} of {sandbox.name} is connected to nothing; {hint}")


def _report(target: Target, bound: Sequence[BoundInput], finished: Finished) -> RunReport:
    snapshot = finished.snapshot
    return RunReport(
        system=snapshot.system,
        image=target.hash,
        outcome=finished.ending.outcome,
        detail=finished.ending.detail,
        machine=snapshot.machine,
        sandboxes=snapshot.sandboxes,
        channels=snapshot.channels,
        streams=snapshot.streams,
        inputs=tuple(InputReport(name=each.plan.name, bytes=each.size) for each in bound),
        console=finished.console,
        expectations=(),
    )


def _checked(target: Target, bound: Sequence[BoundInput], report: RunReport) -> RunReport:
    """The report with what was expected, if the run came to its end and something was."""
    if target.folder is None or target.expect is None or report.outcome is not Outcome.ENDED:
        return report
    result = RunResult(report, {each.plan.name: each.file for each in bound})
    expectations = check_expectations(target.folder, target.expect, result)
    return report.model_copy(update={"expectations": expectations})


def _exit_code(report: RunReport, finished: Finished) -> int:
    if finished.ending.signal is not None:
        return Interrupted(finished.ending.signal).exit_code
    return ExitCode.DONE if report.succeeded else ExitCode.FAILED
