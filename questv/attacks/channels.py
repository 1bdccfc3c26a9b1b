"""Attacks on the kernel at the other end of a channel, by what stands in the attacker's own side.

All of it is the attacker's to write; what it may cost the peer are messages of that channel.
"""

from __future__ import annotations

from questv.arch.x86.instructions import pause
from questv.attacks.orders import Orders
from questv.channel.ring import HEADER, SKIP, Header
from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.doorbells import ring_if_asleep
from questv.metal.lang import RELAXED, RELEASE, Ptr, Shared, metal, ptr, static, u32, u64

_SIDE = 4096 + 4096  # bytes of a side that carries values, in a register
_LITTLE = 4096  # of one that carries none
_ROUNDS = 200  # of lies, one after the other, each seen by a peer that looks now and then
_PAUSES = 300

_claims: Ptr[Sender] = static()
_answers: Ptr[Receiver] = static()
_pose: Ptr[Writer] = static()
_state: Ptr[Reader] = static()


@metal
def take(claims: Sender, answers: Receiver, pose: Writer, state: Reader) -> None:
    """Get to know the ends that the attacker has."""
    global _claims, _answers, _pose, _state
    _claims = ptr(claims)
    _answers = ptr(answers)
    _pose = ptr(pose)
    _state = ptr(state)


@metal
def _wait() -> None:
    """Give the peer a moment to look."""
    ring_if_asleep(_claims[0].wait)
    ring_if_asleep(_pose[0].wait)
    ring_if_asleep(_answers[0].wait)
    for _ in range(u64(_PAUSES)):
        pause()


@metal
def _noise(state: u64) -> u64:
    """The next of a row of numbers that look random (xorshift)."""
    state ^= state << 13
    state ^= state >> 7
    return state ^ state << 17


@metal
def _scribble(start: u64, size: u64) -> None:
    """Write noise over all of a side, for ever and as fast as the core can."""
    noise: u64 = 0x9E37_79B9_7F4A_7C15
    while True:
        for at in range(u64(0), size, 8):
            noise = _noise(noise)
            # Now and then something that could be meant: small numbers get further.
            value = noise if noise & 7 != 0 else noise >> 52
            Ptr[Shared[u64]](start + at)[0].store(value, RELAXED)


# ---- as the sender of a ring -------------------------------------------------------------------


@metal
def _fill_with_headers(taken: u32) -> None:
    """Have every place of the ring at which a header can stand say the same."""
    producer = _claims[0].producer
    for at in range(producer.data, producer.end, HEADER):
        Ptr[Header](at)[0].taken.store(taken, RELEASE)


@metal
def claim_length(orders: Orders) -> None:
    """Have the peer read past the ring, by a message that is longer than it."""
    for _ in range(u64(_ROUNDS)):
        _fill_with_headers(u32.wrap(orders.target))
        _wait()


@metal
def skip_for_ever(orders: Orders) -> None:
    """Have the peer follow skips in circles: every header of the ring leads to its start."""
    while True:
        _fill_with_headers(SKIP)
        _wait()


@metal
def send_nothing_for_ever(orders: Orders) -> None:
    """Flood the peer with messages of no length, as fast as it takes them."""
    claims = _claims[0]
    while True:
        if not claims.reserve(0, 0).is_null():
            claims.commit()


@metal
def scribble_over_ring(orders: Orders) -> None:
    """Change lengths and bytes between the peer's look at them and its use of them."""
    start = u64(_claims[0].wait.own)
    _scribble(start, _claims[0].producer.end - start)


# ---- as the receiver of one --------------------------------------------------------------------


@metal
def claim_to_have_read(orders: Orders) -> None:
    """Have the peer write over what it must not, by a position of reading that can't be."""
    for round in range(u64(_ROUNDS)):
        _answers[0].consumer.own[0].position.store(orders.target * (round + 1), RELEASE)
        _wait()


@metal
def scribble_over_position(orders: Orders) -> None:
    """Change what is said to have been read, while the peer works out how much room there is."""
    _scribble(u64(_answers[0].consumer.own), _LITTLE)


# ---- sleep and doorbells -----------------------------------------------------------------------


@metal
def claim_to_sleep(orders: Orders) -> None:
    """Have the peer ring doorbells without end, each of which costs it an exit."""
    announced: u64 = 1
    while True:
        _claims[0].wait.own[0].asleep.store(announced, RELEASE)
        _answers[0].wait.own[0].asleep.store(announced, RELEASE)
        _pose[0].wait.own[0].asleep.store(announced, RELEASE)
        _state[0].wait.own[0].asleep.store(announced, RELEASE)
        announced += 1


# ---- four-slot registers -------------------------------------------------------------------------


@metal
def claim_slots(orders: Orders) -> None:
    """Have the peer read beside the four slots, by indices that can't be."""
    own = _pose[0].writer.own[0]
    for round in range(u64(_ROUNDS)):
        own.newest[0].store(orders.target, RELAXED)
        own.newest[1].store(orders.target, RELAXED)
        own.latest.store(orders.target + round * 2, RELEASE)
        _wait()


@metal
def claim_to_read(orders: Orders) -> None:
    """Have the peer write beside the four slots, by a pair that can't be."""
    own = _state[0].reader.own[0]
    for _ in range(u64(_ROUNDS)):
        own.reading.store(u32.wrap(orders.target), RELEASE)
        _wait()


@metal
def scribble_over_slots(orders: Orders) -> None:
    """Change values and indices between the peer's look at them and its use of them."""
    _scribble(u64(_pose[0].writer.own), _SIDE)


@metal
def scribble_over_reading(orders: Orders) -> None:
    """Change what is said to be read, while the peer chooses where to write."""
    _scribble(u64(_state[0].reader.own), _LITTLE)
