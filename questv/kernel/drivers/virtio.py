"""Virtio devices behind memory-mapped registers, and their queues (Virtio 1.2, 2.7 and 4.2).

A queue is three tables in memory that driver and device share. The driver lends the device buffers:
a descriptor says where one is, and the driver's ring names the descriptor. The device gives it back
in a ring of its own. What the device writes there is taken as that of a hostile party.
"""

from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import (
    ACQUIRE,
    RELAXED,
    RELEASE,
    SEQ_CST,
    Array,
    Ptr,
    Register,
    Shared,
    asm,
    metal,
    u16,
    u32,
    u64,
)
from questv.metal.structs import Struct, at, offsetof, sizeof, width

DESCRIPTORS = 4
"""How many each queue has: a power of two."""

MAGIC = int.from_bytes(b"virt", "little")
VERSION = 2  # 1 is that of before Virtio 1.0

_ACKNOWLEDGE, _DRIVER, _DRIVER_OK, _FEATURES_OK = 1, 2, 4, 8  # the device's status (2.1)
_VERSION_1 = 32  # the number of the feature (6)
_PATIENCE = 1 << 20  # looks at a device that is being reset

DEVICE_READS, DEVICE_WRITES = 0, 2  # a descriptor's flags (2.7.5)
_NO_INTERRUPT = 1  # a flag of the driver's ring (2.7.6)


class Registers(Struct, size=0x200):
    """A device's registers (4.2.2)."""

    magic: Register[u32] = at(0x000)
    version: Register[u32] = at(0x004)
    device: Register[u32] = at(0x008)  # what kind it is
    device_features: Register[u32] = at(0x010)
    device_features_word: Register[u32] = at(0x014)
    driver_features: Register[u32] = at(0x020)
    driver_features_word: Register[u32] = at(0x024)
    queue: Register[u32] = at(0x030)  # the one that those below are about
    queue_largest: Register[u32] = at(0x034)
    queue_size: Register[u32] = at(0x038)
    queue_ready: Register[u32] = at(0x044)
    queue_notify: Register[u32] = at(0x050)
    interrupt_status: Register[u32] = at(0x060)
    interrupt_acknowledge: Register[u32] = at(0x064)
    status: Register[u32] = at(0x070)
    queue_descriptors: Register[u32] = at(0x080)
    queue_descriptors_high: Register[u32] = at(0x084)
    queue_driver: Register[u32] = at(0x090)
    queue_driver_high: Register[u32] = at(0x094)
    queue_device: Register[u32] = at(0x0A0)
    queue_device_high: Register[u32] = at(0x0A4)


class Descriptor(Struct):
    """A buffer (2.7.5)."""

    address: u64  # physical
    length: u32  # bytes
    flags: u16
    next: u16  # of a chain, which none here has


class DriverRing(Struct):
    """The descriptors that the driver lends (2.7.6)."""

    flags: Shared[u16]
    index: Shared[u16]  # how many it has ever lent; the next goes to the entry at % DESCRIPTORS
    entries: Array[u16, DESCRIPTORS]


class Returned(Struct):
    """A descriptor that is given back."""

    descriptor: Shared[u32]
    length: Shared[u32]  # bytes that the device has written


class DeviceRing(Struct):
    """The descriptors that the device gives back (2.7.8)."""

    flags: Shared[u16]
    index: Shared[u16]  # how many it has ever given back
    entries: Array[Returned, DESCRIPTORS]


class Rings(Struct, size=128):
    """All that a queue shares with its device, on a boundary of 16 bytes."""

    descriptors: Array[Descriptor, DESCRIPTORS] = at(0)
    driver: DriverRing = at(64)
    device: DeviceRing = at(80)


assert sizeof(Descriptor) == 16
assert offsetof(DriverRing, "entries") == offsetof(DeviceRing, "entries") == 4
assert sizeof(Returned) == 8
assert offsetof(Rings, "device") % 4 == 0


@width(u32)
class Answer(IntEnum):
    """What there is in a queue."""

    NOTHING = 0
    BUFFER = 1
    NONSENSE = 2  # the device broke the rules


