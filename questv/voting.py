"""Three answer the same question, and what two of them say is the answer.

A kernel that has been corrupted may give any answer, or none in time; alone it can't be told from
one that is right. So three kernels do the same work, and a fourth asks them all, by numbers, and
compares. As long as at most one of the three lies or is silent, the answer is right, and who lied
is known. Nothing here knows how questions and answers travel.
"""

from __future__ import annotations

from questv.metal.lang import Array, metal, u64
from questv.metal.structs import Struct

VOTERS = 3


class Vote(Struct):
    """A question, and what has been answered so far. Who answers has a number, from 0.

    An answer is one number; where it is more, that is compared which all of it leads to. With zeros
    in it nothing was asked yet.
    """

    number: u64  # of the question, from 1
    deadline: u64  # the moment after which nobody is waited for
    answered: Array[bool, VOTERS]
    answers: Array[u64, VOTERS]

    @metal
    def ask(self, number: u64, deadline: u64) -> None:
        """Begin with question ``number``: nobody has answered it."""
        self.number = number
        self.deadline = deadline
        for who in range(u64(VOTERS)):
            self.answered[who] = False

    @metal
    def hear(self, who: u64, number: u64, answer: u64) -> None:
        """Take an answer of ``who`` to question ``number``.

        One to another question is passed over, and so is a second one to this: what was said once
        can't be taken back.
        """
        if number == self.number and number != 0 and not self.answered[who]:
            self.answered[who] = True
            self.answers[who] = answer

    @metal
    def is_decided(self) -> bool:
        """Whether two agree. Nothing that comes later changes that, nor what they say."""
        return self._agree(0, 1) or self._agree(0, 2) or self._agree(1, 2)

    @metal
    def is_over(self, now: u64) -> bool:
        """Whether all have answered, or the deadline has passed."""
        return now > self.deadline or (self.answered[0] and self.answered[1] and self.answered[2])

    @metal
    def answer(self) -> u64:
        """What those say who agree; only of a vote that is decided."""
        return self.answers[0] if self._agree(0, 1) else self.answers[2]

    @metal
    def is_odd(self, who: u64) -> bool:
        """Whether the two others agree, and ``who`` has said something else."""
        return self.answered[who] and self.is_decided() and self.answers[who] != self.answer()

    @metal
    def is_silent(self, who: u64) -> bool:
        """Whether ``who`` has not answered."""
        return not self.answered[who]

    @metal
    def _agree(self, one: u64, other: u64) -> bool:
        return (
            self.answered[one] and self.answered[other] and self.answers[one] == self.answers[other]
        )


__all__ = ["VOTERS", "Vote"]
