"""Flies the drone twice, once with a kernel that crashes, and draws both flights over each other.

    python examples/drone/plot.py [FOLDER]

The reports of the runs, ``quiet.json`` and ``crash.json``, and the picture, ``flight.svg``, are put
into the folder, the current one if there is none. It takes matplotlib, which ``make`` installs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
from importlib.util import find_spec
from pathlib import Path

from record import draw, read_record
from schedule import START

from questv.inspect.report import ReportError, RunReport, read_report

HERE = Path(__file__).resolve().parent
NEVER, DURING_THE_FLIGHT = "crash_at = 0.0", "crash_at = 5.0"
NAMES = ("quiet", "crash")


def fly(folder: Path) -> None:
    """Make both reports. The runs are deterministic, so they may go on at the same time."""
    with tempfile.TemporaryDirectory() as scratch:
        runs = []
        for name in NAMES:
            system = copy_system(Path(scratch) / name, crash=name == "crash")
            questv = str(Path(sys.executable).with_name("questv"))
            report = folder / f"{name}.json"
            words = [questv, "run", str(system), "--deterministic", "--report", str(report)]
            runs.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))
        for run in runs:
            run.wait()


def copy_system(to: Path, *, crash: bool) -> Path:
    """A copy of this system, in which the mission's kernel crashes or does not."""
    to.mkdir()
    for file in [*HERE.glob("*.py"), HERE / "system.toml"]:
        text = file.read_text()
        if crash and file.name == "system.toml":
            if NEVER not in text:
                sys.exit(f"system.toml has no '{NEVER}' that could be changed")
            text = text.replace(NEVER, DURING_THE_FLIGHT)
        (to / file.name).write_text(text)
    return to


def events_of(report: RunReport) -> dict[str, float]:
    """What happened besides, each with its second of the flight."""
    tables = tomllib.loads((HERE / "system.toml").read_text())["sandbox"]
    (plant,) = (each for each in tables if each["name"] == "plant")
    crashes = {
        f"{sandbox.name} crashes": (sandbox.crash.time - START) / 1e9
        for sandbox in report.sandboxes
        if sandbox.crash is not None and sandbox.crash.time is not None
    }
    return {"a gust begins": plant["task"][0]["bind"]["gust_begin"], **crashes}


def main() -> None:
    """Fly and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="for what is made")
    folder: Path = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"there is no folder {folder}")
    if find_spec("matplotlib") is None:
        sys.exit("matplotlib is missing: pip install matplotlib")
    fly(folder)
    try:
        reports = {name: read_report(folder / f"{name}.json") for name in NAMES}
    except ReportError as error:
        sys.exit(str(error))
    flights = {}
    for name, report in reports.items():
        (console,) = (each for each in report.console if each.sandbox == "plant")
        flights[name] = read_record(line.text for line in console.lines)
    draw(flights, events_of(reports["crash"]), folder / "flight.svg")
    same = "alike to the last digit" if flights["quiet"] == flights["crash"] else "not alike"
    print(f"{folder / 'flight.svg'} is drawn; the flights are {same}")


if __name__ == "__main__":
    main()
