from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from questv.machine import (
    MIB,
    Exit,
    ExitKind,
    Machine,
    MachineError,
    MachineKind,
    MachineOptions,
    find_qemu,
    running,
)

from . import guest
from .guest import EAX, EBX, ECX, EDI, ESI, RESULT

Options = Callable[..., MachineOptions]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_running(pid: int) -> bool:
    """Whether the process is neither gone nor waiting to be reaped."""
    state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return state != "Z"


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("cores", [1, 4])
@pytest.mark.parametrize("kind", MachineKind)
def test_a_guest_speaks_writes_and_ends(
    options: Options, kind: MachineKind, cores: int, deterministic: bool
) -> None:
    code = (
        guest.say("hello\r\n")
        + guest.load(EAX, 0x51554556)
        + guest.store(RESULT, EAX)
        + guest.leave(33)
    )
    chosen = options(code, kind=kind, cores=cores, deterministic=deterministic)
    with Machine(chosen) as machine:
        end = machine.wait(10)
        assert end == Exit(ExitKind.GUEST, 33, "the guest ended the machine with 33")
        assert machine.wait() is end
        assert machine.serial_text() == "hello\r\n"
        assert machine.memory.read(RESULT, 4) == b"VEUQ"


@pytest.mark.parametrize("value", [0, 127])
def test_every_value_arrives(options: Options, value: int) -> None:
    with Machine(options(guest.leave(value))) as machine:
        assert machine.wait(10).value == value


def test_serial_bytes_that_are_no_text(options: Options) -> None:
    with Machine(options(guest.out_byte(0x3F8, 0xFF) + guest.leave(0))) as machine:
        machine.wait(10)
        assert machine.serial_text() == "\N{REPLACEMENT CHARACTER}"


def test_contents_are_there_before_the_first_instruction(options: Options, tmp_path: Path) -> None:
    data = bytes(range(256)) * 8192
    (tmp_path / "data").write_bytes(data)
    address = 16 * MIB - len(data)
    code = guest.copy(address, RESULT, 1024) + guest.leave(0)
    with Machine(options(code, contents=((address, tmp_path / "data"),))) as machine:
        machine.wait(10)
        assert machine.memory.read(RESULT, 1024) == data[:1024]
        assert machine.memory.read(address, len(data)) == data


def test_the_host_reads_a_guest_that_runs(options: Options) -> None:
    count = b"\xff\x05" + struct.pack("<I", RESULT) + b"\xf3\x90\xeb\xf6"  # inc [RESULT]; pause
    with Machine(options(count)) as machine:
        counter = machine.memory.view(RESULT, 4).cast("I")
        seen = {counter[0]}
        limit = time.monotonic() + 10
        while len(seen) < 5 and time.monotonic() < limit:
            seen.add(counter[0])
        assert len(seen) == 5


def test_the_guest_sees_what_the_host_writes(options: Options) -> None:
    wait = b"\xf3\x90" + guest.load_from(EAX, RESULT) + b"\x85\xc0\x74\xf4"  # until [RESULT] != 0
    with Machine(options(wait + guest.leave(5))) as machine:
        with pytest.raises(TimeoutError):
            machine.wait(0.05)
        machine.memory.write(RESULT, b"\1\0\0\0")
        assert machine.wait(10).value == 5


@pytest.mark.parametrize("kind", MachineKind)
def test_the_command_line_is_the_one_given_and_no_more(options: Options, kind: MachineKind) -> None:
    code = (
        guest.load_field(ESI, EBX, 24)  # of the start information: the command line
        + guest.load(EDI, RESULT)
        + guest.load(ECX, 16)
        + guest.COPY_WORDS
        + guest.leave(0)
    )
    text = "one, two=3 'four'"
    with Machine(options(code, kind=kind, command_line=text)) as machine:
        machine.wait(10)
        found = machine.memory.read(RESULT, 64)
    assert found[: found.index(0)].decode() == text


