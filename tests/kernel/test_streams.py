"""Serial ports that tasks drive, on booted machines."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from questv.kernel.status import StreamStatus
from questv.kernel.streams import Stream
from questv.machine import Machine, MachineKind, MachineOptions, memory_size
from questv.metal.structs import sizeof
from questv.monitor.interface import ExitReason, PublicPage, SandboxState
from questv.plan.build import BuiltSystem, build
from tests.running import boot, sandbox_text, system_text, task_text, write_system

PATIENCE = 20.0


def device_text(name: str, owner: str) -> str:
    return f'[[device]]\nname = "{name}"\nkind = "uart"\nowner = "{owner}"\n'


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
"""


@contextmanager
def running(
    system: BuiltSystem, folder: Path, kind: MachineKind, *ports: str
) -> Iterator[tuple[Machine, list[socket.socket]]]:
    """A machine whose kernels run, and the far ends of its serial ports."""
    image = folder / "image.elf"
    image.write_bytes(system.image)
    pairs = [socket.socketpair() for _ in ports]
    streams = tuple((name, pair[1].fileno()) for name, pair in zip(ports, pairs, strict=True))
    options = MachineOptions(
        image=image,
        memory=memory_size(kind, system.plan.memory, system.plan.end),
        cores=system.plan.cores,
        kind=kind,
        streams=streams,
    )
    with Machine(options) as machine:
        for ours, theirs in pairs:
            theirs.close()
            ours.settimeout(PATIENCE)
        for sandbox in system.plan.sandboxes:
            page = PublicPage.view(machine.memory.view(sandbox.public, sizeof(PublicPage)))
            while page.state.load(None) < SandboxState.STARTED:  # type: ignore[arg-type]
                threading.Event().wait(0.005)
        yield machine, [ours for ours, _ in pairs]
    for ours, _ in pairs:
        ours.close()


def echoed(port: socket.socket, data: bytes) -> bytes:
    """What comes back for ``data``, which is sent beside."""
    sender = threading.Thread(target=port.sendall, args=(data,))
    sender.start()
    came = b""
    while len(came) < len(data):
        came += port.recv(1 << 16)
    sender.join()
    return came


def counters(machine: Machine, system: BuiltSystem, sandbox: str) -> StreamStatus:
    plan = system.plan.sandbox(sandbox)
    address = plan.physical(plan.streams[0].object)
    found: StreamStatus = Stream.view(machine.memory.read(address, sizeof(Stream))).counters
    return found


@pytest.mark.parametrize("kind", list(MachineKind))
@pytest.mark.parametrize("apic", ["guarded", "direct"])
def test_every_byte_comes_back_and_no_interrupt_exits(
    tmp_path: Path, kind: MachineKind, apic: str
) -> None:
    data = bytes(range(256)) * 64
    text = system_text(
        sandbox_text(
            "driver",
            task_text("echo", port="com1", length=len(data)),
            keys=f'apic = "{apic}"',
        ),
        device_text("com1", "driver"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    with running(system, tmp_path, kind, "com1") as (machine, [port]):
        assert echoed(port, data) == data
        machine.wait(PATIENCE)
        found = counters(machine, system, "driver")
        assert int(found.received) == int(found.sent) == len(data)
        assert int(found.interrupts) > 0 and int(found.overruns) == 0
        page = PublicPage.view(
            machine.memory.read(system.plan.sandbox("driver").public, sizeof(PublicPage))
        )
        assert all(int(page.after.by_reason[reason]) == 0 for reason in ExitReason)


def test_a_sender_waits_for_a_reader_that_is_late(tmp_path: Path) -> None:
    """More than the kernel keeps comes before the task reads: nothing is lost."""
    data = bytes(range(251)) * 100
    text = system_text(
        sandbox_text("driver", task_text("slow_echo", port="com1", length=len(data))),
        device_text("com1", "driver"),
    )
    system = build(write_system(tmp_path / "system", text, ECHO))
    with running(system, tmp_path, MachineKind.MICROVM, "com1") as (machine, [port]):
        assert echoed(port, data) == data
        machine.wait(PATIENCE)
        assert int(counters(machine, system, "driver").overruns) == 0


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


def test_a_deadline_passes(tmp_path: Path) -> None:
    tasks = """
@task
def wait(com1: Stream) -> None:
    byte: u8 = 0
    start = now()
    count = com1.receive(ptr(byte), 1, start + 5_000_000)
    late = now() >= start + 5_000_000
    log(f"{count} bytes, {u64(late)}")
    log(f"{com1.receive(ptr(byte), 1, 0)} bytes")
"""
    text = system_text(sandbox_text("driver", task_text("wait")), device_text("com1", "driver"))
    run = boot(tmp_path, text, tasks)
    assert run["driver"].lines == ["0 bytes, 1", "0 bytes"]


def test_a_port_without_a_stream_shows_the_console(tmp_path: Path) -> None:
    tasks = '@task\ndef talk() -> None:\n    log("hello")\n'
    text = system_text(sandbox_text("driver", task_text("talk")), device_text("com1", "driver"))
    assert boot(tmp_path, text, tasks).serial.endswith("hello\r\n")
