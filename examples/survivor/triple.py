"""What three kernels do alike: keep a position, of which they are told how it changes."""

from __future__ import annotations

from messages import Answer, Question

from questv.api import Reader, State, Writer, copy_out, log, panic, periodic
from questv.metal.lang import Ptr, i64, local, ptr, u8, u64
from questv.metal.structs import sizeof

BIT = 1 << 20


class Position(State):
    """What a kernel keeps. It is no State that survives: what it had may be what was wrong."""

    first: u64  # the number of the first question that it answered in this life; 0: none yet
    number: u64  # of the one that it answered last
    position: i64


@periodic(period="2 ms", budget="1 ms")
def track(question: Reader, answer: Writer, own: Position, corrupt_at: u64) -> None:
    """Answer if there is a new question, and give up if an earlier answer was wrong."""
    asked: Question = local()
    newest = question.newest(sizeof(Question))
    if newest.is_null():
        return
    copy_out(Ptr[u8](ptr(asked)), newest, sizeof(Question))
    if asked.number == own.number:
        return
    if own.first != 0 and own.first <= asked.wrong:
        panic("the two others agree on another position")
    if own.first == 0:
        own.first = asked.number
        log(f"from question {asked.number} on, at {asked.agreed}")
    if asked.number != own.number + 1:
        own.position = asked.agreed  # one was missed, or all before
    own.position += asked.moved
    own.number = asked.number
    if own.number == corrupt_at:
        own.position ^= BIT
        log(f"question {own.number}: a bit of the position flips")
    reply = Ptr[Answer](answer.begin(sizeof(Answer)))[0]
    reply.number = own.number
    reply.position = own.position
    answer.publish()