@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("cores", [1, 3])
def test_acpi_tells_of_the_cores(options: Options, kind: MachineKind, cores: int) -> None:
    firmware, copied = 0xC0000, 0x300000
    code = (
        guest.load_field(EAX, EBX, 32)  # of the start information: the root pointer of ACPI
        + guest.store(RESULT, EAX)
        + guest.copy(firmware, copied, 0x40000)
        + guest.leave(0)
    )
    with Machine(options(code, kind=kind, cores=cores)) as machine:
        machine.wait(10)
        (root,) = machine.memory.view(RESULT, 4).cast("I")
        tables = machine.memory.read(copied, 0x40000)
    assert tables[root - firmware :][:8] == b"RSD PTR "
    madt = tables.index(b"APIC", 0)
    (length,) = struct.unpack_from("<I", tables, madt + 4)
    assert sum(tables[madt : madt + length]) % 256 == 0
    position, enabled = madt + 44, []
    while position < madt + length:
        kind_of_entry, size = tables[position], tables[position + 1]
        if kind_of_entry == 0 and tables[position + 4] & 1:
            enabled.append(tables[position + 3])
        position += size
    assert enabled == list(range(cores))


@pytest.mark.parametrize("kind", MachineKind)
def test_legacy_devices_that_kernels_use(options: Options, kind: MachineKind) -> None:
    code = (
        guest.out_byte(0x21, 0xA5)
        + guest.in_byte(0x21)
        + guest.store(RESULT, EAX)
        + guest.out_byte(0x43, 0x30)  # counter 0, both bytes, mode 0
        + guest.out_byte(0x40, 0x34)
        + guest.out_byte(0x40, 0x12)
        + guest.out_byte(0x43, 0xE2)  # read back the state of counter 0
        + guest.in_byte(0x40)
        + guest.store(RESULT + 4, EAX)
        + guest.leave(0)
    )
    with Machine(options(code, kind=kind)) as machine:
        machine.wait(10)
        pic_mask, pit_state = machine.memory.view(RESULT, 8).cast("I")
    assert pic_mask == 0xA5
    assert pit_state & 0x3F == 0x30


@pytest.mark.parametrize("kind", MachineKind)
def test_nothing_above_one_mib_but_the_guest_writes(options: Options, kind: MachineKind) -> None:
    with Machine(options(guest.leave(0), kind=kind)) as machine:
        machine.wait(10)
        memory = machine.memory.read(MIB, 15 * MIB)
    code = guest.leave(0)
    assert memory == code + bytes(len(memory) - len(code))


def test_deterministic_runs_are_alike_to_the_byte(options: Options) -> None:
    def moments() -> list[bytes]:
        """The guest's clock at eight moments, a device's register between each two."""
        return [
            guest.RDTSC
            + guest.store(RESULT + 8 * step, EAX)
            + guest.out_byte(0x43, 0)
            + guest.in_byte(0x40)
            + guest.store(RESULT + 8 * step + 4, EAX)
            + guest.repeat(5000, b"\x90")
            for step in range(8)
        ]

    def run(deterministic: bool) -> bytes:
        code = b"".join(moments()) + guest.leave(0)
        with Machine(options(code, deterministic=deterministic)) as machine:
            machine.wait(10)
            return machine.memory.read(MIB, 15 * MIB)

    assert run(True) == run(True)
    assert run(False) != run(False)


def test_an_instruction_takes_a_nanosecond(options: Options) -> None:
    def clock(address: int) -> bytes:
        return guest.RDTSC + guest.store(address, EAX)

    code = (
        clock(RESULT)
        + guest.repeat(1000, b"\x90")
        + clock(RESULT + 4)
        + guest.repeat(3000, b"\x90")
        + clock(RESULT + 8)
        + guest.leave(0)
    )
    with Machine(options(code, deterministic=True)) as machine:
        machine.wait(10)
        first, second, third = machine.memory.view(RESULT, 12).cast("I")
    assert (third - second) - (second - first) == 2000 * 3


def test_a_deterministic_machine_tells_its_time(options: Options) -> None:
    """Time goes on where nobody is there to spend it, and goes by instructions elsewhere."""
    with Machine(options(guest.HALT, deterministic=True)) as machine:
        first = machine.guest_seconds()
        assert first is not None
        deadline = time.monotonic() + 20
        while (later := machine.guest_seconds()) is not None and later < first + 10:
            assert time.monotonic() < deadline
        machine.stop()
        assert machine.guest_seconds() is None
    with Machine(options(guest.SPIN, deterministic=True)) as machine:
        assert machine.guest_seconds() == 0


def test_a_triple_fault_ends_the_machine(options: Options) -> None:
    with Machine(options(guest.TRIPLE_FAULT)) as machine:
        assert machine.wait(10).kind is ExitKind.RESET


