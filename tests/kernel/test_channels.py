"""Channels between booted kernels: deadlines, messages of all sizes, back-pressure, registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.channel import ring
from questv.monitor.interface import SandboxState
from tests.monitor.test_exits import CPUS, merged
from tests.running import (
    Run,
    boot,
    four_slot_text,
    ring_text,
    sandbox_text,
    system_text,
    task_text,
)

MODES = pytest.mark.parametrize("apic", ["direct", "guarded"])
RUNS = pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])


def pair(one: str, two: str, *channels: str, apic: str = "guarded", memory: str = "512 KiB") -> str:
    keys = f'apic = "{apic}"'
    return system_text(
        sandbox_text("one", one, memory=memory, keys=keys),
        sandbox_text("two", two, memory=memory, keys=keys),
        *channels,
    )


def ended(run: Run) -> Run:
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


# ---- messages ----------------------------------------------------------------------------------

MESSAGES = """
buffer: Array[u8, 4096] = static()

@metal
def fill(room: Ptr[u8], length: u64, number: u64) -> None:
    for i in range(length):
        room[i] = u8(number * 7 + i & 0xFF)

@metal
def wrong(bytes: Ptr[u8], length: u64, number: u64) -> u64:
    count: u64 = 0
    for i in range(length):
        if bytes[i] != u8(number * 7 + i & 0xFF):
            count += 1
    return count

@metal
def length_of(number: u64, largest: u64) -> u64:
    match number % 8:
        case 0:
            return 0
        case 1:
            return largest
        case 2:
            return largest - number % 9
        case _:
            return number * 37 % (largest + 1)

@task
def send(messages: Sender, count: u64, largest: u64) -> None:
    for i in range(count):
        length = length_of(i, largest)
        if i % 2 == 0:
            fill(ptr(buffer[0]), length, i)
            assert messages.send(ptr(buffer[0]), length, FOREVER)
        else:
            fill(messages.reserve(length, FOREVER), length, i)
            messages.commit()
    # What is too long is refused at once, however long one would wait.
    assert messages.reserve(largest + 1, FOREVER).is_null()
    assert not messages.send(ptr(buffer[0]), largest + 1, FOREVER)
    assert messages.reserve(u64.MAX, FOREVER).is_null()

@task
def receive(messages: Receiver, count: u64, largest: u64, pause: u64) -> None:
    bad: u64 = 0
    total: u64 = 0
    for i in range(count):
        if pause != 0 and i % 16 == 0:
            sleep_until(now() + pause)
        length = messages.read(ptr(buffer[0]), 4096, FOREVER)
        if length != length_of(i, largest):
            bad += 1
        bad += wrong(ptr(buffer[0]), length, i)
        total += length
    log(f"{count} messages, {total} bytes, {bad} wrong")
"""
LARGEST = 4096 // 2 - 8


def length_of(number: int, largest: int) -> int:
    """The same as the function in the tasks."""
    special = {0: 0, 1: largest, 2: largest - number % 9}
    return special.get(number % 8, number * 37 % (largest + 1))


@MODES
@RUNS
def test_messages_of_all_sizes(tmp_path: Path, apic: str, deterministic: bool) -> None:
    """Through a ring that holds two of the largest, again and again; the receiver is slower."""
    count = 300
    text = pair(
        task_text("send", count=count, largest=LARGEST),
        task_text("receive", count=count, largest=LARGEST, pause=20_000),
        ring_text("messages", "one", "two"),
        apic=apic,
    )
    run = ended(boot(tmp_path, text, MESSAGES, deterministic=deterministic))
    total = sum(length_of(number, LARGEST) for number in range(count))
    assert total > 50 * 4096  # many times around the ring
    assert run["two"].lines == [f"{count} messages, {total} bytes, 0 wrong"]
    sent, received = run["one"].ends["messages"], run["two"].ends["messages"]
    for end in (sent, received):
        assert (int(end.messages), int(end.bytes)) == (count, total + ring.HEADER * count)
    if deterministic:  # the sender had to wait for room
        assert int(sent.waits) > 0
        assert merged(run) == 0


# ---- deadlines ---------------------------------------------------------------------------------

DEADLINES = """
@task
def receive(messages: Receiver, replies: Sender) -> None:
    # Nothing comes before the deadline: three times over, once with one that has passed.
    for i in range(u64(3)):
        deadline = now() + i * 100_000
        assert messages.receive(deadline).is_null()
        assert now() >= deadline and now() < deadline + 20_000
    buffer: Array[u8, 8] = local()
    assert messages.read(ptr(buffer[0]), 8, now() + 50_000) == NOTHING
    # Then something does, long before the deadline.
    replies.reserve(8, FOREVER)
    replies.commit()
    assert messages.read(ptr(buffer[0]), 8, now() + 10_000_000) == 8
    log(f"received {buffer[0]} in time")
    # No alarm of the past goes off later.
    start = now()
    assert messages.read(ptr(buffer[0]), 8, FOREVER) == 8
    log(f"received {buffer[0]} after {(now() - start) // 1_000_000} ms")

