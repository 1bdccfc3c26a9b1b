"""How a task goes from one kernel to another: one word says who has it, and luggage goes with it.

All kernels that a task can be in share one page for that, and the task's own memory. The word is
changed by compare-and-swap alone, and each change has a number of its own, so that of two kernels
that want to change it one does. The kernel that holds the task writes the luggage, offers the task
to one other, and touches neither any more: from that one store on the task is complete in shared
memory, whatever becomes of the kernel that it left. The other takes it, or refuses it, or the first
takes it back::

                offer                    take
    held by A --------> offered by A -----------> held by B
        ^                to B   |
        +-----------------------+
           take_back (by A), refuse (by B)

So at any moment exactly one kernel may run the task: its holder, and while it is offered nobody.
A kernel that fails takes along the tasks that it holds. A task that was offered it does not: the
other takes it; and if the other fails first, the one that offered it takes it back.

A kernel that was taken over can write anything here. It can ruin the tasks that it shares, and no
more: what is read here is copied once, and checked before it is used.
"""

from __future__ import annotations

from enum import IntEnum

from questv.arch.x86.paging import PAGE_SIZE
from questv.kernel.floats import FloatState
from questv.kernel.servers import REPLENISHMENTS, Replenishment
from questv.metal.lang import (
    ACQ_REL,
    ACQUIRE,
    RELAXED,
    Array,
    Atomic,
    Ptr,
    Shared,
    addr,
    metal,
    u8,
    u32,
    u64,
)
from questv.metal.structs import Struct, at, sizeof, width

MAX_PLACES = 4
"""Kernels that a task can be in. A place is an index among them; 0 is the task's own kernel."""


@width(u8)
class Holding(IntEnum):
    """How far the place in the word has the task."""

    HELD = 0
    OFFERED = 1  # to another place
    ENDED = 2  # there is no such task any more


# The word: the holder's place in byte 0, to whom it is offered in byte 1, ``Holding`` in byte 2,
# and from bit 24 on the number of changes so far. Zero: the task's own kernel has it.
_NUMBER_SHIFT = 24


@metal(inline=True)
def holder(word: u64) -> u64:
    """The place of who has the task."""
    return word & 0xFF


@metal(inline=True)
def receiver(word: u64) -> u64:
    """The place of whom it is offered to."""
    return word >> 8 & 0xFF


@metal(inline=True)
def holding(word: u64) -> u64:
    """A ``Holding``, or what a liar wrote there."""
    return word >> 16 & 0xFF


@metal(inline=True)
def is_held(word: u64, place: u64) -> bool:
    """Whether this place has the task, and offers it to nobody."""
    return holder(word) == place and holding(word) == u64(Holding.HELD)


@metal(inline=True)
def is_offered_by(word: u64, place: u64) -> bool:
    """Whether this place offers the task."""
    return holder(word) == place and holding(word) == u64(Holding.OFFERED)


@metal(inline=True)
def is_offered_to(word: u64, place: u64) -> bool:
    """Whether the task is offered to this place."""
    return receiver(word) == place and holding(word) == u64(Holding.OFFERED)


@metal(inline=True)
def has_ended(word: u64) -> bool:
    """Whether the task is no more."""
    return holding(word) == u64(Holding.ENDED)


@metal
def _after(word: u64, holder: u64, receiver: u64, holding: Holding) -> u64:
    number = (word >> _NUMBER_SHIFT) + 1
    return number << _NUMBER_SHIFT | u64(holding) << 16 | receiver << 8 | holder


class Registers(Struct):
    """A process's registers while it does not run."""

    r15: u64
    r14: u64
    r13: u64
    r12: u64
    rbp: u64
    rbx: u64
    r11: u64
    r10: u64
    r9: u64
    r8: u64
    rdi: u64
    rsi: u64
    rdx: u64
    rcx: u64
    rax: u64
    rip: u64
    rflags: u64
    rsp: u64


class Luggage(Struct):
    """What goes with a task, besides its memory. Moments are in ticks since the machine's start."""

    registers: Registers  # if it was stopped in a call of its body
    floats: FloatState
    in_call: u64  # 1 if it was stopped in a call of its body, 0 if it waits for its release
    is_finishing: u64  # 1 if that call is to be the last
    release: u64  # nanoseconds since the machine's start; of that call, or else of the next
    stopped: u64  # when it was
    pieces: u64  # of its budget
    budget: Array[Replenishment, REPLENISHMENTS]


