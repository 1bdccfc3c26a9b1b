from __future__ import annotations

import json
import mmap
import re
import resource
import subprocess
from pathlib import Path

import pytest

from questv.machine import (
    MIB,
    GuestMemory,
    MachineError,
    MachineKind,
    find_qemu,
    memory_layout,
    memory_size,
)
from questv.machine.memory import Bank, make_memory

GIB = 1 << 30


def ram_as_qemu_lays_it(kind: MachineKind, size: int) -> list[tuple[int, int, int]]:
    """(start, end, offset) of each stretch of RAM, from QEMU's own account."""
    commands = (
        {"execute": "qmp_capabilities"},
        {"execute": "human-monitor-command", "arguments": {"command-line": "info mtree -f"}},
        {"execute": "quit"},
    )
    answer = subprocess.run(
        [
            *(find_qemu().path, "-nodefaults", "-display", "none", "-S", "-qmp", "stdio"),
            *("-M", kind, "-bios", "qboot.rom", "-m", f"{size >> 20}M"),
        ],
        input="\n".join(map(json.dumps, commands)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = json.loads(answer.splitlines()[2])["return"]
    found = set()
    for start, end, offset in re.findall(
        r"^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio 0, ram\): (?:pc|microvm)\.ram(?: @(\w+))?",
        text,
        re.M,
    ):
        found.add((int(start, 16), int(end, 16) + 1, int(offset or "0", 16)))
    return sorted(found)


@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("size", [2 * MIB, 2815 * MIB, 2816 * MIB, 3 * GIB, 4 * GIB, 6145 * MIB])
def test_layout_is_that_of_qemu(kind: MachineKind, size: int) -> None:
    stretches = ram_as_qemu_lays_it(kind, size)
    layout = memory_layout(kind, size)
    assert [(bank.start, bank.end, bank.offset) for bank in layout.banks[1:]] == [
        stretch for stretch in stretches if stretch[0] >= MIB
    ]
    assert layout.banks[0] == Bank(0, 640 << 10, 0)
    assert stretches[0][0] == 0
    assert stretches[0][1] >= 640 << 10


@pytest.mark.parametrize("size", [0, -MIB, MIB, 2 * MIB + 4096])
def test_odd_sizes_are_refused(size: int) -> None:
    with pytest.raises(MachineError, match=f"can't have {size} bytes"):
        memory_layout(MachineKind.MICROVM, size)


@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("low", [16 * MIB, 2 * GIB])
@pytest.mark.parametrize("end", [4 * GIB + 1, 7 * GIB + 4096])
def test_a_machine_with_high_memory(kind: MachineKind, low: int, end: int) -> None:
    size = memory_size(kind, low, end)
    _, low_bank, high_bank = memory_layout(kind, size).banks
    assert low_bank.end >= low
    assert end <= high_bank.end
    assert end + MIB > high_bank.end or size == 2816 * MIB


def test_a_machine_without_high_memory() -> None:
    assert memory_size(MachineKind.MICROVM, 3 * MIB - 4096, 2 * MIB) == 3 * MIB


@pytest.mark.parametrize(
    ("kind", "split", "low"),
    [
        (MachineKind.MICROVM, 3072, 3 * GIB + 4096),
        (MachineKind.Q35, 2048, 2 * GIB + 1),
        (MachineKind.Q35, 2048, 5 * GIB),
    ],
)
def test_more_low_memory_than_there_is(kind: MachineKind, split: int, low: int) -> None:
    words = f"a {kind} machine has {split} MiB of memory below 4 GiB, and the system may use"
    with pytest.raises(MachineError, match=f"{words} {-(-low // MIB)} MiB"):
        memory_size(kind, low, 7 * GIB)


def test_a_new_memory_takes_no_room(runtime: Path) -> None:
    make_memory(runtime / "memory", LAYOUT)
    status = (runtime / "memory").stat()
    assert (status.st_size, status.st_blocks) == (4 * GIB, 0)
    (runtime / "memory").unlink()


def test_too_little_address_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5 * GIB, resource.RLIM_INFINITY))
    with pytest.raises(MachineError) as error:
        make_memory(tmp_path / "memory", LAYOUT)
    assert error.value.message == (
        "a machine needs 5632 MiB of address space, and this process is given 5120 MiB"
    )
    assert not (tmp_path / "memory").exists()


