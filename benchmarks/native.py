"""Channels between two processes of this host, against its other ways: no machine is emulated.

Both sides are pinned to a core each. All ways are measured in turns, so that a disturbance meets
them all; one in which a side was put off its core is taken again. What counts is the ratio to the
bare word, two cache lines that go to and fro: of the medians of a round of turns.
"""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
import os
import resource
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import native_loops as loops
from benchmarks.statistics import Result, summarize
from questv.channel import four_slot, ring
from questv.channel.four_slot import Reader, Writer
from questv.channel.ring import Consumer, Producer
from questv.metal.jit import Jit

GOAL = 1.3
"""A channel's round trip over the bare word's."""

_ROUNDS, _TURNS = 5, 20
_TRIPS, _SLOW_TRIPS = 1000, 50
_TRIES = 5  # of a turn, until none of the sides was put off its core
_PATIENCE = 10.0  # seconds
_WORD, _CHANNELS = "bare word", ("ring", "four-slot register")
_RING_SIZE = 4096
_BIG_RING_SIZE = 1 << 20
_LENGTHS = (4096, 65536)  # bytes of a message
_BYTES = 1 << 21  # that a turn moves
_PAGE = mmap.PAGESIZE


class MissingCoresError(Exception):
    """There are not two cores to pin two processes to; the message says so."""


@dataclass(frozen=True)
class Way:
    """A way to exchange messages: what each side does, given the first number and how many."""

    name: str
    ask: Callable[[int, int], object]
    answer: Callable[[int, int], object]
    trips: int
    polled: bool = True  # nobody sleeps, so that leaving the core is a disturbance


# ---- the two processes -------------------------------------------------------------------------


@dataclass(frozen=True)
class _OtherSide:
    """The child: what it is told to do, and its process."""

    orders: Connection
    pid: int

    def switches(self) -> int:
        """How often one of the sides was put off its core so far."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        status = Path(f"/proc/{self.pid}/status").read_text()
        return own + int(status.rpartition("nonvoluntary_ctxt_switches:")[2])


@contextmanager
def _other_side(answers: list[Callable[[int, int], object]]) -> Iterator[_OtherSide]:
    """A child on another core that runs ``answers[which](first, count)`` for each triple sent."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise MissingCoresError("this host gives only one core to the process; two are needed")
    mine, theirs = multiprocessing.Pipe()
    child = os.fork()
    if child == 0:
        mine.close()
        _serve(theirs, answers, cores[1])
    theirs.close()
    os.sched_setaffinity(0, {cores[0]})
    try:
        yield _OtherSide(mine, child)
    finally:
        mine.close()
        os.waitpid(child, 0)
        os.sched_setaffinity(0, set(cores))


def _serve(orders: Connection, answers: list[Callable[[int, int], object]], core: int) -> None:
    """The child: it leaves when its parent closes the pipe, or is gone."""
    code = 1
    try:
        os.sched_setaffinity(0, {core})
        while True:
            which, first, count = orders.recv()
            answers[which](first, count)
    except EOFError:
        code = 0
    finally:
        os._exit(code)


def _turn(other: _OtherSide, ways: list[Way], which: int, first: int) -> float:
    """Nanoseconds of a round trip; ``first`` numbers are not used again."""
    way = ways[which]
    for attempt in range(_TRIES if way.polled else 1):
        before = other.switches()
        elapsed = _run(other, way, which, first + attempt * (way.trips + 1))
        if other.switches() == before:
            break
    return elapsed / way.trips


def _run(other: _OtherSide, way: Way, which: int, first: int) -> int:
    """Nanoseconds of all of a turn but its first round trip, by which both sides meet."""
    other.orders.send((which, first, way.trips + 1))
    _check(way, way.ask(first, 1))
    start = time.perf_counter_ns()
    _check(way, way.ask(first + 1, way.trips))
    return time.perf_counter_ns() - start


def _check(way: Way, done: object) -> None:
    if not done:
        raise AssertionError(f"{way.name}: the sides did not agree")


# ---- ways --------------------------------------------------------------------------------------


