"""Asks the three for their position, believes two of them, and tells the odd one out."""

from __future__ import annotations

from messages import Answer, Question

from questv.api import (
    Counter,
    Reader,
    Writer,
    copy_out,
    finish,
    log,
    log_end,
    log_part,
    now,
    periodic,
    unwatch,
    watch,
)
from questv.metal.lang import Array, Ptr, i64, local, metal, ptr, static, u8, u64
from questv.metal.structs import Struct, sizeof
from questv.voting import VOTERS, Vote

VOTES = 300
TIME_TO_ANSWER = 8_000_000
PATIENCE = 1_000_000_000
FACTOR = 0x9E37_79B9_7F4A_7C15

ONE, TWO, THREE = range(VOTERS)


class Poll(Struct):
    """The vote that goes on, and what came of those before it."""

    vote: Vote
    moved: i64
    agreed: i64  # the position at the question before
    wrong: Array[u64, VOTERS]  # for each, which of its answers was found wrong last
    missing: Array[bool, VOTERS]  # whether its last answer was wrong or did not come
    digest: u64  # of all agreed positions


poll: Poll = static()
unanimous: Counter = static()
by_two: Counter = static()
undecided: Counter = static()  # votes that had to be given more time


@periodic(period="5 ms", budget="2 ms")
def vote(
    ask_one: Writer,
    ask_two: Writer,
    ask_three: Writer,
    say_one: Reader,
    say_two: Reader,
    say_three: Reader,
) -> None:
    """Hear what was answered; when all have, or time is up, decide, and ask the next question."""
    hear(ONE, say_one)
    hear(TWO, say_two)
    hear(THREE, say_three)
    if poll.vote.number != 0:
        if not poll.vote.is_over(now()):
            return
        if not poll.vote.is_decided():
            undecided.add(1)
            poll.vote.deadline = now() + TIME_TO_ANSWER
            return
        decide()
        if poll.vote.number == VOTES:
            log(f"{u64(VOTES)} votes, position {poll.agreed}, digest {poll.digest:016x}")
            unwatch()
            finish()
            return
    watch(now() + PATIENCE)
    number = poll.vote.number + 1
    poll.moved = i64(number * number % 2001) - 1000
    poll.vote.ask(number, now() + TIME_TO_ANSWER)
    ask(ONE, ask_one)
    ask(TWO, ask_two)
    ask(THREE, ask_three)


@metal
def hear(who: u64, say: Reader) -> None:
    """Take the newest answer of one of the three."""
    answer: Answer = local()
    newest = say.newest(sizeof(Answer))
    if not newest.is_null():
        copy_out(Ptr[u8](ptr(answer)), newest, sizeof(Answer))
        poll.vote.hear(who, answer.number, u64.wrap(answer.position))


@metal
def decide() -> None:
    """Take what the majority says for true, and find out who differs."""
    poll.agreed = i64.wrap(poll.vote.answer())
    poll.digest = (poll.digest ^ poll.vote.answer()) * FACTOR
    alike: u64 = 0
    for who in range(u64(VOTERS)):
        if poll.vote.is_odd(who):
            poll.wrong[who] = poll.vote.number
            tell(who, "is the odd one out")
        elif poll.vote.is_silent(who):
            if not poll.missing[who]:
                tell(who, "is silent")
        else:
            alike += 1
            if poll.missing[who]:
                tell(who, "is back")
        poll.missing[who] = poll.vote.is_odd(who) or poll.vote.is_silent(who)
    if alike == VOTERS:
        unanimous.add(1)
    else:
        by_two.add(1)


@metal
def tell(who: u64, what: str) -> None:
    """Write a line on one of the three."""
    match who:
        case 0:
            log_part("one")
        case 1:
            log_part("two")
        case _:
            log_part("three")
    log_part(f" {what}, vote {poll.vote.number}")
    log_end()


@metal
def ask(who: u64, to: Writer) -> None:
    """Put the question to one of the three, and tell it what was wrong with its answers."""
    question = Ptr[Question](to.begin(sizeof(Question)))[0]
    question.number = poll.vote.number
    question.moved = poll.moved
    question.agreed = poll.agreed
    question.wrong = poll.wrong[who]
    to.publish()
