"""The attacker, and the three kernels that must not notice."""

from __future__ import annotations

from questv.api import (
    FOREVER,
    Input,
    Reader,
    Receiver,
    Sender,
    Writer,
    log,
    now,
    panic,
    sleep_until,
    task,
)
from questv.arch.x86.instructions import pause
from questv.attacks import catalogue, channels
from questv.attacks.orders import Mailbox, Orders
from questv.metal.lang import (
    RELAXED,
    Array,
    Ptr,
    Shared,
    Volatile,
    addr,
    copy,
    metal,
    static,
    u8,
    u64,
)
from questv.metal.structs import Struct

MESSAGES = 100  # unless the host wants another number
PACE = 200_000  # nanoseconds between two of them
PATIENCE = 500_000  # nanoseconds that the sink waits for an attacker before it looks around
FACTOR = 0x9E37_79B9_7F4A_7C15


# ---- the attacker ----------------------------------------------------------------------------


class Progress(Struct):
    """How far the attacker is, for the host."""

    begun: u64  # number of the orders that it has begun to carry out last
    returned: u64  # number of those that it came back from


attacker_progress: Progress = static(export="attacker_progress")
current: Orders = static()


@task
def attack(orders: Input, claims: Sender, answers: Receiver, pose: Writer, state: Reader) -> None:
    """Carry out orders, one after the other, until one says no more.

    Without a file for its input it only looks harmless.
    """
    channels.take(claims, answers, pose, state)
    if orders.length == 0:
        return
    mailbox = Ptr[Mailbox](orders.bytes)[0]
    while True:
        number = mailbox.number.read()
        if number == attacker_progress.begun:
            pause()
            continue
        copy(current, mailbox.orders)
        if current.attack == catalogue.NO_MORE:
            return
        log("attacking")
        attacker_progress.begun = number
        catalogue.perform(current)
        attacker_progress.returned = number
        log("came back")


# ---- those who work --------------------------------------------------------------------------


@task
def produce(first: Sender) -> None:
    """Send numbers, for ever."""
    number: u64 = 0
    while True:
        Ptr[u64](first.reserve(8, FOREVER))[0] = number
        first.commit()
        number += 1
        sleep_until(now() + PACE)


@task
def transform(first: Receiver, second: Sender) -> None:
    """Pass each number on, multiplied."""
    while True:
        number = Ptr[Shared[u64]](first.receive(FOREVER))[0].load(RELAXED)
        first.done()
        Ptr[u64](second.reserve(8, FOREVER))[0] = number * FACTOR
        second.commit()


class Work(Struct):
    """What the sink has done, for the host."""

    received: u64  # numbers
    right: u64  # of these
    heard: u64  # messages from the attacker
    seen: u64  # values from the attacker
    said: u64  # messages to the attacker
    shown: u64  # values to the attacker
    sum: u64  # of all bytes from the attacker
    ended: u64  # 1 when all numbers that are wanted have come


sink_work: Work = static(export="sink_work")


@task
def consume(second: Receiver, wanted: Input) -> None:
    """Check every number, until there are as many as the host wants."""
    while sink_work.received < _wanted(wanted):
        product = Ptr[Shared[u64]](second.receive(FOREVER))[0].load(RELAXED)
        second.done()
        if product == sink_work.received * FACTOR:
            sink_work.right += 1
        sink_work.received += 1
    sink_work.ended = 1
    log(f"{sink_work.right} of {sink_work.received} right")


@metal
def _wanted(wanted: Input) -> u64:
    """How many numbers the host wants; it may change its mind."""
    if wanted.length == 0:
        return MESSAGES
    return Ptr[Volatile[u64]](wanted.bytes)[0].read()


@metal
def _has_ended() -> bool:
    return Ptr[Volatile[u64]](addr(sink_work.ended))[0].read() != 0


@task
def listen(claims: Receiver) -> None:
    """Read every byte of whatever the attacker sends, and stop if that leads anywhere else."""
    ring = claims.consumer
    while not _has_ended():
        message = claims.receive(now() + PATIENCE)
        if message.is_null():
            continue
        start = u64(message)
        length = claims.length()
        if start < ring.data or start + length > ring.end or length > ring.end - ring.data:
            panic("the attacker's message is not in its ring")
        for index in range(length):
            byte = message[index].load(RELAXED)
            sink_work.sum += u64(byte)
        sink_work.heard += 1
        claims.done()


@task
def speak(answers: Sender) -> None:
    """Answer the attacker, whether or not it listens."""
    ring = answers.producer
    length: u64 = 1
    while not _has_ended():
        room = answers.reserve(length, now() + PATIENCE)
        if room.is_null():
            continue
        start = u64(room)
        if start < ring.data or start + length > ring.end:
            panic("the room for an answer is not in its ring")
        for index in range(length):
            room[index] = u8.wrap(index)
        answers.commit()
        sink_work.said += 1
        length = length % 200 + 1
        sleep_until(now() + PACE)


@task
def watch(pose: Reader, state: Writer) -> None:
    """Look at what the attacker shows, and show it something."""
    reading = pose.reader
    writing = state.writer
    while not _has_ended():
        pose.await_news(now() + PATIENCE)
        value = pose.newest(64)
        if not value.is_null():
            _require_slot(u64(value), reading.places)
            for index in range(u64(64)):
                byte = value[index].load(RELAXED)
                sink_work.sum += u64(byte)
            sink_work.seen += 1
        place = state.begin(64)
        _require_slot(u64(place), writing.places)
        Ptr[u64](place)[0] = sink_work.received
        state.publish()
        sink_work.shown += 1
        sleep_until(now() + PACE)


@metal
def _require_slot(address: u64, places: Array[u64, 4]) -> None:
    for index in range(u64(4)):
        if places[index] == address:
            return
    panic("the place of a value is none of the four")
