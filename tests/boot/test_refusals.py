"""A boot that can't go on ends at once, with one line that names the cause and the remedy."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from crc32c import crc32c

from questv.arch.x86.registers import Msr
from questv.boot.plan import BootPlan
from questv.machine import MIB, ExitKind, MachineKind
from questv.metal.structs import offsetof, sizeof
from questv.plan.build import BuiltSystem, build
from tests.running import Run, run_system, write_system

SYSTEM = """
version = 1
name = "two"
[machine]
memory = "16 MiB"
{machine}
[[sandbox]]
name = "one"
memory = "384 KiB"
[[sandbox.task]]
name = "main"
run = "tasks:main"
priority = 1
[[sandbox]]
name = "other"
memory = "384 KiB"
[[sandbox.task]]
name = "main"
run = "tasks:main"
priority = 1
"""
TASKS = """
@task
def main() -> None:
    log("here")
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    return build(write_system(tmp_path_factory.mktemp("two"), SYSTEM.format(machine=""), TASKS))


def refused(run: Run) -> str:
    """The one line that the boot said."""
    assert run.exit is not None, run.serial
    assert (run.exit.kind, run.exit.value) == (ExitKind.GUEST, 0x11), (run.exit, run.serial)
    lines = run.serial.splitlines()
    assert len(lines) == 1, lines
    assert all(not sandbox.lines for sandbox in run.sandboxes.values())
    return lines[0]


def test_a_good_boot_says_nothing(system: BuiltSystem, tmp_path: Path) -> None:
    for kind in MachineKind:
        run = run_system(system, tmp_path, kind=kind)
        assert run.exit is not None
        assert run.exit.value == 0x10
        assert run.serial == ""
        assert [sandbox.lines for sandbox in run.sandboxes.values()] == [["here"], ["here"]]


@pytest.mark.parametrize(
    ("cpu", "line"),
    [
        (
            "EPYC,-svm",
            "questv: this processor has no AMD SVM; use one that has "
            "(QEMU: -cpu EPYC,+svm,+npt), or switch virtualization on in the firmware's set-up",
        ),
        (
            "EPYC,+svm,-npt",
            "questv: this processor's SVM has no nested paging; use one that has "
            "(QEMU: -cpu EPYC,+svm,+npt)",
        ),
        (
            "EPYC,+svm,+npt,-nx",
            "questv: this processor can't forbid execution of data (NX); use one that can",
        ),
        (
            "EPYC,+svm,+npt,-sse4.2",
            "questv: this processor has no CRC32 instruction (SSE4.2); use one that has",
        ),
        (
            "Skylake-Client",
            "questv: this processor has no AMD SVM; use one that has "
            "(QEMU: -cpu EPYC,+svm,+npt), or switch virtualization on in the firmware's set-up",
        ),
    ],
)
def test_processors(system: BuiltSystem, tmp_path: Path, cpu: str, line: str) -> None:
    assert refused(run_system(system, tmp_path, cpu=cpu)) == line


def test_no_x2apic_where_it_is_required(tmp_path: Path) -> None:
    text = SYSTEM.format(machine='x2apic = "required"')
    system = build(write_system(tmp_path, text, TASKS))
    assert refused(run_system(system, tmp_path, cpu="EPYC,+svm,+npt,-x2apic")) == (
        "questv: this processor has no x2APIC, which the system asks for; use one that has "
        '(QEMU 9 or later: -cpu EPYC,+svm,+npt,+x2apic), or drop x2apic = "required"'
    )
    assert run_system(system, tmp_path).serial == ""


def test_too_few_cores(system: BuiltSystem, tmp_path: Path) -> None:
    assert refused(run_system(system, tmp_path, cores=1)) == (
        "questv: the system needs 2 cores, this machine has 1; give it more (QEMU: -smp 2)"
    )


def test_more_cores_than_needed_are_left_alone(system: BuiltSystem, tmp_path: Path) -> None:
    run = run_system(system, tmp_path, cores=4)
    assert run.serial == ""
    assert run["other"].lines == ["here"]


def patched(
    system: BuiltSystem,
    address: int,
    change: bytes,
    *,
    repair: bool = False,
    image: bytes | None = None,
) -> bytes:
    """The image with other bytes at a physical address; ``repair`` mends the checksums."""
    image = bytearray(image or system.image)
    _write(image, address, change)
    if repair:
        where = system.boot.symbols.address("boot_plan")
        plan = BootPlan.view(bytearray(_read(image, where, sizeof(BootPlan))))
        for index in range(int(plan.region_count)):
            region = plan.regions[index]
            if region.checked:
                region.crc = crc32c(_read(image, int(region.start), int(region.checked)))
        plan.crc = crc32c(bytes(plan)[: offsetof(BootPlan, "crc")])
        _write(image, where, bytes(plan))
    return bytes(image)


def _file_offset(image: bytes | bytearray, address: int) -> int:
    table, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
    for index in range(count):
        kind, _, offset, _, start, size = struct.unpack_from("<IIQQQQ", image, table + index * 56)
        if kind == 1 and start <= address < start + size:
            return int(offset + address - start)
    raise LookupError(hex(address))


def _read(image: bytes | bytearray, address: int, size: int) -> bytes:
    return bytes(image[_file_offset(image, address) :][:size])


