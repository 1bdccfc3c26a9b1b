"""Processes in the plan, and what they can't have."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.arch.x86.paging import PAGE_SIZE
from questv.diagnostics import DiagnosticsError
from questv.kernel.process_info import SYSTEM_CALL_VECTOR
from questv.plan import addresses
from questv.plan.build import build
from questv.plan.doorbells import LAST_VECTOR
from tests.running import sandbox_text, system_text, task_text, write_system

EXAMPLE = Path(__file__).parents[2] / "examples" / "process"
PROCESS = 'isolation = "process"'


def test_all_of_a_process_is_one_stretch() -> None:
    plan = build(EXAMPLE).plan.sandbox("court")
    [process] = plan.processes
    end = process.start + process.size
    at = process.start
    for window in (window for window in process.windows if process.start <= window.physical < end):
        assert window.physical == at
        at += window.size
    record = next(window for window in plan.kernel_windows if window.address == process.info)
    assert record.physical == at - PAGE_SIZE  # of which the process sees the first page
    assert process.lower_tables == record.physical + record.size
    assert process.lower_tables < end <= process.tables


def test_no_doorbell_is_a_system_call() -> None:
    assert SYSTEM_CALL_VECTOR > LAST_VECTOR


def refused(folder: Path, tasks: str, text: str) -> str:
    path = write_system(folder, system_text(sandbox_text("one", tasks)), "")
    (path / "tasks.py").write_text("from __future__ import annotations\n" + text)
    with pytest.raises(DiagnosticsError) as raised:
        build(path)
    return str(raised.value.render())


def test_a_process_that_calls_a_kernel(tmp_path: Path) -> None:
    text = "from questv.api import log, task\n\n@task\ndef main() -> None:\n    log('x')\n"
    said = refused(tmp_path, task_text("main", keys=PROCESS), text)
    assert 'task "main" is a process, and main calls questv.kernel.' in said
    assert "import from questv.process" in said and "[task-calls]" in said


def test_a_task_of_a_kernel_that_calls_as_a_process(tmp_path: Path) -> None:
    text = "from questv.process import log, task\n\n@task\ndef main() -> None:\n    log('x')\n"
    said = refused(tmp_path, task_text("main"), text)
    assert 'task "main" is a part of its kernel, and main calls questv.process.' in said
    assert "import from questv.api" in said


def test_one_process_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_PROCESSES", 1)
    tasks = [task_text("main", index, name=f"t{index}", keys=PROCESS) for index in range(2)]
    text = "from questv.process import task\n\n@task\ndef main() -> None:\n    pass\n"
    said = refused(tmp_path, "\n".join(tasks), text)
    assert '"t1" is one process too many: a system has at most 1 [processes-too-many]' in said


def test_types_of_both_kinds(tmp_path: Path) -> None:
    text = (
        "from questv import process\nfrom questv.api import Sender, task\n\n@task\n"
        "def main(one: Sender, other: process.Receiver) -> None:\n    one.commit()\n"
    )
    said = refused(tmp_path, task_text("main"), text)
    assert "task main takes what kernels give and what processes are given" in said


def test_a_process_with_too_small_a_stack(tmp_path: Path) -> None:
    text = (
        "from questv.metal.lang import Array, local, u8, u64\n"
        "from questv.process import log_bytes, task\nfrom questv.metal.lang import ptr\n\n"
        "@task\ndef main() -> None:\n    room: Array[u8, 5000] = local()\n"
        "    log_bytes(ptr(room[0]), 5000)\n"
    )
    said = refused(tmp_path, task_text("main", stack="4 KiB", keys=PROCESS), text)
    assert 'task "main" needs up to 5' in said and 'give it stack = "8 KiB"' in said
