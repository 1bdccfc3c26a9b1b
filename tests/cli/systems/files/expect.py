from __future__ import annotations

from collections.abc import Iterator

from questv.expect import Expectation, RunResult


def check(run: RunResult) -> Iterator[Expectation]:
    print("looking at the run")
    lines = [line.text for line in run.console("reader")]
    for name in ("left", "right"):
        file = run.inputs.get(name)
        contents = file.read_bytes() if file else b""
        wanted = f"{name} {len(contents)} bytes, sum {sum(contents)}"
        yield Expectation(name, wanted in lines, wanted)