WORDS = sizeof(Luggage) // 8


class Move(Struct, size=PAGE_SIZE):
    """The page that all kernels share between which a task moves."""

    word: Atomic[u64] = at(0)
    luggage: Array[Shared[u64], WORDS] = at(64)  # a ``Luggage``


@metal
def offer(move: Move, word: u64, luggage: Luggage, to: u64) -> bool:
    """Offer the task to another place. The caller holds it, by ``word``, and has stopped it."""
    words = Ptr[u64](addr(luggage))
    for i in range(u64(WORDS)):
        move.luggage[i].store(words[i], RELAXED)
    # The luggage before the word, which lets another kernel read it.
    return _change(move, word, _after(word, holder(word), to, Holding.OFFERED))


@metal
def copy(move: Move, luggage: Luggage) -> None:
    """Copy the luggage of a task that is offered to the caller: each word is read once."""
    words = Ptr[u64](addr(luggage))
    for i in range(u64(WORDS)):
        value = move.luggage[i].load(RELAXED)
        words[i] = value


@metal
def look(move: Move) -> u64:
    """The word as it is."""
    return move.word.load(ACQUIRE)


@metal
def take(move: Move, word: u64) -> bool:
    """Take the task that is offered to the caller by ``word``; false if it is no longer."""
    return _change(move, word, _after(word, receiver(word), 0, Holding.HELD))


@metal
def give_back(move: Move, word: u64) -> bool:
    """Refuse the task that is offered to the caller, or take back what the caller offers."""
    return _change(move, word, _after(word, holder(word), 0, Holding.HELD))


@metal
def end(move: Move, word: u64) -> bool:
    """Say that the task, which the caller holds, has ended."""
    return _change(move, word, _after(word, holder(word), 0, Holding.ENDED))


@metal
def _change(move: Move, word: u64, new: u64) -> bool:
    return move.word.compare_swap(word, new, ACQ_REL) == word


class Place(Struct):
    """One of the kernels that a task can be in, as another one knows it."""

    core: u32
    vector: u32  # of the doorbell by which the kernel that has this rings it
    bell: u32  # of the doorbell by which it rings that kernel
    reserved: u32
    response: u64  # nanoseconds from a release until a call of the task is done there, at most
    service: u64  # nanoseconds until a move is looked after there, at most


class MoveStatus(Struct):
    """A kernel's counters for one task. Times are time-stamp counters of the last move."""

    sent: u64  # times that another kernel took it
    received: u64
    refused: u64  # what was offered made no sense
    returned: u64  # times that it came back since the other kernel did not take it
    deferred: u64  # looks at a request that had to wait, for the task's deadline
    asked: u64  # time: a request was found that could be met
    stopped: u64  # time: the task had stopped
    offered: u64  # time: it was offered
    seen: u64  # time: the receiver saw the offer
    taken: u64  # time: the receiver had taken it
    resumed: u64  # time: it went on
    longest: u64  # ticks from the stop of a task that came here until it could go on


class Mover(Struct):
    """What a kernel keeps of a task that moves, on a page of its own."""

    move: Ptr[Move]  # null: it does not move
    own: u64  # this kernel's place
    count: u64  # of places
    period: u64  # nanoseconds between calls of its body, 0 if it is called once
    deadline: u64  # nanoseconds
    request: Atomic[u64]  # 1 and the place where it is to go, 0: nowhere; also the host writes it
    is_ready: bool  # it has begun its life, here or elsewhere
    is_here: bool  # this kernel holds it
    is_settled: bool  # since it came it has run here
    is_waiting: bool  # it sleeps until its release
    is_inside: bool  # in its own program, or in a system call
    is_stopping: bool  # asked to stop
    is_parked: bool  # it has stopped, and its registers are in the luggage if it was inside
    is_offered: bool  # to another kernel, which has not answered
    has_ended: bool
    destination: u64  # place where it is to go
    patience: u64  # nanoseconds: when an offer is taken back
    places: Array[Place, MAX_PLACES]
    luggage: Luggage
    counters: MoveStatus
