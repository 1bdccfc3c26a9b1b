"""A kernel's virtual memory: what is where, before it is known where it lies physically."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from questv.arch.x86.paging import PAGE_SIZE
from questv.channel import four_slot, ring
from questv.plan import addresses
from questv.plan.addresses import page_up
from questv.plan.model import StatePlan
from questv.plan.stacks import EXCEPTION_STACK, KERNEL_STACK
from questv.system.model import Channel, RingChannel

AREA_HEADER = PAGE_SIZE
"""The first page of an area; the slots of a register follow on the next."""

assert four_slot.DATA_OFFSET == AREA_HEADER

SLOTS = 4


def sender_area_size(channel: Channel) -> int:
    """Bytes of the area that the sending or writing side writes."""
    if isinstance(channel, RingChannel):
        return page_up(ring.area_size(channel.size))
    stride = -(-channel.message // 64) * 64
    return AREA_HEADER + page_up(SLOTS * stride)


def receiver_area_size(_channel: Channel) -> int:
    """Bytes of the area that the receiving or reading side writes."""
    return AREA_HEADER


@dataclass(frozen=True)
class Stack:
    """A stack's place; the page below ``bottom`` shows nothing."""

    bottom: int
    size: int

    @property
    def top(self) -> int:
        """Where the first push goes below."""
        return self.bottom + self.size


@dataclass(frozen=True)
class Stacks:
    """A kernel's stacks."""

    start: Stack
    exception: Stack
    tasks: tuple[Stack, ...]

    @property
    def all(self) -> tuple[Stack, ...]:
        """Every one, in order of address."""
        return (self.start, self.exception, *self.tasks)


def place_stacks(task_sizes: list[int]) -> Stacks:
    """Places for a kernel's stacks, a guard page below each."""
    stacks = []
    address = addresses.KERNEL_STACKS
    for size in [KERNEL_STACK, EXCEPTION_STACK, *task_sizes]:
        stacks.append(Stack(address + PAGE_SIZE, size))
        address = stacks[-1].top
    return Stacks(stacks[0], stacks[1], tuple(stacks[2:]))


def place_states(sizes: Mapping[str, int], start: int) -> tuple[StatePlan, ...]:
    """States of these names and sizes from ``start`` on, each on pages of its own, with a page of
    nothing below it."""
    states = []
    for name, size in sizes.items():
        states.append(StatePlan(name=name, address=start + PAGE_SIZE, size=size))
        start = states[-1].address + page_up(size)
    return tuple(states)


class ChannelAddresses:
    """Gives a kernel's or a process's view of areas addresses, a guard page between any two."""

    def __init__(self, start: int) -> None:
        """Nothing is placed yet; the first address is ``start``."""
        self._next = start

    def place(self, size: int) -> int:
        """An address for an area of ``size`` bytes."""
        address = self._next
        self._next += page_up(size) + PAGE_SIZE
        return address


def input_address(index: int) -> int:
    """Where a kernel sees its input number ``index``."""
    return addresses.KERNEL_INPUTS + index * addresses.KERNEL_INPUT_STRIDE