@task
def send(messages: Sender, replies: Receiver) -> None:
    assert not replies.receive(FOREVER).is_null()
    replies.done()
    sleep_until(now() + 100_000)
    messages.reserve(8, FOREVER)[0] = 17
    messages.commit()
    sleep_until(now() + 12_500_000)
    messages.reserve(8, FOREVER)[0] = 18
    messages.commit()
"""


def test_a_receiver_does_not_wait_longer(tmp_path: Path) -> None:
    text = pair(
        task_text("send"),
        task_text("receive"),
        ring_text("messages", "one", "two"),
        ring_text("replies", "two", "one"),
    )
    run = ended(boot(tmp_path, text, DEADLINES, deterministic=True))
    assert run["two"].lines == ["received 17 in time", "received 18 after 12 ms"]
    end = run["two"].ends["messages"]
    # It slept five times: until three deadlines, and for the two messages. It neither slept nor
    # announced a sleep where the deadline had passed before.
    assert (int(end.messages), int(end.waits), int(end.woken)) == (2, 5, 2)


SENDERS = """
@task
def send(messages: Sender) -> None:
    # The ring is full after three: nobody receives.
    for _ in range(u64(3)):
        messages.reserve(2040, FOREVER)
        messages.commit()
    for i in range(u64(3)):
        deadline = now() + i * 100_000
        assert messages.reserve(2040, deadline).is_null()
        assert now() >= deadline and now() < deadline + 20_000
    log("full")
    assert not messages.reserve(2040, now() + 10_000_000).is_null()
    messages.commit()
    log("sent")

@task
def receive(messages: Receiver) -> None:
    sleep_until(now() + 2_000_000)
    for _ in range(u64(4)):
        assert not messages.receive(FOREVER).is_null()
        assert messages.length() == 2040
        messages.done()
    assert messages.receive(now() + 100_000).is_null()
    log("received")
"""


def test_a_sender_does_not_wait_longer(tmp_path: Path) -> None:
    text = pair(
        task_text("send"),
        task_text("receive"),
        ring_text("messages", "one", "two"),
    )
    run = ended(boot(tmp_path, text, SENDERS, deterministic=True))
    assert run["one"].lines == ["full", "sent"]
    assert run["two"].lines == ["received"]
    assert int(run["one"].ends["messages"].messages) == 4


OVERTAKEN = """
@metal
def check(late: bool) -> None:
    # The other side did its part at 3.5 ms, and a more urgent task had the core from 3.2 to 6 ms.
    assert now() >= 6_000_000
    assert not late

@task
def urgent() -> None:
    sleep_until(3_200_000)
    while now() < 6_000_000:
        pass

@task
def receive(messages: Receiver) -> None:
    check(messages.receive(5_000_000).is_null())
    messages.done()
    log("received")

@task
def reserve(messages: Sender) -> None:
    for _ in range(u64(3)):
        messages.reserve(2040, FOREVER)
        messages.commit()
    check(messages.reserve(2040, 5_000_000).is_null())
    log("found room")

@task
def read(values: Reader) -> None:
    check(not values.await_news(5_000_000))
    log("has news")

@task
def send(messages: Sender) -> None:
    sleep_until(3_500_000)
    messages.reserve(8, FOREVER)
    messages.commit()

@task
def make_room(messages: Receiver) -> None:
    sleep_until(3_500_000)
    for _ in range(u64(2)):
        messages.receive(FOREVER)
        messages.done()

@task
def write(values: Writer) -> None:
    sleep_until(3_500_000)
    values.begin(8)
    values.publish()
"""


@pytest.mark.parametrize(
    ("other", "waiter", "channel", "line"),
    [
        ("send", "receive", ring_text("messages", "one", "two"), "received"),
        ("make_room", "reserve", ring_text("messages", "two", "one"), "found room"),
        ("write", "read", four_slot_text("values", "one", "two", 8), "has news"),
    ],
)
def test_what_came_in_time_counts_however_late_the_task_gets_on(
    tmp_path: Path, other: str, waiter: str, channel: str, line: str
) -> None:
    waiting = task_text(waiter, 1) + task_text("urgent", 2)
    run = ended(
        boot(tmp_path, pair(task_text(other), waiting, channel), OVERTAKEN, deterministic=True)
    )
    assert run["two"].lines == [line]


POLLING = """
@task
def poll(messages: Receiver, room: Sender, values: Reader) -> None:
    while not room.reserve(2040, 0).is_null():
        room.commit()
    for _ in range(u64(100)):
        assert messages.receive(0).is_null()
        assert room.reserve(2040, now()).is_null()
        assert not values.await_news(now())
    log("nothing")

@task
def idle(messages: Sender, room: Receiver, values: Writer) -> None:
    pass
