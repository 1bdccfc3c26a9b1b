"""A kernel's virtual memory: what is where, before it is known where it lies physically."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from questv.arch.x86.paging import PAGE_SIZE
from questv.channel import four_slot, ring
from questv.kernel.states import SAVE_SLOTS, slot_size
from questv.plan import addresses
from questv.plan.addresses import page_up
from questv.plan.model import KeptPlan, StatePlan
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


@dataclass(frozen=True)
class StateShape:
    """What is known of a state: its bytes, and its version if it survives."""

    size: int
    version: int | None


class StatePlaces:
    """Gives a kernel's or a process's states addresses, each on pages of its own.

    Likewise the slots of those that survive; below each is a page of nothing.
    """

    def __init__(self, start: int) -> None:
        """Nothing is placed yet; all lies from ``start`` on."""
        self._next = start
        self.kept = 0
        """How many of them survive."""

    def place(self, shapes: Mapping[str, StateShape]) -> tuple[StatePlan, ...]:
        """States of these names and shapes."""
        return tuple(self._place(name, shape) for name, shape in shapes.items())

    def _place(self, name: str, shape: StateShape) -> StatePlan:
        address = self._take(shape.size)
        kept = None
        if shape.version is not None:
            size = SAVE_SLOTS * slot_size(shape.size)
            kept = KeptPlan(
                index=self.kept, version=shape.version, slots=self._take(size), size=size
            )
            self.kept += 1
        return StatePlan(name=name, address=address, size=shape.size, kept=kept)

    def _take(self, size: int) -> int:
        address = self._next + PAGE_SIZE
        self._next = address + page_up(size)
        return address


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
