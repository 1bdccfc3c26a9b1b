"""Serial ports and virtio consoles that tasks drive, on booted machines."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from questv.kernel.drivers.virtio_console import Memory
from questv.kernel.status import StreamStatus
from questv.kernel.streams import Stream
from questv.machine import Machine, MachineKind, MachineOptions, memory_size
from questv.metal.structs import offsetof, sizeof
from questv.monitor.interface import ExitReason, PublicPage, SandboxState
from questv.plan import addresses
from questv.plan.build import BuiltSystem, build
from tests.running import (
    boot,
    io_vcpu_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    write_system,
)

PATIENCE = 20.0


def device_text(name: str, owner: str) -> str:
    """A serial port, or a virtio console in the slot that its name ends with."""
    device = f'[[device]]\nname = "{name}"\nowner = "{owner}"\n'
    if name.startswith("com"):
        return f'{device}kind = "uart"\n'
    slot = name.removeprefix("console")
    return f'{device}kind = "virtio-console"\nslot = {slot}\ndma = "trusted"\n'


ECHO = """
@task
def echo(port: Stream, length: u64) -> None:
    buffer: Array[u8, 64] = local()
    done: u64 = 0
    while done < length:
        count = port.receive(ptr(buffer[0]), 64, FOREVER)
        port.send(ptr(buffer[0]), count)
        done += count


@task
def slow_echo(port: Stream, length: u64) -> None:
    buffer: Array[u8, 64] = local()
    sleep_until(now() + 50_000_000)
    done: u64 = 0
    while done < length:
        count = port.receive(ptr(buffer[0]), 64, FOREVER)
        port.send(ptr(buffer[0]), count)
        done += count


BLOCK = 8192
block: Array[u8, BLOCK] = static()


