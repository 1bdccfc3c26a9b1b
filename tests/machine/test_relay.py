"""Bytes between a machine's serial port and the host; a socket stands for the machine."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from questv.machine.relay import Relay

PATIENCE = 10.0
MUCH = bytes(range(256)) * 4096


def driven() -> bool:
    return True


@contextmanager
def guest(relay: Relay) -> Iterator[socket.socket]:
    """The machine's end, while ``relay`` carries."""
    with socket.socket(fileno=os.dup(relay.guest_end)) as end:
        end.settimeout(PATIENCE)
        yield end


def received(end: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = end.recv(1 << 16)
        assert piece, f"the relay has ended after {len(data)} of {length} bytes"
        data += piece
    return data


def test_a_file_is_sent_whole_and_what_comes_is_kept_whole(tmp_path: Path) -> None:
    source, sink = tmp_path / "source", tmp_path / "sink"
    source.write_bytes(MUCH)
    with source.open("rb") as read, sink.open("wb") as written:
        relay = Relay(read.fileno(), written.fileno())
        with relay, guest(relay) as end:
            relay.hand_over(driven)
            assert received(end, len(MUCH)) == MUCH
            end.sendall(MUCH[::-1])
    assert sink.read_bytes() == MUCH[::-1]


def test_nothing_is_sent_before_somebody_drives_the_port(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"early")
    ready = False
    with source.open("rb") as read:
        relay = Relay(read.fileno(), None)
        with relay, guest(relay) as end:
            relay.hand_over(lambda: ready)
            end.settimeout(0.1)
            with pytest.raises(TimeoutError):
                end.recv(1)
            ready = True
            end.settimeout(PATIENCE)
            assert received(end, 5) == b"early"


def test_what_has_nowhere_to_go_is_dropped() -> None:
    relay = Relay(None, None)
    with relay, guest(relay) as end:
        relay.hand_over(driven)
        end.sendall(MUCH)


@pytest.mark.filterwarnings("error")
def test_a_reader_that_goes_away_is_none() -> None:
    read, write = os.pipe()
    os.close(read)
    relay = Relay(None, write)
    with relay, guest(relay) as end:
        relay.hand_over(driven)
        end.sendall(MUCH)
    os.close(write)


@pytest.mark.parametrize("blocking", [False, True])
def test_a_reader_that_does_not_read_holds_nobody_up_at_the_end(
    monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    monkeypatch.setattr("questv.machine.relay._PATIENCE", 0.1)
    read, write = os.pipe()
    os.set_blocking(write, blocking)
    relay = Relay(None, write)
    with relay, guest(relay) as end:
        relay.hand_over(driven)
        end.sendall(MUCH[: 1 << 17])  # more than a pipe holds
    os.close(read)
    os.close(write)


def test_a_reader_that_is_slow_gets_all() -> None:
    """The machine has ended long before it has read."""
    read, write = os.pipe()
    relay = Relay(None, write)
    came = b""

    def take() -> None:
        nonlocal came
        while data := os.read(read, 1 << 14):
            came += data
            time.sleep(0.02)

    reader = threading.Thread(target=take)
    with relay, guest(relay) as end:
        relay.hand_over(driven)
        end.sendall(MUCH[: 1 << 17])
        reader.start()
    os.close(write)
    reader.join()
    os.close(read)
    assert came == MUCH[: 1 << 17]


def test_a_machine_that_ends_is_asked_nothing() -> None:
    """What says whether somebody drives the port looks into its memory, which is gone then."""
    asked = threading.Event()

    def look() -> bool:
        asked.set()
        return False

    relay = Relay(None, None)
    with relay, guest(relay):
        relay.hand_over(look)
        assert asked.wait(PATIENCE)
        relay.let_go()
        asked.clear()
        assert not asked.wait(0.1)


def test_both_ways_of_a_socket() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.settimeout(PATIENCE)
        relay = Relay(here.fileno(), here.fileno())
        with relay, guest(relay) as end:
            relay.hand_over(driven)
            there.sendall(b"in")
            assert received(end, 2) == b"in"
            end.sendall(b"out")
            assert received(there, 3) == b"out"


def test_a_machine_that_ends_first() -> None:
    read, write = os.pipe()
    relay = Relay(read, None)
    with relay:
        relay.hand_over(driven)
        os.write(write, b"too late")
    os.close(read)
    os.close(write)