class Queue(Struct):
    """The driver's own side of a queue: the device has no business here."""

    rings: Ptr[Rings]
    lent: u32  # bit n: the device has descriptor n
    offered: u16  # the ring's index
    returned: u16  # how many descriptors have been taken back
    descriptor: u32  # the one that was taken back last
    length: u32  # bytes that the device has written there

    @metal
    def describe(self, number: u32, address: u64, length: u32, flags: u16) -> None:
        """Say where a buffer is, physically, and who writes it.

        ``flags`` are DEVICE_READS or DEVICE_WRITES.
        """
        place = self.rings[0].descriptors[number]
        place.address = address
        place.length = length
        place.flags = flags

    @metal
    def lend(self, number: u32) -> None:
        """Lend the device a descriptor that it does not have; ``notify`` tells it."""
        ring = self.rings[0].driver
        ring.entries[self.offered % DESCRIPTORS] = u16(number)
        self.lent |= u32(1) << number
        self.offered += 1
        # Release: the device sees the buffer, its descriptor and the entry before the index.
        ring.index.store(self.offered, RELEASE)

    @metal
    def take(self) -> Answer:
        """Take back a descriptor that the device is done with: ``descriptor`` and ``length``.

        NONSENSE if what the device says can't be; nothing of it is believed then.
        """
        ring = self.rings[0].device
        # Acquire: we see the entry, and what is in the buffer, as of when the index was written.
        index = ring.index.load(ACQUIRE)
        if index == self.returned:
            return Answer.NOTHING
        entry = ring.entries[self.returned % DESCRIPTORS]
        descriptor = entry.descriptor.load(RELAXED)
        length = entry.length.load(RELAXED)
        if index - self.returned > DESCRIPTORS or descriptor >= DESCRIPTORS:
            return Answer.NONSENSE
        if self.lent & u32(1) << descriptor == 0:
            return Answer.NONSENSE
        self.lent &= ~(u32(1) << descriptor)
        self.returned += 1
        self.descriptor = descriptor
        self.length = length
        return Answer.BUFFER

    @metal
    def let_interrupt(self, wanted: bool) -> None:
        """Whether the device shall interrupt when it gives a descriptor back.

        What it gave back before it could know of the wish is seen by a ``take`` that follows.
        """
        # Sequential: with a mere release our look at the device's index could come before this.
        self.rings[0].driver.flags.store(0 if wanted else _NO_INTERRUPT, SEQ_CST)


@metal
def reset(registers: Registers, kind: u32) -> bool:
    """Reset a device; false if there is none of this kind, or it stays as it is."""
    if registers.magic.read() != MAGIC or registers.version.read() != VERSION:
        return False
    if registers.device.read() != kind:
        return False
    registers.status.write(0)
    for _ in range(u32(_PATIENCE)):
        if registers.status.read() == 0:
            return True
        asm("pause", None, "")
    return False


@metal
def agree(registers: Registers, features: u32) -> bool:
    """After a reset: agree on ``features``, of the first 32, and on Virtio 1 (3.1.1)."""
    registers.status.write(_ACKNOWLEDGE)
    registers.status.write(_ACKNOWLEDGE | _DRIVER)
    if not _offers(registers, 0, features) or not _offers(registers, 1, 1 << _VERSION_1 - 32):
        return False
    registers.driver_features_word.write(0)
    registers.driver_features.write(features)
    registers.driver_features_word.write(1)
    registers.driver_features.write(1 << _VERSION_1 - 32)
    registers.status.write(_ACKNOWLEDGE | _DRIVER | _FEATURES_OK)
    return registers.status.read() & _FEATURES_OK != 0


@metal
def _offers(registers: Registers, word: u32, features: u32) -> bool:
    registers.device_features_word.write(word)
    return registers.device_features.read() & features == features


@metal
def add_queue(
    registers: Registers, number: u32, queue: Queue, rings: Ptr[Rings], physical: u64
) -> bool:
    """Set up a queue whose ``rings``, all zero, are at ``physical`` (4.2.3.2)."""
    queue.rings = rings
    queue.lent = 0
    queue.offered = 0
    queue.returned = 0
    registers.queue.write(number)
    if registers.queue_ready.read() != 0 or registers.queue_largest.read() < DESCRIPTORS:
        return False
    driver = physical + offsetof(Rings, "driver")
    device = physical + offsetof(Rings, "device")
    registers.queue_size.write(DESCRIPTORS)
    registers.queue_descriptors.write(u32.wrap(physical))
    registers.queue_descriptors_high.write(u32(physical >> 32))
    registers.queue_driver.write(u32.wrap(driver))
    registers.queue_driver_high.write(u32(driver >> 32))
    registers.queue_device.write(u32.wrap(device))
    registers.queue_device_high.write(u32(device >> 32))
    registers.queue_ready.write(1)
    return True


@metal
def begin(registers: Registers) -> None:
    """From now on the device works."""
    registers.status.write(_ACKNOWLEDGE | _DRIVER | _FEATURES_OK | _DRIVER_OK)


@metal
def notify(registers: Registers, number: u32) -> None:
    """Tell the device that it has been lent descriptors of a queue."""
    registers.queue_notify.write(number)


@metal
def acknowledge(registers: Registers) -> None:
    """The device has interrupted: let its line fall (4.2.2).

    What it gives back afterwards raises the line again, so look into the queues after this.
    """
    registers.interrupt_acknowledge.write(registers.interrupt_status.read())