@task
def pour(port: Stream, blocks: u64) -> None:
    for i in range(u64(BLOCK)):
        block[i] = u8.wrap(i // 7)
    for i in range(blocks):
        port.send(ptr(block[0]), BLOCK)
"""


@contextmanager
def running(
    system: BuiltSystem, folder: Path, kind: MachineKind, *names: str
) -> Iterator[tuple[Machine, list[socket.socket]]]:
    """A machine whose kernels run, and the far ends of these devices."""
    image = folder / "image.elf"
    image.write_bytes(system.image)
    pairs = {name: socket.socketpair() for name in names}
    devices = [device for sandbox in system.plan.sandboxes for device in sandbox.devices]
    ends = [(device, pairs[device.name][1].fileno()) for device in devices if device.name in pairs]
    options = MachineOptions(
        image=image,
        memory=memory_size(kind, system.plan.memory, system.plan.end),
        cores=system.plan.cores,
        kind=kind,
        streams=tuple((device.name, end) for device, end in ends if device.slot is None),
        consoles=tuple((device.slot, end) for device, end in ends if device.slot is not None),
    )
    with Machine(options) as machine:
        for ours, theirs in pairs.values():
            theirs.close()
            ours.settimeout(PATIENCE)
        for sandbox in system.plan.sandboxes:
            page = PublicPage.view(machine.memory.view(sandbox.public, sizeof(PublicPage)))
            while page.state.load(None) < SandboxState.STARTED:  # type: ignore[arg-type]
                threading.Event().wait(0.005)
        yield machine, [ours for ours, _ in pairs.values()]
    for ours, _ in pairs.values():
        ours.close()


def received(port: socket.socket, length: int) -> bytes:
    came = bytearray()
    while len(came) < length:
        piece = port.recv(1 << 16)
        assert piece, f"the machine has ended after {len(came)} of {length} bytes"
        came += piece
    return bytes(came)


def echoed(port: socket.socket, data: bytes) -> bytes:
    """What comes back for ``data``, which is sent beside."""
    sender = threading.Thread(target=port.sendall, args=(data,))
    sender.start()
    came = received(port, len(data))
    sender.join()
    return came


def counters(machine: Machine, system: BuiltSystem, sandbox: str, number: int = 0) -> StreamStatus:
    plan = system.plan.sandbox(sandbox)
    address = plan.physical(plan.streams[number].object)
    found: StreamStatus = Stream.view(machine.memory.read(address, sizeof(Stream))).counters
    return found


@pytest.mark.parametrize(
    ("device", "kind"),
    [*(("com1", kind) for kind in MachineKind), ("console3", MachineKind.MICROVM)],
)
@pytest.mark.parametrize("apic", ["guarded", "direct"])
def test_every_byte_comes_back_and_no_interrupt_exits(
    tmp_path: Path, device: str, kind: MachineKind, apic: str
) -> None:
    data = bytes(range(256)) * 64
    text = system_text(
        sandbox_text(
            "driver",
            task_text("echo", port=device, length=len(data)),
            keys=f'apic = "{apic}"',
        ),
        device_text(device, "driver"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    with running(system, tmp_path, kind, device) as (machine, [port]):
        assert echoed(port, data) == data
        machine.wait(PATIENCE)
        found = counters(machine, system, "driver")
        assert int(found.received) == int(found.sent) == len(data)
        assert int(found.interrupts) > 0 and int(found.overruns) == 0
        page = PublicPage.view(
            machine.memory.read(system.plan.sandbox("driver").public, sizeof(PublicPage))
        )
        assert all(int(page.after.by_reason[reason]) == 0 for reason in ExitReason)


@pytest.mark.parametrize("device", ["com1", "console3"])
def test_every_byte_comes_back_through_a_bottom_half(tmp_path: Path, device: str) -> None:
    data = bytes(range(256)) * 16
    text = system_text(
        sandbox_text(
            "driver",
            timed_text("echo", "10 ms", "5 ms", port=device, length=len(data)),
            io_vcpu_text("io", 0.2),
        ),
        f'{device_text(device, "driver")}vcpu = "io"\n',
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    with running(system, tmp_path, MachineKind.MICROVM, device) as (machine, [port]):
        assert echoed(port, data) == data
        machine.wait(PATIENCE)
        found = counters(machine, system, "driver")
        assert int(found.received) == int(found.sent) == len(data)
        assert int(found.overruns) == 0


@pytest.mark.parametrize("device", ["com1", "console1"])
def test_a_sender_waits_for_a_reader_that_is_late(tmp_path: Path, device: str) -> None:
    """More than the kernel keeps comes before the task reads: nothing is lost."""
    data = bytes(range(251)) * 100
    text = system_text(
        sandbox_text("driver", task_text("slow_echo", port=device, length=len(data))),
        device_text(device, "driver"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    with running(system, tmp_path, MachineKind.MICROVM, device) as (machine, [port]):
        assert echoed(port, data) == data
        machine.wait(PATIENCE)
        assert int(counters(machine, system, "driver").overruns) == 0


def test_a_task_that_sends_waits_for_a_host_that_is_late(tmp_path: Path) -> None:
    """More than the host's socket holds is sent before anybody reads: nothing is lost."""
    blocks = 100
    text = system_text(
        sandbox_text("driver", task_text("pour", port="console1", blocks=blocks)),
        device_text("console1", "driver"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    block = bytes(each // 7 % 256 for each in range(8192))
    with running(system, tmp_path, MachineKind.MICROVM, "console1") as (machine, [port]):
        with pytest.raises(TimeoutError):
            machine.wait(0.3)
        before = int(counters(machine, system, "driver").sent)
        assert 0 < before < blocks * len(block)
        assert received(port, blocks * len(block)) == block * blocks
        machine.wait(PATIENCE)
        assert int(counters(machine, system, "driver").sent) == blocks * len(block)


def test_two_sandboxes_with_a_port_each(tmp_path: Path) -> None:
    """Each gets its own bytes and its own interrupts."""
    first, second = b"first " * 500, b"second" * 500
    text = system_text(
        sandbox_text("one", task_text("echo", port="com2", length=len(first))),
        sandbox_text("two", task_text("echo", port="com1", length=len(second))),
        device_text("com1", "two"),
        device_text("com2", "one"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    for kind in MachineKind:
        with running(system, tmp_path, kind, "com2", "com1") as (machine, [com2, com1]):
            assert echoed(com2, first) == first
            assert echoed(com1, second) == second
            machine.wait(PATIENCE)


def test_all_kinds_of_devices_in_two_sandboxes(tmp_path: Path) -> None:
    """One kernel has both drivers and two consoles on one page, the other the last slot."""
    names = ("com2", "console1", "console7", "console23")
    tasks = [
        task_text("echo", name=f"on-{name}", priority=priority, port=name, length=3000)
        for priority, name in enumerate(names)
    ]
    text = system_text(
        sandbox_text("one", *tasks[:3]),
        sandbox_text("two", tasks[3]),
        *(device_text(name, "one") for name in names[:3]),
        device_text(names[3], "two"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    with running(system, tmp_path, MachineKind.MICROVM, *names) as (machine, ports):
        for name, port in zip(names, ports, strict=True):
            data = f"{name:6}".encode()[:6] * 500
            assert echoed(port, data) == data
        machine.wait(PATIENCE)


@pytest.mark.parametrize("device", ["com1", "console1"])
def test_a_deadline_passes(tmp_path: Path, device: str) -> None:
    tasks = """
@task
def wait(port: Stream) -> None:
    byte: u8 = 0
    start = now()
    count = port.receive(ptr(byte), 1, start + 5_000_000)
    late = now() >= start + 5_000_000
    log(f"{count} bytes, {u64(late)}")
    log(f"{port.receive(ptr(byte), 1, 0)} bytes")
"""
    text = system_text(
        sandbox_text("driver", task_text("wait", port=device)), device_text(device, "driver")
    )
    run = boot(tmp_path, text, tasks, consoles=() if device == "com1" else ((1, None),))
    assert run["driver"].lines == ["0 bytes, 1", "0 bytes"]


def test_a_port_without_a_stream_shows_the_console(tmp_path: Path) -> None:
    tasks = '@task\ndef talk() -> None:\n    log("hello")\n'
    text = system_text(sandbox_text("driver", task_text("talk")), device_text("com1", "driver"))
    assert boot(tmp_path, text, tasks).serial.endswith("hello\r\n")


# ---- virtio consoles -------------------------------------------------------------------------


def test_a_machine_without_the_console(tmp_path: Path) -> None:
    """The kernel that should drive it says so; where there is no such interrupt, the boot does."""
    text = system_text(
        sandbox_text("driver", task_text("echo", port="console8", length=1)),
        device_text("console8", "driver"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    run = run_system(system, tmp_path)
    assert run["driver"].state is SandboxState.CRASHED
    assert run["driver"].lines == ["panic: there is no virtio console where the plan has one"]
    run = run_system(system, tmp_path, kind=MachineKind.Q35)
    assert (
        "this machine has no I/O APIC with interrupt 32, which a device of the system needs; use "
        "a machine that has"
    ) in " ".join(run.serial.split())


def test_nobody_but_the_owner_reaches_the_registers(tmp_path: Path) -> None:
    tasks = f"""
@task
def reach() -> None:
    Ptr[Register[u32]]({addresses.KERNEL_DEVICES:#x})[0].write(1)
"""
    text = system_text(
        sandbox_text("driver", task_text("echo", port="console1", length=1)),
        sandbox_text("stranger", task_text("reach")),
        device_text("console1", "driver"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO + tasks))
    windows = {
        sandbox.name: [window.physical for window in sandbox.view if window.device]
        for sandbox in system.plan.sandboxes
    }
    assert windows == {"driver": [0xFEB0_0000], "stranger": []}
    [window] = [each for each in system.plan.sandbox("driver").view if each.device]
    assert (window.size, window.rights) == (0x1000, "rw")
    with running(system, tmp_path, MachineKind.MICROVM, "console1") as (machine, [port]):
        assert echoed(port, b"x") == b"x"
        machine.wait(PATIENCE)
        page = PublicPage.view(
            machine.memory.read(system.plan.sandbox("stranger").public, sizeof(PublicPage))
        )
        assert page.state.load(None) == SandboxState.CRASHED  # type: ignore[arg-type]


def test_whoever_drives_a_console_reaches_all_memory(tmp_path: Path) -> None:
    """The hole that ``dma = "trusted"`` is about: no page table limits what the device writes."""
    tasks = f"""
@task
def aim(port: Stream, target: u64) -> None:
    for i in range(u64(4)):
        Ptr[u64]({addresses.KERNEL_DEVICE_MEMORY + offsetof(Memory, "receiving"):#x} + 16 * i)[
            0
        ] = target
    log("aimed")
    byte: u8 = 0
    port.receive(ptr(byte), 1, FOREVER)
"""

    def built(target: int) -> BuiltSystem:
        text = system_text(
            sandbox_text("driver", task_text("aim", port="console1", target=target)),
            sandbox_text("victim", task_text("idle")),
            device_text("console1", "driver"),
        )
        idle = "@task\ndef idle() -> None:\n    sleep_until(FOREVER)\n"
        return build(write_system(tmp_path / "system", text, tasks + idle))

    last = built(0).plan.sandbox("victim").view[-1]
    target = last.physical + last.size - 0x1000
    system = built(target)
    assert target not in {
        each
        for window in system.plan.sandbox("driver").view
        for each in range(window.physical, window.physical + window.size, 0x1000)
    }
    with running(system, tmp_path, MachineKind.MICROVM, "console1") as (machine, [port]):
        assert machine.memory.read(target, 6) == bytes(6)
        console = system.plan.sandbox("driver").console
        while b"aimed" not in machine.memory.read(
            system.plan.sandbox("driver").physical(console), 4096
        ):
            threading.Event().wait(0.005)
        port.sendall(b"struck")
        for _ in range(200):
            if machine.memory.read(target, 6) == b"struck":
                break
            threading.Event().wait(0.01)
        assert machine.memory.read(target, 6) == b"struck"


# ---- restarts --------------------------------------------------------------------------------

FRAGILE = """
@task
def fragile(port: Stream) -> None:
    "An echo that dies of some bytes, and ends with a full stop."
    byte: u8 = 0
    while byte != ord("."):
        port.receive(ptr(byte), 1, FOREVER)
        if byte == ord("p"):
            panic("poison")
        if byte == ord("c"):
            asm("cli\\nout 0x70, al", None, "")
        port.send(ptr(byte), 1)
"""


@pytest.mark.parametrize(
    ("device", "kind"),
    [*(("com1", kind) for kind in MachineKind), ("console3", MachineKind.MICROVM)],
)
@pytest.mark.parametrize("apic", ["guarded", "direct"])
def test_a_restarted_kernel_drives_its_device_again(
    tmp_path: Path, device: str, kind: MachineKind, apic: str
) -> None:
    text = system_text(
        sandbox_text(
            "driver",
            '[sandbox.recovery]\non_fault = "restart"\nlimit = 9\nback_off = "1 us"\n',
            task_text("fragile", port=device),
            keys=f'apic = "{apic}"',
        ),
        device_text(device, "driver"),
    )
    system = build(write_system(tmp_path / "system", text, FRAGILE))
    driver = system.plan.sandbox("driver")
    with running(system, tmp_path, kind, device) as (machine, [port]):

        def page() -> PublicPage:
            return PublicPage.view(machine.memory.read(driver.public, sizeof(PublicPage)))

        for number, poison in enumerate(b"pccppc", start=1):
            assert echoed(port, b"hello") == b"hello"
            port.sendall(bytes([poison]))
            while int(page().incarnation) != number or (
                page().state.load(None) != SandboxState.STARTED  # type: ignore[arg-type]
            ):
                threading.Event().wait(0.005)
        assert echoed(port, b"bye.") == b"bye."
        machine.wait(PATIENCE)
        assert int(page().incarnation) == 6
