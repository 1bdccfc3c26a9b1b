"""Memory of the two sides of a channel in this process, as nested page tables would have it.

Each stretch is mapped twice: its owner can write it, the other side can only read it. Whoever
steps over an end hits a page that nobody may touch, on the side where the stretch is flush with
a page, or bytes that are looked at when all is over.
"""

from __future__ import annotations

import ctypes
import mmap
import os

from questv.channel import four_slot, ring
from questv.channel.four_slot import Reader, ReaderArea, Writer, WriterArea
from questv.channel.ring import Consumer, Producer
from questv.channel.sleep import Area
from questv.metal.structs import Struct, offsetof, sizeof

PAGE = mmap.PAGESIZE
UNTOUCHED = 0xA5
_PROT_NONE, _MAP_FIXED = 0, 0x10
_FAILED = 2**64 - 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_size_t
_libc.mmap.argtypes = [ctypes.c_size_t, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_size_t]
_libc.munmap.argtypes = [ctypes.c_size_t, ctypes.c_size_t]


def _map(at: int, size: int, protection: int, flags: int, file: int) -> int:
    address: int = _libc.mmap(at, size, protection, flags, file, 0)
    if address == _FAILED:
        raise OSError(ctypes.get_errno(), "mmap failed")
    return address


class Stretch:
    """``size`` bytes of zeros; they end with their last page, or begin with the first."""

    def __init__(self, size: int, *, at_end: bool = True) -> None:
        self.size = size
        self._length = -(-size // PAGE) * PAGE
        self._start = self._length - size if at_end else 0
        self._file = os.memfd_create("area")
        os.ftruncate(self._file, self._length)
        writable = self._map_guarded(mmap.PROT_READ | mmap.PROT_WRITE)
        readable = self._map_guarded(mmap.PROT_READ)
        self._mapped = (writable, readable)
        ctypes.memset(writable, UNTOUCHED, self._length)
        self.own, self.peer = writable + self._start, readable + self._start
        """Where the owner has it, and where the other side has it."""
        ctypes.memset(self.own, 0, size)

    def _map_guarded(self, protection: int) -> int:
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        around = _map(0, self._length + 2 * PAGE, _PROT_NONE, private, -1)
        return _map(
            around + PAGE, self._length, protection, mmap.MAP_SHARED | _MAP_FIXED, self._file
        )

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes of it."""
        assert 0 <= offset <= offset + length <= self.size
        return ctypes.string_at(self.own + offset, length)

    def write(self, offset: int, contents: bytes) -> None:
        """Overwrite some bytes of it."""
        assert 0 <= offset <= offset + len(contents) <= self.size
        ctypes.memmove(self.own + offset, contents, len(contents))

    def close(self) -> None:
        """Check that nothing around it was written, and let go of it."""
        whole = ctypes.string_at(self._mapped[0], self._length)
        outside = whole[: self._start] + whole[self._start + self.size :]
        for address in self._mapped:
            _libc.munmap(address - PAGE, self._length + 2 * PAGE)
        os.close(self._file)
        assert set(outside) <= {UNTOUCHED}, "written outside of the area"


class Channel:
    """What both kinds of channels have: stretches, and words in them that tests set."""

    def __init__(self, sending: type[Struct], receiving: type[Struct], data: Stretch) -> None:
        self.sending, self.receiving = Stretch(sizeof(sending)), Stretch(sizeof(receiving))
        self.data = data

    def say(self, area: Stretch, offset: int, value: int, size: int = 8) -> None:
        """Overwrite a word of an area, whoever's it is."""
        area.write(offset, (value % 2 ** (8 * size)).to_bytes(size, "little"))

    def said(self, area: Stretch) -> int:
        """The position in an area."""
        return int.from_bytes(area.read(0, 8), "little")

    def close(self) -> None:
        """Check that nothing but the areas was written, and let go of them."""
        for stretch in (self.sending, self.receiving, self.data):
            stretch.close()


class RingChannel(Channel):
    """A ring of ``size`` bytes, both of whose ends begin at ``position``."""

    def __init__(self, size: int, position: int = 0, *, at_end: bool = True) -> None:
        super().__init__(
            Area, Area, Stretch(ring.area_size(size) - ring.DATA_OFFSET, at_end=at_end)
        )
        self.size = size
        place = position % self.data.size
        self.producer = Producer(
            own=self.sending.own,
            peer=self.receiving.peer,
            data=self.data.own,
            end=self.data.own + self.data.size,
            size=size,
            cursor=self.data.own + place,
            origin=(self.data.own + place - position) % 2**64,
            head=position,
        )
        self.consumer = Consumer(
            own=self.receiving.own,
            peer=self.sending.peer,
            data=self.data.peer,
            end=self.data.peer + self.data.size,
            cursor=self.data.peer + place,
            next=self.data.peer + place,
            origin=(self.data.peer + place - position) % 2**64,
        )
        self.say(self.receiving, 0, position)

    @property
    def sent(self) -> int:
        """The position up to which the producer has written."""
        return (self.producer.cursor - self.producer.origin) % 2**64

    @property
    def received(self) -> int:
        """The position up to which the consumer has read."""
        return (self.consumer.cursor - self.consumer.origin) % 2**64

    @property
    def largest(self) -> int:
        """The longest message."""
        return self.size // 2 - ring.HEADER


class Register(Channel):
    """A four-slot register for values of ``size`` bytes."""

    def __init__(self, size: int, *, at_end: bool = True) -> None:
        self.size, self.stride = size, -(-size // 64) * 64
        super().__init__(WriterArea, ReaderArea, Stretch(4 * self.stride, at_end=at_end))
        self.writer = Writer(
            own=self.sending.own,
            peer=self.receiving.peer,
            size=size,
            places=[self.data.own + slot * self.stride for slot in range(4)],
        )
        self.reader = Reader(
            own=self.receiving.own,
            peer=self.sending.peer,
            size=size,
            places=[self.data.peer + slot * self.stride for slot in range(4)],
            news=four_slot.FIRST_NEWS,
        )

    @property
    def published(self) -> int:
        """The number of the newest value, as the writer's area says."""
        offset = offsetof(WriterArea, "latest")
        return int.from_bytes(self.sending.read(offset, 8), "little") // 2
