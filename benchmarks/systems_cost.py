"""What a system costs: its start, its build, its sizes and the memory beyond its sandboxes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.statistics import Result, summarize
from questv.machine import Machine, MachineKind, MachineOptions, memory_size
from questv.machine.deterministic import metronome_word
from questv.monitor.interface import PublicPage, SandboxState
from questv.plan.build import BuiltSystem, build
from questv.plan.model import Owner

DEMO = Path(__file__).parent.parent / "examples" / "demo"
_WALL_RUNS = 15
_PAGE = 4096


def start() -> Iterator[Result]:
    """From the machine's reset until all four of the demo's kernels say that they run."""
    system = build(DEMO)
    started = [_started(system, deterministic=True)[0]]
    yield summarize("start to all kernels running", "instructions", "instructions", started)
    walls = [_started(system, deterministic=False)[1] for _ in range(_WALL_RUNS)]
    yield summarize(
        "start to all kernels running, QEMU's start included, wall", "wall", "ms", walls, 100
    )


def _started(system: BuiltSystem, *, deterministic: bool) -> tuple[int, float]:
    """Ticks of the time-stamp counter, and milliseconds of the host's time."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        image.write_bytes(system.image)
        options = MachineOptions(
            image=image,
            memory=memory_size(MachineKind.MICROVM, system.plan.memory, system.plan.end),
            cores=system.plan.cores,
            deterministic=deterministic,
            command_line=metronome_word() if deterministic else "",
        )
        begin = time.monotonic()
        with Machine(options) as machine:
            views = [
                PublicPage.view(machine.memory.view(sandbox.public, _PAGE))
                for sandbox in system.plan.sandboxes
            ]
            while not all(_runs(view) for view in views):
                time.sleep(0.0005)
            wall = (time.monotonic() - begin) * 1000
            return max(int(view.started) for view in views), wall


def _runs(page: PublicPage) -> bool:
    state = int(page.state.load(None))  # type: ignore[arg-type]
    return state >= SandboxState.STARTED


def building() -> Iterator[Result]:
    """Build the demo: cold, with nothing changed, with only the description changed."""
    with tempfile.TemporaryDirectory() as cache:
        yield summarize(
            "build of the demo, cold, wall", "wall", "s", [_build_time(DEMO, cache)], 10
        )
        again = [_build_time(DEMO, cache) for _ in range(5)]
        yield summarize("build of the demo, nothing changed, wall", "wall", "s", again, 0.5)
        changed = []
        for size in (136, 144, 152):
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "demo"
                copy.mkdir()
                for file in DEMO.glob("*.*"):
                    text = file.read_text().replace('"8 MiB"', f'"{size * 64} KiB"')
                    (copy / file.name).write_text(text)
                changed.append(_build_time(copy, cache))
        yield summarize("build of the demo, description changed, wall", "wall", "s", changed, 0.5)


def _build_time(folder: Path, cache: str) -> float:
    """Seconds that the build takes in a fresh process, its imports included."""
    program = (
        "import time; begin = time.monotonic(); from pathlib import Path; "
        "from questv.plan.build import build; "
        f"build(Path({str(folder)!r})); print(time.monotonic() - begin)"
    )
    environment = {**os.environ, "QUESTV_CACHE": cache}
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return float(run.stdout)


def sizes() -> Iterator[Result]:
    """Bytes of code and memory."""
    system = build(DEMO)
    text = system.monitor.segment_size("text")
    yield summarize("monitor, resident machine code", "size", "bytes", [text], 8 << 10)
    kernels = [kernel.segment_size("text") for kernel in system.kernels.values()]
    yield summarize("kernel with the demo's tasks, machine code", "size", "bytes", kernels)
    beyond = sum(
        region.size
        for region in system.plan.regions
        if region.owner in (Owner.BOOT, Owner.MONITOR, Owner.HARDWARE, Owner.GUARD)
    )
    yield summarize("memory beyond the four sandboxes' own", "size", "bytes", [beyond], 1 << 20)
    yield summarize("the demo's image", "size", "bytes", [len(system.image)])
