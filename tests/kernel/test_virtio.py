"""The driver's side of a virtio queue, against devices that keep the rules and such that do not."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from questv.kernel.drivers import virtio
from questv.kernel.drivers.virtio import DESCRIPTORS, Answer, Queue, Rings
from questv.metal.jit import Jit
from questv.metal.structs import offsetof, sizeof

DEVICE = offsetof(Rings, "device")


class Device:
    """A queue, with its rings in this process's memory, as the device writes them."""

    def __init__(self, jit: Jit, *, start: int = 0) -> None:
        self.jit = jit
        self.memory = (ctypes.c_uint8 * sizeof(Rings))()
        self.queue = Queue(offered=start, returned=start)
        self.queue.rings = ctypes.addressof(self.memory)
        self.index = start
        self.write(DEVICE + 2, start, 2)

    def write(self, offset: int, value: int, width: int) -> None:
        self.memory[offset : offset + width] = value.to_bytes(width, "little")

    def give_back(self, descriptor: int, length: int) -> None:
        entry = DEVICE + 4 + 8 * (self.index % DESCRIPTORS)
        self.write(entry, descriptor, 4)
        self.write(entry + 4, length, 4)
        self.index = (self.index + 1) % 2**16
        self.write(DEVICE + 2, self.index, 2)

    def lend(self, number: int) -> None:
        self.jit[Queue.lend](self.queue, number)

    def take(self) -> Answer:
        return Answer(self.jit[Queue.take](self.queue))


@pytest.fixture(scope="module")
def jit() -> Iterator[Jit]:
    yield Jit(virtio)


STARTS = st.sampled_from([0, 1, 2**16 - 2, 2**16 - 1])


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(start=STARTS, order=st.permutations(range(DESCRIPTORS)), turns=st.integers(1, 3))
def test_what_is_given_back_is_taken_in_order(
    jit: Jit, start: int, order: list[int], turns: int
) -> None:
    device = Device(jit, start=start)
    for turn in range(turns):
        for number in order:
            device.lend(number)
        assert device.take() is Answer.NOTHING
        for number in reversed(order):
            device.give_back(number, 100 + turn)
        for number in reversed(order):
            assert device.take() is Answer.BUFFER
            assert (int(device.queue.descriptor), int(device.queue.length)) == (number, 100 + turn)
        assert device.take() is Answer.NOTHING


def test_the_ring_shows_what_is_lent(jit: Jit) -> None:
    device = Device(jit, start=2**16 - 1)
    device.lend(2)
    device.lend(0)
    rings = Rings.view(bytes(device.memory))
    assert rings.driver.index.load(None) == 1
    assert (int(rings.driver.entries[3]), int(rings.driver.entries[0])) == (2, 0)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(start=STARTS, lent=st.sets(st.integers(0, DESCRIPTORS - 1)), ring=st.binary(min_size=36))
def test_no_lie_of_the_device_gets_a_buffer_that_it_does_not_have(
    jit: Jit, start: int, lent: set[int], ring: bytes
) -> None:
    device = Device(jit, start=start)
    for number in sorted(lent):
        device.lend(number)
    device.memory[DEVICE : DEVICE + 36] = ring[:36]
    pending = (int.from_bytes(ring[2:4], "little") - start) % 2**16
    left = set(lent)
    while (answer := device.take()) is Answer.BUFFER:
        assert pending <= DESCRIPTORS
        left.remove(int(device.queue.descriptor))
    assert (answer is Answer.NOTHING) == (len(lent) - len(left) == pending)
    assert int(device.queue.lent) == sum(1 << number for number in left)


@pytest.mark.parametrize(
    ("descriptor", "ahead"), [(DESCRIPTORS, 1), (2**32 - 1, 1), (1, 1), (0, DESCRIPTORS + 1)]
)
def test_nonsense(jit: Jit, descriptor: int, ahead: int) -> None:
    """No such descriptor; one that was not lent; and more than the ring has."""
    device = Device(jit)
    device.lend(0)
    device.give_back(descriptor, 1)
    device.write(DEVICE + 2, ahead, 2)
    assert device.take() is Answer.NONSENSE
    assert int(device.queue.lent) == 1
