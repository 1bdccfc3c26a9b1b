"""A guard whose work is rarely long, and two chores."""

from __future__ import annotations

from questv.api import State, finish, log, periodic
from questv.metal.lang import Volatile, metal, static, u64

sink: Volatile[u64] = static()


class Rounds(State):
    """How often a task was called."""

    made: u64


@metal
def work(turns: u64) -> None:
    """Keep the core for some instructions each turn."""
    for turn in range(turns):
        sink.write(turn)


@periodic(period="2 ms", budget="100 us")
def guard(made: Rounds, rounds: u64, rare: u64, usual_work: u64, rare_work: u64) -> None:
    """Look once; each time that ``rare`` looks are over there is far more to look at."""
    made.made += 1
    work(rare_work if made.made % rare == 0 else usual_work)
    if made.made == rounds:
        finish()


@periodic(period="10 ms")
def oil(made: Rounds, rounds: u64) -> None:
    """A chore."""
    chore(made, rounds)


@periodic(period="20 ms")
def clean(made: Rounds, rounds: u64) -> None:
    """Another chore."""
    chore(made, rounds)


@metal
def chore(made: Rounds, rounds: u64) -> None:
    """Work for a while; say when it was the last time."""
    work(50_000)
    made.made += 1
    if made.made == rounds:
        log(f"done {rounds} times")
        finish()