def _write(image: bytearray, address: int, change: bytes) -> None:
    start = _file_offset(image, address)
    image[start : start + len(change)] = change


def test_a_corrupted_image(system: BuiltSystem, tmp_path: Path) -> None:
    """One bit anywhere in what the image loads is found: in a kernel, a monitor, a table."""
    sandbox = system.plan.sandbox("other")
    text = next(window for window in sandbox.kernel_windows if window.name == "text")
    for address in (
        text.physical + 0x100,
        sandbox.monitor_plan,
        sandbox.nested_tables,
        sandbox.msr_map + 0x1FF8,
        sandbox.msr_map + (3 << 30),
        sandbox.info + 8000,
        sandbox.monitor_plan - 8,  # behind the monitor's variables, which are zero
    ):
        bit = bytes([_read(system.image, address, 1)[0] ^ 4])
        line = refused(run_system(system, tmp_path, image=patched(system, address, bit)))
        assert line.startswith("questv: the image is corrupted between ")
        assert line.endswith("; build it again and copy it whole")
        found = re.search(r"between ([0-9a-f]+) and ([0-9a-f]+);", line)
        assert found is not None
        assert int(found[1], 16) <= address < int(found[2], 16)


def test_a_corrupted_plan_of_the_boot(system: BuiltSystem, tmp_path: Path) -> None:
    address = system.boot.symbols.address("boot_plan") + offsetof(BootPlan, "regions") + 8
    image = patched(system, address, b"\xff")
    assert refused(run_system(system, tmp_path, image=image)) == (
        "questv: the image's plan is corrupted; build the image again and copy it whole"
    )


def test_memory_that_is_not_there(system: BuiltSystem, tmp_path: Path) -> None:
    """A region of the plan beyond the machine's memory, in the middle of a hole, at its edge."""
    plan = BootPlan.view(bytearray(_boot_plan(system)))
    last = int(plan.region_count) - 1
    size = int(plan.regions[last].size)
    end = -(-system.plan.end // MIB) * MIB
    for start in (0xA0000, 0xC000_0000, 0xFEE0_0000, end - size + 8, 0xFFFF_FFFF_FFFF_F000):
        field = offsetof(BootPlan, "regions") + last * 32
        where = system.boot.symbols.address("boot_plan") + field
        image = patched(system, where, start.to_bytes(8, "little"), repair=True)
        line = refused(run_system(system, tmp_path, image=image))
        assert line.startswith(f"questv: the plan needs memory from {start:x} to ")
        assert line.endswith(
            "which is not RAM on this machine; give the machine more memory, or the system less"
        )


def _boot_plan(system: BuiltSystem) -> bytes:
    return _read(system.image, system.boot.symbols.address("boot_plan"), sizeof(BootPlan))


@pytest.mark.parametrize(
    ("label", "change", "what"),
    [
        ("probe_write_port", b"\x0f\x01\xd9", "exit 81 at "),  # vmmcall, as if OUT had passed
        ("probe_read_outside", b"\x90\x90\x90\x0f\x01\xd9", "exit 81 at "),
        ("probe_call_monitor", b"\x90\xe6\x70", "exit 7b at "),
        ("probe_read_msr_denied", b"\x0f\x01\xd9", "exit 81 at "),
        ("probe_write_msr_denied", b"\x0f\x01\xd9", "exit 81 at "),
        ("probe_write_read_only", b"\xa0\x00\x50", "a write to read-only memory is reported as "),
    ],
)
def test_a_platform_that_fails_a_probe(
    system: BuiltSystem, tmp_path: Path, label: str, change: bytes, what: str
) -> None:
    """The probe's guest is changed to behave as it would if a wall had a hole."""
    image = patched(system, system.boot.symbols.address(label), change, repair=True)
    line = refused(run_system(system, tmp_path, image=image))
    assert line.startswith(f"questv: the platform probe failed: {what}")
    assert line.endswith("this machine's SVM can't isolate, use another machine or QEMU")


@pytest.mark.parametrize("high", [1, 2, 3])
@pytest.mark.parametrize("bit", [0, 1], ids=["read", "write"])
def test_a_map_that_a_guest_gets_around(
    system: BuiltSystem, tmp_path: Path, high: int, bit: int
) -> None:
    """A bit is missing where QEMU looks by an rcx of over 32 bits: the probe finds the hole."""
    bits = 2 * Msr.APIC_BASE + bit
    guard = system.plan.boot_msr_map + (high << 30) + bits // 8
    image = patched(system, guard, bytes([0xFF ^ 1 << bits % 8]), repair=True)
    assert refused(run_system(system, tmp_path, image=image)) == (
        f"questv: the platform probe failed: a guest gets around its MSR map by {high:x} in the "
        "upper half of rcx; this machine's SVM can't isolate, use another machine or QEMU"
    )


@pytest.mark.parametrize("word", ["for=soon", "for=12x", "metronome=", "for=99999999999999999999"])
def test_bad_words_on_the_command_line(system: BuiltSystem, tmp_path: Path, word: str) -> None:
    run = run_system(system, tmp_path, command_line=f"quiet {word}")
    if word.endswith("="):
        assert run.serial == ""  # nothing after it: as if it were not there
        return
    name = word.partition("=")[0]
    assert refused(run) == (
        f"questv: '{name}=' on the command line needs a whole number; correct the command line"
    )
