"""Kernels at the ends of channels that are restarted, in every execution, for small bounds.

Run with ``-s`` to see how much was explored.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from . import restarts
from .restarts import CONSUMER_LIES, PRODUCER_LIES, READER_LIES, WRITER_LIES, Scribbles
from .test_exploration import explored

# ---- rings -----------------------------------------------------------------------------------


def test_what_a_producer_sent_before_its_restart_comes_first() -> None:
    explorer = restarts.polled_ring(1, 1, dying=["producer"], mortal=True)
    report = explored("producer restarted", explorer)
    assert report.outcomes >= {((1, 101), (1, 101)), ((101,), (101,))}
    # It may have died before it knew that the message was sent, but not before it was.
    assert {sent for sent, received in report.outcomes if 1 in received} == {(1,), (1, 101)}


def test_a_restarted_consumer_receives_nothing_twice() -> None:
    explorer = restarts.polled_ring(1, 2, dying=["consumer"], mortal=True, looks=(1, 2))
    report = explored("consumer restarted", explorer)
    received = {received for _, received in report.outcomes}
    assert received >= {(1, 2), (1, 3), (2,), (3,)}  # message 1 may be lost, and message 2 too


def test_both_are_restarted() -> None:
    explorer = restarts.polled_ring(
        1, 1, dying=["producer", "consumer"], mortal=False, looks=(1, 2)
    )
    explored("both restarted", explorer)


@pytest.mark.parametrize(
    ("later_sends", "dying", "lies", "looks"),
    [
        (1, "producer", {"producer": PRODUCER_LIES}, (1, 3)),
        pytest.param(1, "consumer", {"consumer": CONSUMER_LIES}, (0, 2), marks=pytest.mark.long),
    ],
)
def test_lies_of_an_earlier_life(
    later_sends: int, dying: str, lies: Mapping[str, Scribbles], looks: tuple[int, int]
) -> None:
    explorer = restarts.polled_ring(
        1, later_sends, dying=[dying], mortal=False, lies=lies, looks=looks
    )
    explored(f"{dying} has lied", explorer)


def test_no_wake_up_is_lost_when_the_producer_is_restarted() -> None:
    explored("producer restarted, with sleep", restarts.ring(0, 1, producer=()))


@pytest.mark.long
def test_no_wake_up_is_lost_when_the_consumer_is_restarted() -> None:
    report = explored(
        "consumer restarted, with sleep", restarts.ring(0, 2, consumer=(), receives=0)
    )
    # Of what is sent after the restart the first may be lost: the producer learns of it then.
    assert {received for _, received in report.outcomes} == {(1, 2), (2,)}


@pytest.mark.long
@pytest.mark.parametrize(
    ("sends", "later_sends", "dying", "lies", "looks"),
    [
        (2, 2, ["producer"], {}, (2, 4)),
        (2, 2, ["consumer"], {}, (2, 3)),
        (1, 1, ["producer", "consumer"], {}, (1, 3)),
        (1, 1, ["producer"], {"producer": PRODUCER_LIES}, (1, 4)),
        (1, 2, ["consumer"], {"consumer": CONSUMER_LIES}, (1, 3)),
    ],
)
def test_restarted_rings_for_longer(
    sends: int,
    later_sends: int,
    dying: list[str],
    lies: Mapping[str, Scribbles],
    looks: tuple[int, int],
) -> None:
    explorer = restarts.polled_ring(
        sends, later_sends, dying=dying, mortal=True, lies=lies, looks=looks
    )
    explored(f"{' and '.join(dying)} restarted, {sends}, {later_sends}", explorer)


@pytest.mark.long
def test_no_wake_up_is_lost_when_both_are_restarted() -> None:
    explorer = restarts.ring(0, 2, producer=(), consumer=(), receives=0)
    explored("both restarted, with sleep", explorer)


@pytest.mark.long
def test_no_wake_up_is_lost_when_the_producer_is_restarted_for_longer() -> None:
    report = explored("producer restarted, with sleep, 1, 1", restarts.ring(1, 1, producer=()))
    for (begun, done), received in report.outcomes:
        assert received[-1] == 101
        assert done <= len(received) - 1 <= begun, "a message is lost"


# ---- four-slot registers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("writes", "later_writes", "dying", "lies"),
    [
        (1, 1, ["writer"], {}),
        (1, 1, ["reader"], {}),
        (1, 1, ["writer", "reader"], {}),
        pytest.param(1, 1, ["writer"], {"writer": WRITER_LIES}, marks=pytest.mark.long),
        (1, 1, ["reader"], {"reader": READER_LIES}),
    ],
)
def test_restarted_registers(
    writes: int, later_writes: int, dying: list[str], lies: Mapping[str, Scribbles]
) -> None:
    explorer = restarts.polled_register(
        writes, later_writes, (1, 2), dying=dying, mortal=True, lies=lies
    )
    explored(f"{' and '.join(dying)} restarted, {writes}, {later_writes}", explorer)


@pytest.mark.long
@pytest.mark.parametrize(
    ("writes", "later_writes", "dying", "lies"),
    [
        (2, 2, ["writer"], {}),
        (3, 1, ["writer"], {}),
        (2, 2, ["reader"], {}),
        (2, 2, ["writer", "reader"], {}),
        (1, 2, ["writer"], {"writer": WRITER_LIES}),
        (2, 1, ["reader"], {"reader": READER_LIES}),
    ],
)
def test_restarted_registers_for_longer(
    writes: int, later_writes: int, dying: list[str], lies: Mapping[str, Scribbles]
) -> None:
    test_restarted_registers(writes, later_writes, dying, lies)


def test_no_news_is_lost_when_both_are_restarted() -> None:
    report = explored("register, both restarted", restarts.register(0, 1, writer=(), reader=()))
    # Or else the reader lives on, and the writer waits for its restart.
    assert {read for _, read in report.outcomes} == {(101,), None}


@pytest.mark.long
def test_no_news_is_lost_when_the_writer_is_restarted() -> None:
    report = explored("register, writer restarted", restarts.register(1, 1, writer=()))
    assert {read[-1] for _, read in report.outcomes} == {101}


@pytest.mark.long
def test_no_news_is_lost_when_the_reader_is_restarted() -> None:
    report = explored("register, reader restarted", restarts.register(1, 1, reader=()))
    assert {read[-1] for _, read in report.outcomes if read} == {2}