def test_files_that_may_not_be_long(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * GIB, hard))
    try:
        with pytest.raises(MachineError, match=r"can't make a file of 4096 MiB.*File too large"):
            make_memory(tmp_path / "memory", LAYOUT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("address", "length"),
    [
        *((0x9FFFF, 2), (0xA0000, 1), (0xFFFFF, 1), (3 * GIB - 1, 2), (3 * GIB, 1), (5 * GIB, 1)),
        *((-1, 1), (0x100000, -1)),
    ],
)
def test_nothing_outside_a_bank(address: int, length: int) -> None:
    with pytest.raises(MachineError, match="not within the machine's memory"):
        memory_layout(MachineKind.MICROVM, 4 * GIB).offset(address, length)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "memory"
    with path.open("wb") as memory:
        memory.truncate(4 * GIB)
    return path


LAYOUT = memory_layout(MachineKind.MICROVM, 4 * GIB)


def test_addresses_are_those_of_the_guest(file: Path) -> None:
    with file.open("r+b") as raw, GuestMemory(file, LAYOUT, writable=True) as memory:
        for address, offset in ((0x200000, 0x200000), (4 * GIB + 8, 3 * GIB + 8)):
            raw.seek(offset)
            raw.write(b"guest")
            raw.flush()
            assert memory.read(address, 7) == b"guest\0\0"
            assert bytes(memory.view(address, 7)) == b"guest\0\0"
            memory.write(address + 1, b"host")
            raw.seek(offset)
            assert raw.read(6) == b"ghost\0"


def test_reading_takes_no_room(runtime: Path) -> None:
    file = runtime / "memory"
    with file.open("wb") as memory_file:
        memory_file.truncate(LAYOUT.size)
    with GuestMemory(file, LAYOUT) as memory:
        assert memory.read(MIB, 16 * MIB) == bytes(16 * MIB)
    assert file.stat().st_blocks == 0
    file.unlink()


def test_what_holds_something(tmp_path: Path) -> None:
    layout = memory_layout(MachineKind.MICROVM, 16 * MIB)
    file = tmp_path / "memory"
    make_memory(file, layout)
    page = mmap.PAGESIZE
    with GuestMemory(file, layout, writable=True) as memory:
        assert list(memory.held(MIB, 15 * MIB)) == []
        memory.write(3 * MIB + 100, b"something")
        memory.write(5 * MIB, bytes(2 * page))
        assert list(memory.held(MIB, 15 * MIB)) == [(3 * MIB, page), (5 * MIB, 2 * page)]
        assert list(memory.held(3 * MIB + 50, 60)) == [(3 * MIB + 50, 60)]
        assert list(memory.held(5 * MIB + page, 15)) == [(5 * MIB + page, 15)]
        assert list(memory.held(3 * MIB + page, MIB)) == []


def test_a_view_is_live_and_outlives_the_memory(file: Path) -> None:
    memory = GuestMemory(file, LAYOUT, writable=True)
    view = memory.view(0x200000, 16).cast("Q")
    memory.write(0x200008, b"\x2a")
    assert view[1] == 42
    memory.close()
    memory.close()
    file.unlink()
    assert view[1] == 42


def test_reading_leaves_no_way_to_write(file: Path) -> None:
    with GuestMemory(file, LAYOUT) as memory:
        with pytest.raises(OSError, match="Bad file descriptor"):
            memory.write(0x200000, b"x")
        with pytest.raises(TypeError, match="read-only"):
            memory.view(0x200000, 1)[0] = 1


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(bytes(mmap.PAGESIZE))
    with pytest.raises(MachineError, match="has 4096 bytes, not the 4294967296"):
        GuestMemory(tmp_path / "short", LAYOUT)
