"""A task that was ended, as a run and its report show it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "process"


def test_a_task_that_fails_fails_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "wild"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    description = folder / "system.toml"
    description.write_text(description.read_text().replace("wild_at = 0", "wild_at = 3"))
    sensor = folder / "sensor.py"
    sensor.write_text(sensor.read_text().replace("2_000_000_000", "2_000_000"))
    report = tmp_path / "report.json"
    command = [str(Path(sys.executable).with_name("questv")), "run", str(folder)]
    command += ["--deterministic", "--report", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "task judge of court was ended: page fault writing to 0x1234" in done.stdout
    assert "judge.py:28" in done.stdout
    assert "failed: task court/judge failed, 1 of 1 expectations not met" in done.stdout
    [court] = [
        each for each in json.loads(report.read_text())["sandboxes"] if each["name"] == "court"
    ]
    [fault] = court["faults"]
    assert (fault["task"], fault["trace"][0]["function"]) == ("judge", "judge")
    assert court["crash"] is None
    states = {task["name"]: task["state"] for task in court["tasks"]}
    assert states["judge"] == "failed" and states["beat"] != "failed"
