from __future__ import annotations

from pathlib import Path

import pytest

from questv.system.tasks import (
    FunctionMissing,
    ModuleMissing,
    ParameterKind,
    TaskInvalid,
    TaskSignature,
    TaskSource,
)

from .fakes import KnownTasks, ParsedTasks

MODULE = """\
def work(out: Sender, last: Reader[Pose], n: i8) -> None: ...


def plot(points: list[float]) -> None: ...
"""


def test_a_refusal_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="without a reason"):
        TaskInvalid(())


@pytest.fixture
def source(tmp_path: Path) -> TaskSource:
    (tmp_path / "tasks.py").write_text(MODULE)
    return ParsedTasks(tmp_path)


def test_the_source_for_tests_reads_signatures(source: TaskSource) -> None:
    found = source.find("tasks:work")
    assert isinstance(found, TaskSignature)
    assert found.parameters == {
        "out": ParameterKind.SENDER,
        "last": ParameterKind.READER,
        "n": ParameterKind.INTEGER,
    }
    assert found.integers == {"n": range(-128, 128)}
    assert (found.function, found.place.line, found.place.column) == ("work", 1, 5)


def test_the_source_for_tests_tells_problems_apart(source: TaskSource) -> None:
    assert source.find("other:work") == ModuleMissing()
    assert source.find("tasks:wrk") == FunctionMissing(("work", "plot"))
    invalid = source.find("tasks:plot")
    assert isinstance(invalid, TaskInvalid)
    assert [finding.place.line for finding in invalid.findings] == [4]


def test_the_source_of_known_signatures_tells_problems_apart(source: TaskSource) -> None:
    work = source.find("tasks:work")
    assert isinstance(work, TaskSignature)
    known = KnownTasks({"tasks:work": work})
    assert known.find("tasks:work") is work
    assert known.find("tasks:plot") == FunctionMissing(("work",))
    assert known.find("other:work") == ModuleMissing()
