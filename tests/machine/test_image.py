from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.machine import MIB, MachineError, MachineKind, memory_layout
from questv.machine.image import Extent, check_extents, image_extents

from . import guest

WHOLE = guest.elf(guest.HALT, memory=0x5000, note=guest.pvh_note())
LAYOUT = memory_layout(MachineKind.MICROVM, 16 * MIB)


def extents_of(directory: Path, data: bytes) -> tuple[Extent, ...]:
    path = directory / "demo.elf"
    path.write_bytes(data)
    return image_extents(path)


def test_extents_are_those_of_the_segments(tmp_path: Path) -> None:
    (extent,) = extents_of(tmp_path, WHOLE)
    assert extent == Extent(guest.ENTRY, guest.ENTRY + 0x5000, "the image demo.elf")


def test_note_is_found_after_another(tmp_path: Path) -> None:
    note = guest.pvh_note(1, b"GNU\0") + guest.pvh_note()
    assert extents_of(tmp_path, guest.elf(guest.HALT, note=note))


@pytest.mark.parametrize("note", [b"", guest.pvh_note(17), guest.pvh_note(18, b"GNU\0")])
def test_no_entry_point(tmp_path: Path, note: bytes) -> None:
    with pytest.raises(MachineError, match=r"demo\.elf has no PVH entry point"):
        extents_of(tmp_path, guest.elf(guest.HALT, note=note))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"#!/bin/sh\n", WHOLE[:40], WHOLE[:100], WHOLE[:-1]),
        *(WHOLE[:4] + b"\x01" + WHOLE[5:], WHOLE[:18] + b"\x3f" + WHOLE[19:]),
    ],
    ids=["empty", "script", "header cut", "table cut", "segment cut", "32 bit", "another machine"],
)
def test_not_an_image(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(MachineError, match=r"demo\.elf is not a whole 64-bit ELF file"):
        extents_of(tmp_path, data)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"can't read the image .*none: No such file"):
        image_extents(tmp_path / "none")


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))
def test_a_broken_image_never_gets_further_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, position: int, damage: bytes
) -> None:
    data = WHOLE[:position] + damage + WHOLE[position + len(damage) :]
    try:
        extents_of(tmp_path_factory.getbasetemp(), data)
    except MachineError as error:
        assert "demo.elf" in error.message


def extent(start: int, end: int, what: str = "the image") -> Extent:
    return Extent(start, end, what)


def test_extents_may_touch_each_other_and_both_ends() -> None:
    check_extents((extent(8 * MIB, 16 * MIB), extent(MIB, 8 * MIB)), LAYOUT)


@pytest.mark.parametrize(
    ("start", "end", "fix"),
    [
        (MIB - 1, 2 * MIB, "place it inside"),
        (15 * MIB, 16 * MIB + 1, "more memory"),
        (5 << 30, (5 << 30) + 1, "more memory"),
    ],
)
def test_extents_must_be_in_memory(start: int, end: int, fix: str) -> None:
    with pytest.raises(MachineError, match=f"the image at {start:#x}..{end:#x} does not fit") as e:
        check_extents((extent(start, end),), LAYOUT)
    assert fix in e.value.fix


def test_more_memory_does_not_help_above_the_split() -> None:
    large = memory_layout(MachineKind.MICROVM, 4 << 30)
    with pytest.raises(MachineError) as e:
        check_extents((extent((3 << 30) - 1, (3 << 30) + 1),), large)
    assert "place it inside" in e.value.fix
    check_extents((extent(4 << 30, 5 << 30),), large)
    with pytest.raises(MachineError) as e:
        check_extents((extent(4 << 30, (5 << 30) + 1),), large)
    assert "more memory" in e.value.fix


def test_overlap_names_both() -> None:
    with pytest.raises(
        MachineError, match=r"the file at 0x1fffff\.\.0x200001 overlaps the image at 0x100000"
    ):
        check_extents((extent(0x1FFFFF, 0x200001, "the file"), extent(0x100000, 0x200000)), LAYOUT)