"""


def test_a_deadline_that_has_passed_makes_no_waiting(tmp_path: Path) -> None:
    """Who only looks never says that it sleeps, so nobody rings for it in vain."""
    text = pair(
        task_text("idle"),
        task_text("poll"),
        ring_text("messages", "one", "two"),
        ring_text("room", "two", "one"),
        four_slot_text("values", "one", "two", 8),
    )
    run = ended(boot(tmp_path, text, POLLING, deterministic=True))
    assert run["two"].lines == ["nothing"]
    assert {name: int(end.waits) for name, end in run["two"].ends.items()} == {
        "messages": 0,
        "room": 0,
        "values": 0,
    }


# ---- registers ---------------------------------------------------------------------------------

REGISTERS = """
value: Array[u64, 40] = static()

@task
def write(values: Writer, count: u64, pause: u64, first: u64) -> None:
    sleep_until(first)
    for i in range(u64(1), count + 1):
        room = Ptr[u64](values.begin(320))
        for j in range(u64(40)):
            room[j] = i
        values.publish()
        if pause != 0:
            sleep_until(now() + pause)

@task
def read(values: Reader, count: u64, early: u64) -> None:
    if early != 0:
        assert values.newest(320).is_null()
    last: u64 = 0
    seen: u64 = 0
    torn: u64 = 0
    while last != count:
        assert values.await_news(FOREVER)
        copy_out(Ptr[u8](ptr(value[0])), values.newest(320), 320)
        assert value[0] > last
        for j in range(u64(40)):
            if value[j] != value[0]:
                torn += 1
        last = value[0]
        seen += 1
    deadline = now() + 100_000
    assert not values.await_news(deadline)
    assert now() >= deadline
    log(f"{last} is the last, {torn} torn")
    log(f"{seen}")
"""


@MODES
@RUNS
@pytest.mark.parametrize("pause", [0, 30_000])
def test_a_register(tmp_path: Path, apic: str, deterministic: bool, pause: int) -> None:
    """The reader sees whole values, ever newer ones, and the last; none twice."""
    count = 200
    text = pair(
        task_text("write", count=count, pause=pause, first=0),
        task_text("read", count=count, early=0),
        four_slot_text("values", "one", "two", 320),
        apic=apic,
    )
    run = ended(boot(tmp_path, text, REGISTERS, deterministic=deterministic))
    line, seen = run["two"].lines
    assert line == f"{count} is the last, 0 torn"
    if deterministic and pause:  # there is time for each
        assert int(seen) == count
    assert 1 <= int(seen) <= count
    assert int(run["one"].ends["values"].messages) == count
    assert int(run["two"].ends["values"].messages) == int(seen)


def test_a_register_is_empty_before_the_first_value(tmp_path: Path) -> None:
    text = pair(
        task_text("write", count=3, pause=30_000, first=5_000_000),
        task_text("read", count=3, early=1),
        four_slot_text("values", "one", "two", 320),
    )
    run = ended(boot(tmp_path, text, REGISTERS, deterministic=True))
    assert run["two"].lines == ["3 is the last, 0 torn", "3"]


WRONG_SIZES = """
@task
def write(values: Writer) -> None:
    values.begin(320)
    log("not reached")

@task
def read(values: Reader) -> None:
    values.newest(4)
    log("not reached")
"""


def test_a_value_of_another_size_than_its_register_is_a_panic(tmp_path: Path) -> None:
    """It would run into the other slots, and be torn."""
    channel = four_slot_text("values", "one", "two", 8)
    description = pair(task_text("write"), task_text("read"), channel)
    run = boot(tmp_path, description, WRONG_SIZES)
    for name in ("one", "two"):
        assert run[name].state == SandboxState.CRASHED
        assert run[name].lines == [
            "panic: a value has another size than its register: see the channel's message"
        ]


RINGING = """
from questv.kernel import lapic

@metal
def ring_bell(to: Sender) -> None:
    lapic.send(to.wait.destination, to.wait.vector)

@task
def urgent(first: Sender, count: u64) -> None:
    for i in range(count):
        sleep_until(now() + 10_000 + i % 97 * 10)
        ring_bell(first)
    first.reserve(8, FOREVER)
    first.commit()

@task
def busy(second: Sender) -> None:
    while True:
        ring_bell(second)

@task
def listen(bells: Receiver) -> None:
    bells.receive(FOREVER)
"""


@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
def test_doorbells_of_two_tasks_go_where_each_is_to(tmp_path: Path, cpu: str) -> None:
    """The more urgent task rings at any instant of the other's ringing."""
    text = system_text(
        sandbox_text(
            "both",
            task_text("urgent", 2, count=300),
            task_text("busy", 1),
            keys='apic = "direct"',
        ),
        sandbox_text("one", task_text("listen", bells="first")),
        sandbox_text("two", task_text("listen", bells="second")),
        ring_text("first", "both", "one"),
        ring_text("second", "both", "two"),
        run='until = ["one"]',
    )
    run = ended(boot(tmp_path, text, RINGING, cpu=cpu, deterministic=True))
    assert [int(run[name].status.spurious) for name in ("one", "two")] == [0, 0]
    first, second = run["one"].ends["first"], run["two"].ends["second"]
    assert int(first.woken) + int(first.late) > 200
    assert int(second.woken) + int(second.late) > 200