def test_stopping_a_guest_that_never_ends(options: Options) -> None:
    with Machine(options(guest.SPIN, cores=2)) as machine:
        with pytest.raises(TimeoutError):
            machine.wait(0)
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            machine.wait(0.05)
        assert 0.05 <= time.monotonic() - started < 5
        end = machine.stop()
        assert end.kind is ExitKind.STOPPED
        assert machine.stop() is end
        assert machine.wait() is end
        assert not is_alive(machine.pid)


def test_stopping_a_guest_that_has_ended(options: Options) -> None:
    with Machine(options(guest.leave(3))) as machine:
        while is_running(machine.pid):
            time.sleep(0.001)
        assert machine.stop().value == 3


def test_qemu_killed_by_somebody_else(options: Options) -> None:
    with Machine(options(guest.SPIN)) as machine:
        os.kill(machine.pid, signal.SIGKILL)
        end = machine.wait(10)
        assert (end.kind, end.detail) == (ExitKind.CRASHED, "QEMU was killed by SIGKILL")


def test_a_terminal_has_no_hold_on_qemu(options: Options) -> None:
    with Machine(options(guest.SPIN)) as machine:
        assert os.getsid(machine.pid) == machine.pid != os.getsid(0)


def test_memory_outlives_the_guest(options: Options) -> None:
    with Machine(options(guest.store(RESULT, EBX) + guest.leave(0))) as machine:
        machine.wait(10)
        view = machine.memory.view(RESULT, 4)
    assert view.cast("I")[0] != 0


def test_an_error_in_the_block_leaves_nothing(options: Options) -> None:
    with pytest.raises(ZeroDivisionError), Machine(options(guest.SPIN)) as machine:
        pid, directory = machine.pid, machine.directory
        assert is_alive(pid)
        assert directory.is_dir()
        raise ZeroDivisionError
    assert not is_alive(pid)
    assert not directory.exists()


def test_ctrl_c_while_copying_leaves_nothing(options: Options, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(MIB))

    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (MIB, MIB)
        raise KeyboardInterrupt

    chosen = options(guest.SPIN, contents=((2 * MIB, tmp_path / "data"),))
    with pytest.raises(KeyboardInterrupt), Machine(chosen, progress=interrupt):
        pytest.fail("the machine was started")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": ("-device", "nonsense")}, "can't start the machine: .*'nonsense' is not"),
        ({"cores": 1000}, "can't start the machine: .*CPUs 1000"),
        ({"cpu": "Z80"}, "can't start the machine: .*Z80"),
        ({"memory": 3}, "can't have 3 bytes of memory"),
        ({"image": Path("/nonexistent/image")}, "can't read the image /nonexistent/image"),
        ({"contents": ((2 * MIB, Path("/nonexistent/file")),)}, "can't read /nonexistent/file"),
    ],
)
def test_what_can_not_start_says_why_and_leaves_nothing(
    options: Options, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(MachineError, match=message), Machine(options(guest.SPIN, **changes)):
        pytest.fail("the machine was started")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (guest.ENTRY, "overlaps"),
        (0x80000, "does not fit into the machine's memory"),
        (16 * MIB - 1, "does not fit into the machine's memory"),
    ],
)
def test_contents_must_have_a_place(
    options: Options, tmp_path: Path, address: int, message: str
) -> None:
    (tmp_path / "data").write_bytes(b"data")
    chosen = options(guest.SPIN, contents=((address, tmp_path / "data"),))
    with pytest.raises(MachineError, match=message), Machine(chosen):
        pytest.fail("the machine was started")


def test_no_setpriv(options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = options(guest.SPIN)
    qemu = find_qemu()
    monkeypatch.setattr("shutil.which", lambda program: None)
    with (
        pytest.raises(MachineError, match="there is no setpriv on this host") as e,
        Machine(chosen, qemu=qemu),
    ):
        pytest.fail("the machine was started")
    assert "util-linux" in e.value.fix


def test_names(options: Options) -> None:
    with Machine(options(guest.SPIN)) as first, Machine(options(guest.SPIN), name="demo") as second:
        names = {machine.directory: machine.name for machine in running()}
        assert names[first.directory] == "guest"
        assert names[second.directory] == "demo"


def test_paths_with_odd_characters(tmp_path: Path) -> None:
    directory = tmp_path / "a, b=c '\"%s"
    directory.mkdir()
    image = guest.image(directory, guest.say("x") + guest.leave(1), "i,m=g")
    with Machine(MachineOptions(image=image, memory=2 * MIB)) as machine:
        assert machine.wait(10).value == 1
        assert machine.serial_text() == "x"
