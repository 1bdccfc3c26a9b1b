from __future__ import annotations

import pytest

from questv.inspect.sizes import build_report, code_lines, monitor_sources
from questv.plan.model import Owner

from .machines import HELLO, built


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("", 0),
        ('"""A module."""\n\nimport os  # really\n', 1),
        ("# only a comment\n\n", 0),
        ('def f():\n    """Says\n    much."""\n    return (1 +\n    # nothing\n    2)\n', 3),
        ('assembly(\n    """\n    nop\n    """\n)\n', 5),
        ('X = 1\n"""What X is."""\n', 1),
        ('class A:\n    """A."""\n\n    x: int = 1\n', 2),
    ],
)
def test_lines_of_code(source: str, lines: int) -> None:
    assert code_lines(source) == lines


def test_the_monitor_is_its_package_and_the_processors_backend() -> None:
    names = {path.name for path in monitor_sources()}
    assert {"exits.py", "svm.py", "svm_run.py", "interface.py"} <= names
    assert "paging.py" not in names


def test_a_built_system() -> None:
    system = built(HELLO)
    report = build_report(system)
    assert report.image_size == len(system.image) and report.image_hash == system.hash
    assert 0 < report.monitor.code <= report.monitor.code_target == 12288
    assert 0 < report.monitor.lines <= report.monitor.lines_target == 1800
    assert report.monitor.code == report.programs[1].text
    assert [program.name for program in report.programs] == [
        "boot",
        "monitor",
        "kernel-ping",
        "kernel-pong",
    ]
    regions = system.plan.regions
    memory = report.memory
    assert memory.sandboxes == 2 * 512 << 10
    total = memory.sandboxes + memory.channels + memory.inputs + memory.boot + memory.beyond
    assert total == sum(region.size for region in regions)
    tables = report.tables
    hardware = sum(region.size for region in regions if region.owner is Owner.HARDWARE)
    host_save = 2 * 4096
    assert tables.nested_tables + tables.monitor_tables + tables.permission_maps == (
        hardware - host_save
    )
