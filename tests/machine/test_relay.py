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
        data += end.recv(1 << 16)
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
def test_a_reader_that_does_not_read_holds_nobody_up_at_the_end(blocking: bool) -> None:
    read, write = os.pipe()
    os.set_blocking(write, blocking)
    relay = Relay(None, write)
    with relay, guest(relay) as end:
        relay.hand_over(driven)
        end.sendall(MUCH[: 1 << 17])  # more than a pipe holds
    os.close(read)
    os.close(write)


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


def test_a_reader_that_is_slow_gets_everything() -> None:
    read, write = os.pipe()
    relay = Relay(None, write)
    found = bytearray()

    def take() -> None:
        time.sleep(0.5)  # when the run is over
        while len(found) < 200_000:
            found.extend(os.read(read, 1 << 16))

    reader = threading.Thread(target=take)
    reader.start()
    with relay, guest(relay) as end:
        relay.hand_over(driven)
        end.sendall(MUCH[:200_000])
    reader.join()
    assert found == MUCH[:200_000]
    os.close(read)
    os.close(write)
