"""The two sides of a channel on the abstract machine, each with its own memory and rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from questv.channel import four_slot, ring
from questv.channel.four_slot import Reader, ReaderArea, Writer, WriterArea
from questv.channel.ring import Consumer, Producer
from questv.channel.sleep import Area
from questv.metal.interpret.interpreter import Interpreter, Model
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program
from questv.metal.structs import Struct, sizeof

S = TypeVar("S", bound=Struct)

SENDING = 0x10_0000
"""Where the area of a producer or writer lies, the same for both sides."""
RECEIVING = 0x20_0000
"""Where the area of a consumer or reader lies."""

PROGRAM = Program()


@dataclass(frozen=True)
class Shape:
    """What lies in the two areas, exactly: an access to anything else is a fault."""

    sending: tuple[tuple[int, int], ...]
    receiving: tuple[tuple[int, int], ...]

    @property
    def shared(self) -> list[tuple[int, int]]:
        """All of it, as stretches (start, size)."""
        return [*self.sending, *self.receiving]


def ring_shape(size: int) -> Shape:
    """The areas of a ring of ``size`` bytes."""
    start, end = _ring(size)
    data = (start, end - start)
    return Shape(((SENDING, sizeof(Area)), data), ((RECEIVING, sizeof(Area)),))


def four_slot_shape(size: int) -> Shape:
    """The areas of a four-slot register for values of ``size`` bytes."""
    slots = [(place, size) for place in _places(size)]
    return Shape(
        ((SENDING, sizeof(WriterArea)), *slots),
        ((RECEIVING, sizeof(ReaderArea)),),
    )


class Side:
    """One side: a domain of its own that can write its own area and read the other."""

    def __init__(
        self,
        shape: Shape,
        *,
        sends: bool,
        checks: bool = True,
        models: Mapping[Any, Model] | None = None,
    ) -> None:
        self.memory = Memory()
        for area, own in ((shape.sending, sends), (shape.receiving, not sends)):
            for start, size in area:
                self.memory.map(start, bytes(size), shared=True, writable=own)
        self.domain = Interpreter(PROGRAM, self.memory, checks=checks, models=models)

    def is_shared(self, address: int) -> bool:
        """Whether it is in one of the areas."""
        return self.memory.region(address, 1).shared

    def place(self, struct: S) -> int:
        """Put a struct into private memory; its address."""
        return self.memory.reserve(bytes(struct)).start


def producer(size: int, *, written: int = 0, read: int = 0) -> Producer:
    """A producer that has written so many bytes, and knows that so many were read."""
    data, end = _ring(size)
    cursor = data + read % (end - data) + written - read
    return Producer(
        own=SENDING,
        peer=RECEIVING,
        data=data,
        end=end,
        size=size,
        cursor=cursor,
        origin=(cursor - written) % 2**64,
        head=read,
    )


def consumer(size: int, *, read: int = 0) -> Consumer:
    """A consumer that has read so many bytes."""
    data, end = _ring(size)
    cursor = data + read % (end - data)
    return Consumer(
        own=RECEIVING,
        peer=SENDING,
        data=data,
        end=end,
        cursor=cursor,
        next=cursor,
        origin=(cursor - read) % 2**64,
    )


def _ring(size: int) -> tuple[int, int]:
    """Where a ring starts and ends."""
    return SENDING + ring.DATA_OFFSET, SENDING + ring.area_size(size)


def ring_message(size: int) -> int:
    """The length of the longest messages in a ring, of which it always holds two."""
    return size // 2 - ring.HEADER


def ring_contents(size: int, messages: int, *, first: int = 1, position: int = 0) -> dict[int, int]:
    """Words of shared memory: a ring with some of its longest messages from ``position`` on.

    They are numbered from ``first``.
    """
    words = {RECEIVING: position}
    for number in range(first, first + messages):
        start = SENDING + ring.DATA_OFFSET + position + (number - first) * size // 2
        words[start] = ring.HEADER + ring_message(size)
        for place in range(start + ring.HEADER, start + size // 2, 8):
            words[place] = number
    return words


def writer(size: int) -> Writer:
    """A writer that has written nothing."""
    return Writer(
        own=SENDING,
        peer=RECEIVING,
        size=size,
        places=_places(size),
    )


def reader(size: int) -> Reader:
    """A reader that has read nothing."""
    return Reader(
        own=RECEIVING,
        peer=SENDING,
        size=size,
        places=_places(size),
        news=four_slot.FIRST_NEWS,
    )


def _places(size: int) -> list[int]:
    """Where a register's slots are."""
    return [SENDING + four_slot.DATA_OFFSET + slot * -(-size // 64) * 64 for slot in range(4)]
