from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from questv.system.description import read_draft
from questv.system.rules import check

from .. import examples, toml


def rules_broken(folder: Path, **keys: list[dict[str, Any]]) -> list[str]:
    """The rules that the example breaks when its second sandbox has ``keys``."""
    values = examples.values()
    del values["run"]
    values["sandbox"][1] |= keys
    file = folder / "system.toml"
    file.write_text(toml.document(values))
    return [finding.rule for finding in check(read_draft(file, examples.TASKS))]


RESERVED_PORTS = [
    (0x00, 0x21),  # DMA, PIC
    (0x40, 0x43),  # PIT
    (0x60, 0x61),  # keyboard controller, NMI gate
    (0x64, 0x64),  # keyboard controller
    (0x81, 0x8F),  # DMA pages
    (0x92, 0x92),  # fast reset
    (0xA0, 0xA1),  # PIC
    (0xB2, 0xB3),  # SMI
    (0xC0, 0xDF),  # DMA
    (0xF4, 0xF7),  # debug exit
    (0x4D0, 0x4D1),  # edge or level of the PIC's lines
    (0x510, 0x51B),  # firmware configuration
    (0x600, 0x6FF),  # ACPI power management
    (0xA00, 0xA17),  # hot-plug of memory
    (0xCC0, 0xCFF),  # hot-plug of devices and cores, PCI configuration and reset
]

RESERVED_MSRS = [
    (0x1B, 0x1B),  # APIC_BASE
    (0x79, 0x79),  # microcode
    (0x200, 0x2FF),  # MTRR, PAT
    (0x800, 0x8FF),  # x2APIC
    (0xC0000080, 0xC0000080),  # EFER
    (0xC0010010, 0xC0010010),  # SYSCFG
    (0xC0010015, 0xC001001D),  # HWCR, IORR, TOP_MEM
    (0xC0010020, 0xC0010020),  # microcode
    (0xC0010050, 0xC0010056),  # SMI triggers
    (0xC0010058, 0xC0010058),  # PCI configuration base
    (0xC0010111, 0xC0010114),  # SMM, VM_CR
    (0xC0010116, 0xC0010118),  # SMM_CTL, VM_HSAVE_PA, SVM_KEY
]


def edges(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """The first and last numbers of ``ranges``, and the numbers just outside them."""
    inside = sorted({number for pair in ranges for number in pair})
    outside = {first - 1 for first, _ in ranges} | {last + 1 for _, last in ranges}
    return inside, sorted(number for number in outside if number >= 0)


PORTS_INSIDE, PORTS_OUTSIDE = edges(RESERVED_PORTS)
MSRS_INSIDE, MSRS_OUTSIDE = edges(RESERVED_MSRS)


@pytest.mark.parametrize("port", PORTS_INSIDE, ids=hex)
def test_ports_that_are_never_given(tmp_path: Path, port: int) -> None:
    assert rules_broken(tmp_path, ports=[{"first": port, "last": port}]) == ["ports-reserved"]


@pytest.mark.parametrize("port", [*PORTS_OUTSIDE, 0x6F, 0x72, 0x80, 0x2F8, 0xFFFF], ids=hex)
def test_ports_that_can_be_given(tmp_path: Path, port: int) -> None:
    assert rules_broken(tmp_path, ports=[{"first": port, "last": port}]) == []


def test_a_range_around_reserved_ports_is_refused_for_each_of_them(tmp_path: Path) -> None:
    found = rules_broken(tmp_path, ports=[{"first": 0x90, "last": 0xB0}])
    assert found == ["ports-reserved"] * 2


@pytest.mark.parametrize("access", ["r", "rw"])
@pytest.mark.parametrize("number", MSRS_INSIDE, ids=hex)
def test_msrs_that_are_never_given(tmp_path: Path, number: int, access: str) -> None:
    assert rules_broken(tmp_path, msr=[{"number": number, "access": access}]) == ["msr-reserved"]


HARMLESS = [0, 0x11, 0x174, 0x1FFF, 0xC0000000, 0xC0000082, 0xC0001FFF, 0xC0010000, 0xC0011FFF]


@pytest.mark.parametrize("number", [*MSRS_OUTSIDE, *HARMLESS], ids=hex)
def test_msrs_that_can_be_given(tmp_path: Path, number: int) -> None:
    assert rules_broken(tmp_path, msr=[{"number": number, "access": "rw"}]) == []


@pytest.mark.parametrize("number", [-1, 0x2000, 0xBFFFFFFF, 0xC0002000, 0xC000FFFF, 0xC0012000])
def test_msrs_out_of_the_permission_map(tmp_path: Path, number: int) -> None:
    assert rules_broken(tmp_path, msr=[{"number": number, "access": "r"}]) == ["msr-unmapped"]


@pytest.mark.parametrize(
    ("first", "last", "rules"),
    [
        (0x6E, 0x6F, []),
        (0x6F, 0x70, ["ports-taken"]),
        (0x71, 0x72, ["ports-taken"]),
        (0x72, 0x73, []),
        (0x3F7, 0x3F7, []),
        (0x3F0, 0x3F8, ["ports-of-device"]),
        (0x3FF, 0x400, ["ports-of-device"]),
        (0x400, 0x400, []),
        (0xFFFF, 0x10000, ["ports-range"]),
        (0x301, 0x300, ["ports-reversed"]),
    ],
)
def test_ports_that_others_have(tmp_path: Path, first: int, last: int, rules: list[str]) -> None:
    assert rules_broken(tmp_path, ports=[{"first": first, "last": last}]) == rules
