"""What scheduling costs: of all instructions, and for one release against the number of VCPUs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.machines import SYSTEMS, ended
from benchmarks.statistics import Result, summarize
from questv.kernel.status import KernelStatus
from questv.metal.structs import sizeof
from questv.monitor.interface import PublicPage
from questv.plan.build import build

_MANY = 24
_BUDGET = 1_000_000
_NUMBERS = (1, 2, 5, 10, 25, 50, 100)
_RELEASES_EACH = 20
_PER_ROUND = 2  # instructions

_HEAD = """
version = 1
name = "scheduling"
[machine]
memory = "32 MiB"
[[sandbox]]
name = "one"
memory = "8 MiB"
"""
_SPIN = """
[[sandbox.task]]
name = "spin{number}"
run = "tasks:spin"
{share}
bind = {{ number = {number} }}
"""
_COME_AND_GO = """
[[sandbox.task]]
name = "t{number}"
run = "{module}:come_and_go"
isolation = "{isolation}"
budget = "220 us"
period = {period}
"""


def scheduling() -> Iterator[Result]:
    """Both figures; an instruction takes a nanosecond, so times are instructions."""
    share = f"budget = {_BUDGET}\nperiod = {(_MANY + 1) * _BUDGET}"
    spinners = (_SPIN.format(number=number, share=share) for number in range(_MANY))
    rest = _SPIN.format(number=_MANY, share="priority = 1")
    kernel, total, _ = _run(_HEAD + "".join(spinners) + rest, 4 * (_MANY + 1) * _BUDGET)
    yield summarize(
        f"scheduling {_MANY} busy VCPUs of 1 ms each", "ratio", "%", [100 * kernel / total], 0.3
    )
    for number in _NUMBERS:
        yield summarize(
            f"release, call and end of a task, {number} VCPUs",
            "instructions",
            "instructions",
            [release(number)],
        )
        yield summarize(
            f"release, call and end of a process, {number} VCPUs",
            "instructions",
            "instructions",
            [release(number, processes=True)],
        )


def release(number: int, *, processes: bool = False) -> float:
    """What the kernel takes for one release, call and end of a task, with so many VCPUs."""
    period = number * 400_000
    words = {"period": period, "module": "processes" if processes else "tasks"}
    words["isolation"] = "process" if processes else "kernel"
    tasks = (_COME_AND_GO.format(number=each, **words) for each in range(number))
    text = _HEAD + "".join(tasks) + _SPIN.format(number=0, share="priority = 1")
    kernel, _, releases = _run(text, _RELEASES_EACH * period)
    return kernel / releases


def _run(description: str, lasts: int) -> tuple[int, int, int]:
    """The kernel's instructions, all instructions, and the releases of tasks, in so long a run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "system.toml").write_text(description)
        for module in ("tasks.py", "processes.py"):
            (folder / module).write_bytes((SYSTEMS / "scheduling" / module).read_bytes())
        system = build(folder)
        plan = system.plan.sandboxes[0]
        symbol = system.kernels["one"].symbols.by_name["rounds"]
        assert plan.status is not None
        with ended(system, f"for={lasts}") as machine:
            read = machine.memory.read
            status = KernelStatus.view(read(plan.physical(plan.status), sizeof(KernelStatus)))
            page = PublicPage.view(read(plan.public, 4096))
            counts = read(plan.physical(symbol.address), symbol.size)
    rounds = sum(int.from_bytes(counts[at : at + 8], "little") for at in range(0, len(counts), 8))
    total = int(page.ended) - int(status.started)
    releases = sum(int(task.releases) for task in status.tasks)
    return total - _PER_ROUND * rounds, total, releases