class _Memory:
    """Memory that both processes share, given out in pages; what is made of it stays alive."""

    def __init__(self, size: int) -> None:
        self._map = mmap.mmap(-1, size)
        self._kept = ctypes.c_char.from_buffer(self._map)
        self._next = ctypes.addressof(self._kept)

    def pages(self, size: int) -> int:
        """The address of ``size`` bytes of zeros, on pages of their own."""
        address = self._next
        self._next += -(-size // _PAGE) * _PAGE
        return address


def _ring(memory: _Memory, size: int) -> tuple[Producer, Consumer]:
    sending, receiving = memory.pages(ring.area_size(size)), memory.pages(_PAGE)
    data, end = sending + ring.DATA_OFFSET, sending + ring.area_size(size)
    return (
        Producer(
            own=sending, peer=receiving, data=data, end=end, size=size, cursor=data, origin=data
        ),
        Consumer(
            own=receiving, peer=sending, data=data, end=end, cursor=data, next=data, origin=data
        ),
    )


def _register(memory: _Memory) -> tuple[Writer, Reader]:
    sending, receiving = memory.pages(2 * _PAGE), memory.pages(_PAGE)
    places = [sending + four_slot.DATA_OFFSET + slot * 64 for slot in range(4)]
    return (
        Writer(own=sending, peer=receiving, size=8, places=places),
        Reader(
            own=receiving, peer=sending, size=8, places=places, news=four_slot.FIRST_NEWS
        ),
    )  # fmt: skip


def _channel_ways(jit: Jit, memory: _Memory) -> Iterator[Way]:
    here, there = memory.pages(_PAGE), memory.pages(_PAGE)
    yield Way(
        _WORD,
        lambda first, count: jit[loops.ask_word](here, there, first, count),
        lambda first, count: jit[loops.answer_word](there, here, first, count),
        _TRIPS,
    )
    (out, taken), (back, got) = _ring(memory, _RING_SIZE), _ring(memory, _RING_SIZE)
    yield Way(
        "ring",
        lambda first, count: jit[loops.ask_ring](out, got, first, count),
        lambda first, count: jit[loops.answer_ring](back, taken, first, count),
        _TRIPS,
    )
    (show, seen), (mirror, looked) = _register(memory), _register(memory)
    yield Way(
        "four-slot register",
        lambda first, count: jit[loops.ask_register](show, looked, first, count),
        lambda first, count: jit[loops.answer_register](mirror, seen, first, count),
        _TRIPS,
    )


def _file_ways(jit: Jit) -> Iterator[Way]:
    """System calls from compiled code: no interpreter is measured with them."""
    (to_child, from_parent), (to_parent, from_child) = os.pipe()[::-1], os.pipe()[::-1]
    yield _file_way(jit, "pipes", (from_child, to_child), (from_parent, to_parent))
    parent, child = socket.socketpair()
    here, there = parent.detach(), child.detach()
    yield _file_way(jit, "UNIX socket", (here, here), (there, there))


def _file_way(jit: Jit, name: str, mine: tuple[int, int], theirs: tuple[int, int]) -> Way:
    buffer = bytearray(8)
    return Way(
        name,
        lambda first, count: jit[loops.ask_files](*mine, buffer, count),
        lambda first, count: jit[loops.answer_files](*theirs, buffer, count),
        _SLOW_TRIPS,
        polled=False,
    )


def _python_ways() -> Iterator[Way]:
    """What a Python program would use; the interpreter is part of it."""
    mine, theirs = multiprocessing.Pipe()

    def ask(first: int, count: int) -> bool:
        for number in range(first, first + count):
            mine.send(number)
            if mine.recv() != number:
                return False
        return True

    def answer(first: int, count: int) -> None:
        for _ in range(count):
            theirs.send(theirs.recv())

    yield Way("multiprocessing.Pipe, from Python", ask, answer, _SLOW_TRIPS, polled=False)
    try:
        import iceoryx2
    except ImportError:
        print("iceoryx2 is left out: it is not installed; pip install iceoryx2", file=sys.stderr)
        return
    yield _iceoryx2_way(iceoryx2)


def _subscribers(service: Any) -> int:
    return int(service.dynamic_config.number_of_subscribers)


def _iceoryx2_way(iox2: Any) -> Way:
    """Its publish and subscribe, polled, with loaned memory; each side opens its ends when used."""
    iox2.set_log_level(iox2.LogLevel.Error)
    names = [f"questv-{os.getpid()}-{way}" for way in ("there", "back")]
    ends: dict[str, Any] = {}

    def open_ends(out: str, back: str) -> tuple[Any, Any]:
        if not ends:
            node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
            services = {
                name: node.service_builder(iox2.ServiceName.new(name))
                .publish_subscribe(ctypes.c_uint64)
                .open_or_create()
                for name in names
            }
            ends["node"] = node
            ends["out"] = services[out].publisher_builder().create()
            ends["back"] = services[back].subscriber_builder().create()
            deadline = time.monotonic() + _PATIENCE
            while any(_subscribers(service) == 0 for service in services.values()):
                assert time.monotonic() < deadline, "iceoryx2: the other side does not come"
        return ends["out"], ends["back"]

    def send(publisher: Any, number: int) -> None:
        publisher.loan_uninit().write_payload(ctypes.c_uint64(number)).send()

    def receive(subscriber: Any) -> int:
        deadline = time.monotonic() + _PATIENCE
        while (sample := subscriber.receive()) is None:
            assert time.monotonic() < deadline, "iceoryx2: nothing comes"
        return int(sample.payload().contents.value)

    def ask(first: int, count: int) -> bool:
        publisher, subscriber = open_ends(*names)
        for number in range(first, first + count):
            send(publisher, number)
            if receive(subscriber) != number:
                return False
        return True

    def answer(first: int, count: int) -> None:
        publisher, subscriber = open_ends(*names[::-1])
        for _ in range(count):
            send(publisher, receive(subscriber))

    return Way("iceoryx2, polled, from Python", ask, answer, _SLOW_TRIPS)


# ---- what is measured --------------------------------------------------------------------------


def round_trips() -> Iterator[Result]:
    """Times of each way's round trips, and ratios to the bare word's of the same turn."""
    jit = Jit(loops, checks=False)
    memory = _Memory(32 * _PAGE)
    ways = [*_channel_ways(jit, memory), *_file_ways(jit), *_python_ways()]
    samples: dict[str, list[float]] = {way.name: [] for way in ways}
    first = 1
    with _other_side([way.answer for way in ways]) as other:
        for _ in range(_ROUNDS * _TURNS):
            for which, way in enumerate(ways):
                samples[way.name].append(_turn(other, ways, which, first))
            first += _TRIES * (_TRIPS + 1)
    for way in ways:
        times = samples[way.name]
        yield summarize(f"native round trip, {way.name}", "wall", "ns", times)
        if way.name != _WORD:
            ratios = _ratios(times, samples[_WORD])
            name = f"native round trip, {way.name}, over the bare word"
            yield summarize(name, "ratio", "", ratios, GOAL if way.name in _CHANNELS else None)


def _ratios(values: list[float], floors: list[float]) -> list[float]:
    """For each round the ratio of the medians of its turns."""
    rounds = [slice(start, start + _TURNS) for start in range(0, len(values), _TURNS)]
    return [statistics.median(values[each]) / statistics.median(floors[each]) for each in rounds]


def throughput() -> Iterator[Result]:
    """Bytes a second through a ring, each copied in and out, and of one memcpy of as many."""
    jit = Jit(loops, checks=False)
    memory = _Memory(2 * _BIG_RING_SIZE)
    producer, consumer = _ring(memory, _BIG_RING_SIZE)
    buffers = bytearray(os.urandom(_BIG_RING_SIZE)), bytearray(_BIG_RING_SIZE)
    ways = [
        Way(
            f"ring, messages of {length // 1024} KiB",
            lambda _, count, length=length: jit[loops.push](producer, buffers[0], length, count),
            lambda _, count, length=length: jit[loops.pull](consumer, buffers[1], length, count),
            _BYTES // length,
        )
        for length in _LENGTHS
    ]
    rates: dict[str, list[float]] = {way.name: [] for way in ways}
    copies: dict[int, list[float]] = {length: [] for length in _LENGTHS}
    with _other_side([way.answer for way in ways]) as other:
        for _ in range(_ROUNDS * _TURNS):
            for which, (way, length) in enumerate(zip(ways, _LENGTHS, strict=True)):
                copies[length].append(length / _copy_time(jit, *buffers, length))
                rates[way.name].append(length / _turn(other, ways, which, 0))
    for way, length in zip(ways, _LENGTHS, strict=True):
        yield summarize(f"native throughput, {way.name}", "wall", "GB/s", rates[way.name])
        name = f"native throughput, memcpy of {length // 1024} KiB"
        yield summarize(name, "wall", "GB/s", copies[length])
        ratios = _ratios(rates[way.name], copies[length])
        yield summarize(f"native throughput, {way.name}, over memcpy", "ratio", "", ratios)


_MEMCPY = ctypes.cast(ctypes.CDLL(None).memcpy, ctypes.c_void_p).value


def _copy_time(jit: Jit, to: bytearray, source: bytearray, length: int) -> float:
    """Nanoseconds of C's memcpy on one core, from and to memory as large as the ring's."""
    addresses = [ctypes.addressof(ctypes.c_char.from_buffer(each)) for each in (to, source)]
    count = len(source) // length
    start = time.perf_counter_ns()
    jit[loops.copy_with](_MEMCPY, *addresses, length, count)
    return (time.perf_counter_ns() - start) / count


def native() -> Iterator[Result]:
    """Both."""
    yield from round_trips()
    yield from throughput()
