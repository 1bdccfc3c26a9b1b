"""Draws flights over each other.

    python examples/drone/plot.py                    fly twice, once with a kernel that crashes
    python examples/drone/plot.py RUN.json ...       what is in these reports of runs

The picture is ``flight.svg``, beside the first report or in the folder one is in. It takes
matplotlib: ``pip install 'questv[plot]'``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from record import Sample, draw, read_record

from questv.inspect.report import ReportError, RunReport, read_report

FOLDER = Path(__file__).resolve().parent
NO_CRASH, CRASH = "crash_at = 0.0", "crash_at = 5.0"
START = 0.2  # seconds from the machine's start to the flight's, as in schedule.py


def fly(folder: Path, *, crash: bool) -> Path:
    """The report of a deterministic flight, made in ``folder``."""
    name = "crash" if crash else "quiet"
    system = folder / name
    system.mkdir()
    for file in [*FOLDER.glob("*.py"), FOLDER / "system.toml"]:
        text = file.read_text()
        if crash and file.suffix == ".toml":
            assert NO_CRASH in text
            text = text.replace(NO_CRASH, CRASH)
        (system / file.name).write_text(text)
    report = folder / f"{name}.json"
    questv = Path(sys.executable).with_name("questv")
    command = [questv, "run", system, "--deterministic", "--report", report]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=not crash)
    return report


def flight_of(report: RunReport) -> list[Sample]:
    """What the plant has recorded."""
    (console,) = (each for each in report.console if each.sandbox == "plant")
    return read_record(line.text for line in console.lines)


def plot(reports: dict[str, RunReport], picture: Path) -> None:
    """Draw the flights of ``reports``, and mark where a kernel crashed."""
    crashes = {
        f"{sandbox.name} crashes": sandbox.crash.time / 1e9 - START
        for report in reports.values()
        for sandbox in report.sandboxes
        if sandbox.crash is not None and sandbox.crash.time is not None
    }
    draw({name: flight_of(report) for name, report in reports.items()}, crashes, picture)


def main() -> None:
    """Draw what the command line names."""
    try:
        if len(sys.argv) > 1:
            files = [Path(word) for word in sys.argv[1:]]
            picture = files[0].with_name("flight.svg")
            plot({file.stem: read_report(file) for file in files}, picture)
        else:
            picture = Path("flight.svg")
            with tempfile.TemporaryDirectory() as folder:
                files = [fly(Path(folder), crash=crash) for crash in (False, True)]
                plot({file.stem: read_report(file) for file in files}, picture)
    except ReportError as error:
        sys.exit(str(error))
    print(f"drawn: {picture}")


if __name__ == "__main__":
    main()
