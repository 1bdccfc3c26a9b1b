"""Messages through a ring in one process, for the comparison with C."""

from __future__ import annotations

from questv.channel import ring
from questv.channel.ring import Consumer, Producer
from questv.metal.lang import RELAXED, Ptr, Shared, metal, u64


@metal
def traffic(producer: Producer, consumer: Consumer, count: u64) -> u64:
    """Send and receive ``count`` messages of 8 bytes; the sum of what was received."""
    total: u64 = 0
    for i in range(count):
        room = ring.reserve(producer, 8)
        if room.is_null():
            break
        Ptr[u64](room)[0] = i
        ring.commit(producer)
        message = ring.peek(consumer)
        if message.is_null():
            break
        value = Ptr[Shared[u64]](message)[0].load(RELAXED)
        total += value
        ring.consume(consumer)
    return total
