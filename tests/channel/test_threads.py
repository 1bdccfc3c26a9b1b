"""Two threads of this machine at the ends of a channel, as fast as they can, or one that lies."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from questv.metal.isolate import isolated
from questv.metal.jit import Jit

from . import crowd
from .areas import Register, RingChannel, Stretch

PATIENCE = 200
"""Looks in vain until another thread may run."""
TURNS, WRITES = 500, 2000
"""What a thread does until it looks whether it is over."""
STEPS = 20
"""How often a thread must have had its turn against another one."""
SECONDS = 300.0


def to_the_end(step: Callable[[int], int], start: int, end: int) -> None:
    """Call ``step`` with how far it came, until it came to the end."""
    deadline = time.monotonic() + SECONDS
    at = start
    while at != end:
        before, at = at, step(at)
        if at == before:
            os.sched_yield()
        assert time.monotonic() < deadline, f"stuck at {at}"


def together(*threads: Callable[[], object]) -> None:
    """Run functions at the same time; raises what one of them raised."""
    with ThreadPoolExecutor(len(threads)) as pool:
        for future in [pool.submit(thread) for thread in threads]:
            future.result()


def against(step: Callable[[int], int], start: int, run: Callable[[], bool]) -> int:
    """Call ``step`` with how far it came, until another thread's ``run`` has had enough of it."""
    over, at, steps = threading.Event(), start, 0

    def other() -> None:
        try:
            deadline = time.monotonic() + SECONDS
            while not run() or steps < STEPS:
                os.sched_yield()
                assert time.monotonic() < deadline, "it never has enough"
        finally:
            over.set()

    with ThreadPoolExecutor(1) as pool:
        other_thread = pool.submit(other)
        while not over.is_set():
            at, steps = step(at), steps + 1
            os.sched_yield()
        other_thread.result()
    return at


# ---- both sides are honest -------------------------------------------------------------------


def ring_traffic(jit: Jit, size: int, position: int, messages: int) -> None:
    channel = RingChannel(size, position)
    send, receive = jit[crowd.send], jit[crowd.receive]
    together(
        lambda: to_the_end(lambda n: send(channel.producer, n, messages, PATIENCE), 0, messages),
        lambda: to_the_end(
            lambda n: receive(channel.consumer, size, n, messages, PATIENCE), 0, messages
        ),
    )
    assert channel.producer.violations == 0
    assert channel.sent == channel.received == channel.said(channel.receiving) != position
    channel.close()


@pytest.mark.parametrize(("size", "messages"), [(64, 5_000), (4096, 100_000)])
def test_messages_arrive(jit: Jit, size: int, messages: int) -> None:
    isolated(ring_traffic)(jit, size, 2**64 - 8 * size, messages)


@pytest.mark.long
@pytest.mark.parametrize("size", [64, 256, 4096])
def test_many_messages_arrive(jit: Jit, size: int) -> None:
    isolated(ring_traffic, timeout=600)(jit, size, 2**64 - 8 * size, 3_000_000)


def register_traffic(jit: Jit, size: int, enough: int) -> None:
    """Write until enough different values have been read; the last one is read in the end."""
    register, seen = Register(size), crowd.Seen()

    def write(first: int) -> int:
        jit[crowd.write](register.writer, first, first + WRITES)
        return first + WRITES

    def read() -> bool:
        jit[crowd.read](register.reader, seen, TURNS)
        return seen.values > enough

    last = against(write, 1, read) - 1
    jit[crowd.read](register.reader, seen, 1)
    assert seen.last == register.published == last
    register.close()


@pytest.mark.parametrize("size", [16, 512])
def test_values_are_whole_and_no_older(jit: Jit, size: int) -> None:
    isolated(register_traffic)(jit, size, 3_000)


@pytest.mark.long
@pytest.mark.parametrize("size", [16, 64, 512, 4096])
def test_many_values_are_whole_and_no_older(jit: Jit, size: int) -> None:
    isolated(register_traffic, timeout=600)(jit, size, 300_000)


# ---- one side is hostile ---------------------------------------------------------------------


def under_fire(
    jit: Jit, targets: list[Stretch], area: Stretch, span: int, run: Callable[[], bool]
) -> None:
    """Scribble over stretches while ``run`` is called until it has had enough.

    The lies depend on how far the victim says it is in its ``area``.
    """

    def scribble(seed: int) -> int:
        for target in targets:
            seed = jit[crowd.scribble](target.own, target.size // 8, area.own, span, seed)
        return seed

    against(scribble, 1, run)


def against_a_lying_producer(jit: Jit, size: int, enough: int) -> None:
    channel = RingChannel(size)
    consumer, to, seen = channel.consumer, bytearray(size), 0

    def run() -> bool:
        nonlocal seen
        seen += jit[crowd.drain](consumer, to, size, TURNS)
        return seen > enough // 10 and consumer.violations > enough

    under_fire(jit, [channel.data], channel.receiving, size, run)
    channel.close()


@pytest.mark.parametrize("size", [64, 4096])
def test_a_lying_producer_does_no_harm(jit: Jit, size: int) -> None:
    isolated(against_a_lying_producer)(jit, size, 100)


def against_a_lying_consumer(jit: Jit, size: int, enough: int) -> None:
    channel = RingChannel(size)
    producer, sent = channel.producer, 0

    def run() -> bool:
        nonlocal sent
        sent += jit[crowd.flood](producer, channel.sending.own, TURNS)
        return sent > enough and producer.violations > enough

    under_fire(jit, [channel.receiving], channel.sending, size, run)
    channel.close()


@pytest.mark.parametrize("size", [64, 4096])
def test_a_lying_consumer_does_no_harm(jit: Jit, size: int) -> None:
    isolated(against_a_lying_consumer)(jit, size, 100)


def against_a_lying_writer(jit: Jit, size: int, enough: int) -> None:
    register = Register(size)
    to, news = bytearray(size), 0

    def run() -> bool:
        nonlocal news
        news += jit[crowd.look](register.reader, to, TURNS)
        return news > enough

    under_fire(jit, [register.sending], register.receiving, 64, run)
    register.close()


@pytest.mark.parametrize("size", [16, 500])
def test_a_lying_writer_does_no_harm(jit: Jit, size: int) -> None:
    isolated(against_a_lying_writer)(jit, size, 500)


def against_a_lying_reader(jit: Jit, size: int, enough: int) -> None:
    register = Register(size)
    written = 0

    def run() -> bool:
        nonlocal written
        jit[crowd.write](register.writer, written, written + TURNS)
        written += TURNS
        return written > enough

    under_fire(jit, [register.receiving], register.sending, 64, run)
    assert register.published == written
    register.close()


@pytest.mark.parametrize("size", [16, 504])
def test_a_lying_reader_does_no_harm(jit: Jit, size: int) -> None:
    isolated(against_a_lying_reader)(jit, size, 50_000)


@pytest.mark.long
@pytest.mark.parametrize(
    ("attack", "size", "enough"),
    [
        (against_a_lying_producer, 64, 3_000),
        (against_a_lying_producer, 4096, 3_000),
        (against_a_lying_consumer, 64, 3_000),
        (against_a_lying_consumer, 4096, 3_000),
        (against_a_lying_writer, 500, 30_000),
        (against_a_lying_reader, 504, 5_000_000),
    ],
)
def test_lies_do_no_harm_for_longer(
    jit: Jit, attack: Callable[[Jit, int, int], None], size: int, enough: int
) -> None:
    isolated(attack, timeout=600)(jit, size, enough)
