"""Foreign kernels' files: what is made of them, and what is said of those that can't be used."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from questv.arch.x86.pvh import MAGIC, StartInfo
from questv.diagnostics import DiagnosticsError
from questv.kernel.console import Console
from questv.metal.link import LinkError
from questv.metal.structs import sizeof
from questv.monitor.plan import MonitorPlan
from questv.plan import foreign, foreign_page
from questv.plan.build import BuiltSystem, build
from questv.plan.foreign_page import ForeignPage
from questv.plan.model import SandboxPlan
from tests.machine import guest
from tests.plan.walker import LoadedImage
from tests.running import foreign_text, system_text, write_system

MIB = 1 << 20
CODE = guest.HALT
PVH = guest.elf(CODE, note=guest.pvh_note())
PLAIN = guest.elf(CODE, note=b"")


def system(folder: Path, contents: bytes, *keys: str, file: str = "kernel", **more: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / file).write_bytes(contents)
    return write_system(folder, system_text(foreign_text("guest", file, *keys, **more)), "")


def built(folder: Path, contents: bytes, *keys: str, **more: str) -> BuiltSystem:
    return build(system(folder, contents, *keys, **more))


def said(folder: Path, contents: bytes, *keys: str, **more: str) -> str:
    with pytest.raises(DiagnosticsError) as caught:
        built(folder, contents, *keys, **more)
    assert len(caught.value.diagnostics) == 1
    return str(caught.value).replace(f"{folder}/", "")


class Guest:
    """What a built system's image has in its guest's memory, and how that begins."""

    def __init__(self, made: BuiltSystem) -> None:
        self.plan: SandboxPlan = made.plan.sandbox("guest")
        self._image = LoadedImage(made.image)
        self.start = MonitorPlan.view(self._image.read(self.plan.monitor_plan, 4096)).start

    def read(self, address: int, size: int) -> bytes:
        return self._image.read(self.plan.physical(address), size)

    @property
    def page(self) -> ForeignPage:
        return ForeignPage.view(self.read(int(self.start.rdi), sizeof(ForeignPage)))


# ---- how each kind begins ----------------------------------------------------------------------


def test_an_elf_file_begins_in_64_bit_mode(tmp_path: Path) -> None:
    made = Guest(built(tmp_path, PLAIN))
    assert made.read(guest.ENTRY, len(CODE)) == CODE
    assert (made.plan.entry, made.plan.start.mode) == (guest.ENTRY, "64-bit")
    assert int(made.start.efer) == 0xD00 and int(made.start.cr0) & 0x8000_0001 == 0x8000_0001
    assert int(made.start.cr3) == made.plan.kernel_tables != 0
    assert int(made.start.rip) == guest.ENTRY
    assert int(made.start.rsp) == made.plan.stack_top == int(made.start.cr3)
    assert (int(made.start.rbx), int(made.start.rsi)) == (0, 0)
    assert int(made.start.rdi) == 2 * MIB


def test_an_entry_by_its_virtual_address(tmp_path: Path) -> None:
    high = 0xFFFF_FFFF_8010_0000
    moved = bytearray(PLAIN)
    struct.pack_into("<Q", moved, 24, high)
    struct.pack_into("<Q", moved, 64 + 16, high)  # the segment's virtual address
    assert Guest(built(tmp_path, bytes(moved))).plan.entry == guest.ENTRY


def test_a_pvh_entry_begins_in_32_bit_mode(tmp_path: Path) -> None:
    made = Guest(built(tmp_path, PVH, 'command_line = "one two"'))
    assert (made.plan.entry, made.plan.start.mode) == (guest.ENTRY, "32-bit")
    assert (int(made.start.efer), int(made.start.cr3), int(made.start.cr4)) == (0, 0, 0)
    assert int(made.start.cr0) == 0x11
    info = StartInfo.view(made.read(int(made.start.rbx), sizeof(StartInfo)))
    assert (int(info.magic), int(info.version)) == (MAGIC, 1)
    assert made.read(int(info.command_line), 8) == b"one two\0"
    entries = struct.iter_unpack("<QQII", made.read(int(info.memory_map), 48))
    assert list(entries) == [(0, 0xA0000, 1, 0), (MIB, MIB, 1, 0)]
    assert int(info.memory_map_entries) == 2
    assert (int(info.module_count), int(info.acpi_root)) == (0, 0)


def test_the_page_says_where_a_kernel_is(tmp_path: Path) -> None:
    made = Guest(built(tmp_path, PVH, 'command_line = "one two"', keys="core = 0"))
    page = made.page
    assert bytes(page)[:8] == b"questvfk"
    assert (int(page.version), int(page.core), int(page.memory)) == (1, 0, 2 * MIB)
    assert int(page.console) == made.plan.console == 2 * MIB + 4096
    assert set(made.read(int(page.console), sizeof(Console))) == {0}
    assert made.read(int(page.command_line), 8) == b"one two\0"
    assert int(page.start_info) == int(made.start.rbx)
    assert int(page.uart_port) == 0


def test_a_flat_binary(tmp_path: Path) -> None:
    made = Guest(built(tmp_path, CODE, "load = 0x8000"))
    assert made.read(0x8000, len(CODE)) == CODE
    assert made.plan.entry == 0x8000
    later = built(tmp_path / "later", bytes(16) + CODE, 'load = "32 KiB"', "entry = 0x8010")
    assert Guest(later).plan.entry == 0x8010


def test_source_is_assembled_where_it_is_to_lie(tmp_path: Path) -> None:
    source = b".globl _start\n.type _start, @function\n_start: cli\n hlt\n.data\nword: .quad 7\n"
    made = built(tmp_path, source, file="kernel.s")
    at = Guest(made)
    assert (at.plan.entry, at.read(MIB, 2)) == (MIB, b"\xfa\xf4")
    assert made.kernels["guest"].symbols.function_at(MIB).name == "_start"  # type: ignore[union-attr]
    low = Guest(built(tmp_path / "low", source, "load = 0x2000", file="kernel.s"))
    assert low.plan.entry == 0x2000
    assert built(tmp_path, source, file="kernel.s").image == made.image


def test_little_memory_has_no_hole(tmp_path: Path) -> None:
    made = Guest(built(tmp_path, CODE, "load = 0", memory="768 KiB"))
    assert int(made.page.start.memory_map_entries) == 1
    assert int(made.page.memory_map[0].size) == 0xA0000


def linux(*, version: int = 0x020C, flags: int = 1, address: int = MIB, needs: int = 8192) -> bytes:
    """A boot image: one sector of set-up besides the first, and code that tells itself apart."""
    made = bytearray(1024)
    made[0x1F1] = 1
    made[0x1FE:0x200] = b"\x55\xaa"
    made[0x200:0x206] = b"\xeb\x66HdrS"
    struct.pack_into("<H", made, 0x206, version)
    struct.pack_into("<H", made, 0x236, flags)
    struct.pack_into("<QI", made, 0x258, address, needs)
    return bytes(made) + bytes(range(256)) * 4


def test_a_linux_boot_image(tmp_path: Path) -> None:
    made = Guest(built(tmp_path, linux(), 'command_line = "quiet"'))
    assert made.plan.foreign is not None
    assert (made.plan.foreign.format, made.plan.start.mode) == ("Linux boot image", "64-bit")
    assert made.plan.entry == MIB + 0x200
    assert made.read(MIB, 8192) == bytes(range(256)) * 4 + bytes(7168)
    told = made.read(int(made.start.rsi), 8192)
    assert told[0x1F1:0x210] == linux()[0x1F1:0x210]
    assert told[0x210] == 0xFF
    (command_line,) = struct.unpack_from("<I", told, 0x228)
    assert made.read(command_line, 6) == b"quiet\0"
    assert told[0x1E8] == 2
    found = [struct.unpack_from("<QQI", told, 0x2D0 + 20 * index) for index in range(2)]
    assert found == [(0, 0xA0000, 1), (MIB, MIB, 1)]


def test_ports_and_msrs_that_are_not_its_own(tmp_path: Path) -> None:
    for index, (key, absent) in enumerate(
        [("", 1), ('undeclared = "absent"', 1), ('undeclared = "stop"', 0)]
    ):
        made = built(tmp_path / f"{index}", CODE, "load = 0", key)
        plan = made.plan.sandbox("guest").monitor_plan
        told = MonitorPlan.view(LoadedImage(made.image).read(plan, 4096))
        assert (int(told.foreign), int(told.absent)) == (1, absent)


# ---- what can't be used ------------------------------------------------------------------------

PLACE = 'system.toml:13:8: kernel {}\n    file = "kernel"\n           ^^^^^^^^\n  fix: {}'
NOT_ELF = PLACE.format(
    "is no ELF file of a kernel: 64-bit, for x86-64, linked to run where it lies [kernel-not-elf]",
    'name such a file, or a flat binary with "load"',
)


@pytest.mark.parametrize(
    "contents",
    [
        *(b"", b"#!/bin/sh\n", PVH[:40], PVH[:100], PVH[:-1]),
        *(PVH[:4] + b"\x01" + PVH[5:], PVH[:18] + b"\x3f" + PVH[19:], PVH[:16] + b"\3" + PVH[17:]),
    ],
    ids=["empty", "script", "header", "table", "segment", "32-bit", "machine", "shared"],
)
def test_not_a_kernel(tmp_path: Path, contents: bytes) -> None:
    assert said(tmp_path, contents) == NOT_ELF


def test_nothing_to_load(tmp_path: Path) -> None:
    empty = bytearray(PLAIN)
    struct.pack_into("<QQ", empty, 64 + 32, 0, 0)
    assert said(tmp_path, bytes(empty)) == PLACE.format(
        "has nothing to be loaded [kernel-empty]", "link it anew"
    )


def test_a_flat_binary_without_a_byte(tmp_path: Path) -> None:
    assert "is entered at 0x1000, where nothing of it lies" in said(tmp_path, b"", "load = 0x1000")


@pytest.mark.parametrize("address", [2 * MIB, 2 * MIB - 2, 1 << 63])
def test_a_segment_outside_its_memory(tmp_path: Path, address: int) -> None:
    end = address + len(CODE)
    assert said(tmp_path, guest.elf(CODE, address=address, note=b"")) == PLACE.format(
        f"takes {address:#x} to {end:#x} of its memory, which ends at 0x200000 (2 MiB) "
        "[kernel-outside-memory]",
        "give the sandbox more memory, or link the kernel lower",
    )


def test_an_entry_where_nothing_lies(tmp_path: Path) -> None:
    assert said(tmp_path, guest.elf(CODE, address=0x1000, note=b"")) == PLACE.format(
        "is entered at 0x100000, where nothing of it lies [kernel-entry-outside]",
        "link it anew, with an entry that is in it",
    )
    flat = said(tmp_path / "flat", CODE, "load = 0x1000", "entry = 0x2000")
    assert flat == (
        "system.toml:15:9: kernel is entered at 0x2000, where nothing of it lies "
        "[kernel-entry-outside]\n    entry = 0x2000\n            ^^^^^^\n"
        '  fix: name an address in it as "entry"'
    )


def test_an_elf_file_with_a_place_of_the_description(tmp_path: Path) -> None:
    assert said(tmp_path, PLAIN, "load = 0x1000") == (
        "system.toml:14:8: kernel is an ELF file, which says itself where it is loaded "
        "[kernel-elf-loaded]\n    load = 0x1000\n           ^^^^^^\n"
        '  fix: remove "load", or make a flat binary of it: objcopy -O binary'
    )


def segments(*stretches: tuple[int, bytes, int]) -> bytes:
    """An ELF file with segments: address, contents, size in memory; entered at the first."""
    start = 64 + 56 * len(stretches)
    header = struct.pack(
        "<4sBBB9xHHIQQQIHHHHHH",
        *(
            b"\x7fELF",
            2,
            1,
            1,
            2,
            62,
            1,
            stretches[0][0],
            64,
            0,
            0,
            64,
            56,
            len(stretches),
            0,
            0,
            0,
        ),
    )
    headers, contents = b"", b""
    for address, part, size in stretches:
        at = start + len(contents)
        headers += struct.pack("<IIQQQQQQ", 1, 7, at, address, address, len(part), size, 1)
        contents += part
    return header + headers + contents


def test_segments_that_share_a_page(tmp_path: Path) -> None:
    parts = [(0x1FFD, b"abcde", 5), (0x2003, b"fg", 0x2000), (0x9000, b"h", 1), (0x1000, b"i", 3)]
    made = Guest(built(tmp_path, segments(*parts)))
    assert made.read(0x1FF0, 0x20) == bytes(13) + b"abcde\0fg" + bytes(11)
    assert (made.read(0x1000, 4), made.read(0x9000, 2)) == (b"i\0\0\0", b"h\0")
    assert made.read(0x4FFF, 1) == b"\0"


def test_segments_that_overlap(tmp_path: Path) -> None:
    assert said(tmp_path, segments((0x3000, b"ab", 2), (0x2000, b"c", 0x1001))) == PLACE.format(
        "has segments at 0x2000 and 0x3000 that overlap [kernel-segments]",
        "link it anew, each of them to a place of its own",
    )


def test_too_many_segments(tmp_path: Path) -> None:
    parts = [(0x2000 * index, b"x", 1) for index in range(17)]
    assert said(tmp_path, segments(*parts)) == PLACE.format(
        "has 17 segments to be loaded; 16 are possible [kernel-segments]", "link it into fewer"
    )
    most = built(tmp_path / "most", segments(*parts[:16]))
    assert Guest(most).read(0x2000 * 15, 2) == b"x\0"


@pytest.mark.parametrize(("size", "value"), [(2, 0x1234), (8, 1 << 40)])
def test_a_note_that_names_no_entry(tmp_path: Path, size: int, value: int) -> None:
    note = struct.pack("<III", 4, size, 18) + b"Xen\0" + value.to_bytes(8, "little")
    assert said(tmp_path, guest.elf(CODE, note=note)) == PLACE.format(
        f"has a PVH note of {size} bytes, which names {value:#x} [kernel-note]",
        "link a note of owner Xen and type 18 with a 32-bit entry address into it",
    )


@pytest.mark.parametrize("note", [guest.pvh_note(17), guest.pvh_note(18, b"GNU\0")])
def test_other_notes_say_nothing(tmp_path: Path, note: bytes) -> None:
    assert Guest(built(tmp_path, guest.elf(CODE, note=note))).plan.start.mode == "64-bit"


@pytest.mark.parametrize("wrong", [{"version": 0x020B}, {"flags": 0}])
def test_an_old_linux(tmp_path: Path, wrong: dict[str, int]) -> None:
    version = wrong.get("version", 0x020C) & 0xFF
    assert said(tmp_path, linux(**wrong)) == PLACE.format(
        f"is a Linux boot image of protocol 2.{version} without an entry of 64 bits "
        "[kernel-linux-old]",
        "take one of protocol 2.12 or later for x86-64",
    )


@pytest.mark.parametrize("length", [0x206, 0x263, 1024])
def test_a_linux_that_is_cut_short(tmp_path: Path, length: int) -> None:
    assert said(tmp_path, linux()[:length]) == PLACE.format(
        "is a Linux boot image that is cut short [kernel-linux-short]", "copy it again, whole"
    )


def test_a_linux_with_less_than_its_header_says(tmp_path: Path) -> None:
    """What is missing would be zeros that the kernel takes for its own code."""
    made = bytearray(linux())
    struct.pack_into("<I", made, 0x1F4, 1024 // 16)
    assert Guest(built(tmp_path / "whole", bytes(made))).plan.entry == MIB + 0x200
    assert Guest(built(tmp_path / "unpadded", bytes(made[:-15]))).plan.entry == MIB + 0x200
    assert "is cut short" in said(tmp_path, bytes(made[:-16]))


def test_a_linux_that_does_not_fit(tmp_path: Path) -> None:
    assert "takes 0x100000 to 0x300000 of its memory" in said(tmp_path, linux(needs=2 * MIB))


def test_a_file_that_is_not_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = system(tmp_path, PLAIN)
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "kernel":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DiagnosticsError, match=r"kernel can't be read: Permission denied"):
        build(folder)


def test_source_that_is_wrong(tmp_path: Path) -> None:
    assert said(tmp_path, b"_start:\n  hltt\n", file="kernel.s") == (
        "kernel.s:2: no such instruction: `hltt' [kernel-assembly]\n    hltt\n    ^\n"
        "  fix: correct it"
    ).replace("kernel.s:2:", "kernel.s:2:1:")
    words = said(tmp_path, b".globl _start\n_start: jmp nowhere\n", file="kernel.s")
    assert words.startswith("kernel.s: ") and "undefined reference to `nowhere'" in words
    words = said(tmp_path, b".globl begin\nbegin: hlt\n", file="kernel.s")
    assert "cannot find entry symbol _start" in words


def test_no_assembler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = system(tmp_path, b"_start: hlt\n", file="kernel.s")
    monkeypatch.setattr(foreign, "shutil", SimpleNamespace(which=lambda program: None))
    with pytest.raises(LinkError, match="the assembler 'as' is not installed"):
        build(folder)


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([PVH, PLAIN, linux()]), st.integers(0, 600), st.binary(max_size=8))
def test_a_broken_file_gets_no_further_than_an_error(
    whole: bytes, position: int, damage: bytes
) -> None:
    data = whole[:position] + damage + whole[position + len(damage) :]
    try:
        if data[0x202:0x206] == b"HdrS":
            foreign._read_linux(data, "")
        else:
            foreign._read_elf(data, "")
    except foreign._RefusedError as error:
        assert error.message and error.fix


def test_the_command_line_fits_where_it_is_promised_to() -> None:
    assert foreign_page.COMMAND_LINE == 2048
