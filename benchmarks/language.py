"""metal against C: instructions of the same function, compiled by each."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.statistics import Result, summarize
from questv.metal.units import RUNTIME, UnitCompiler

_HERE = Path(__file__).parent
_DEMO = _HERE.parent / "examples" / "demo"
_MODULES = ("benchmarks.functions", "benchmarks.ring_traffic", "sha256")
_FLAGS = ("-O2", "-fno-omit-frame-pointer", "-mno-red-zone", "-mgeneral-regs-only", "-fwrapv")
_FLAGS_OF_BOTH = ("-fno-strict-aliasing", "-fcf-protection=none", "-fno-stack-protector")
GOAL = 1.05


class MissingToolError(Exception):
    """A tool that this measurement needs is not installed; the message says how to get it."""


def comparison() -> Iterator[Result]:
    """For each function the ratio of metal's instructions to C's; the same result is checked."""
    compiler = _tool("gcc", "clang")
    counter = _tool("valgrind")
    with tempfile.TemporaryDirectory() as folder:
        program = _build(compiler, Path(folder))
        for name in ("sha256", "crc32", "ring", "sort"):
            counts, answers = {}, {}
            for language in ("metal", "c"):
                counts[language], answers[language] = _count(counter, program, language, name)
            if answers["metal"] != answers["c"]:
                raise AssertionError(f"{name}: metal and C disagree: {answers}")
            for language in ("metal", "c"):
                yield summarize(
                    f"{name} in {language}", "instructions", "instructions", [counts[language]]
                )
            ratio = counts["metal"] / counts["c"]
            yield summarize(f"{name}, metal over C", "ratio", "", [ratio], GOAL)


def _tool(*names: str) -> str:
    for name in names:
        if (path := shutil.which(name)) is not None:
            return path
    raise MissingToolError(f"{names[0]} is not installed; apt install {names[0]}")


def _build(compiler: str, folder: Path) -> Path:
    """Both languages' functions in one program for this host."""
    sys.path.insert(0, str(_DEMO))
    try:
        units = UnitCompiler(checks=False).compile(_MODULES)
    finally:
        sys.path.remove(str(_DEMO))
    objects = []
    for unit in units.values():
        if unit.module != RUNTIME:  # the C library's copies serve both
            objects.append(folder / f"{unit.module}.o")
            objects[-1].write_bytes(unit.object)
    program = folder / "program"
    functions = folder / "functions.o"
    flags = [*_FLAGS, *_FLAGS_OF_BOTH]
    subprocess.run(
        [compiler, *flags, "-c", str(_HERE / "c/functions.c"), "-o", str(functions)], check=True
    )
    main = [str(_HERE / "c/main.c"), str(functions), *map(str, objects)]
    link = ["-O1", "-no-pie", "-Wl,--strip-debug"]  # valgrind 3.19 can't read DWARF 5
    subprocess.run([compiler, *link, *main, "-o", str(program)], check=True)
    return program


def _count(counter: str, program: Path, language: str, name: str) -> tuple[int, str]:
    """The instructions that ``measured`` executes, and what the program prints."""
    run = subprocess.run(
        [
            counter,
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=measured",
            str(program),
            language,
            name,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", run.stderr)
    if found is None:
        raise AssertionError(f"valgrind did not count: {run.stderr}")
    return int(found[1]), run.stdout
