"""Compiled votes against a model in plain Python, and against what three faulty kernels can do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv import voting
from questv.metal.isolate import isolated
from questv.metal.jit import Jit
from questv.voting import VOTERS, Vote

WHO = range(VOTERS)
U64 = st.integers(0, (1 << 64) - 1)
NUMBERS = st.integers(0, 2)
"""Of questions, and moments: so few that the same ones come again and again."""
ANSWER = st.integers(0, 2) | U64


@dataclass
class Model:
    number: int = 0
    deadline: int = 0
    answers: dict[int, int] = field(default_factory=dict)

    def hear(self, who: int, number: int, answer: int) -> None:
        if number == self.number and number:
            self.answers.setdefault(who, answer)

    def majority(self) -> int | None:
        for answer, count in Counter(self.answers.values()).items():
            if count >= 2:
                return answer
        return None


ASKS = st.tuples(st.just("ask"), NUMBERS, NUMBERS)
ANSWERS = st.tuples(st.just("hear"), st.sampled_from(WHO), NUMBERS, ANSWER)
STEPS = st.lists(ANSWERS | ANSWERS | ANSWERS | ASKS, max_size=30)
SAID = st.lists(st.tuples(st.integers(1, 3), ANSWER), max_size=4)


@pytest.fixture(scope="module", params=[True, False], ids=["debug", "release"])
def jit(request: pytest.FixtureRequest) -> Jit:
    return Jit(voting, checks=request.param)


def agree(jit: Jit, vote: Vote, model: Model, now: int) -> None:
    majority = model.majority()
    assert jit[Vote.is_decided](vote) == (majority is not None)
    if majority is not None:
        assert jit[Vote.answer](vote) == majority
    assert jit[Vote.is_over](vote, now) == (len(model.answers) == VOTERS or now > model.deadline)
    for who in WHO:
        odd = majority is not None and model.answers.get(who, majority) != majority
        assert jit[Vote.is_odd](vote, who) == odd
        assert jit[Vote.is_silent](vote, who) == (who not in model.answers)


def test_any_row_of_questions_and_answers(jit: Jit) -> None:
    @settings(max_examples=200, deadline=None, database=None)
    @given(STEPS, NUMBERS)
    def check(steps: list[tuple[str, int, int, int]], now: int) -> None:
        vote, model = Vote(), Model()
        agree(jit, vote, model, now)
        for what, *arguments in steps:
            if what == "ask":
                model = Model(*arguments)
                jit[Vote.ask](vote, *arguments)
            else:
                model.hear(*arguments)
                jit[Vote.hear](vote, *arguments)
            agree(jit, vote, model, now)

    isolated(check)()


def test_one_that_lies_or_is_silent_changes_nothing(jit: Jit) -> None:
    """Whatever it says, how often and when: the answer is the others', and a lie is found."""

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.sampled_from(WHO), ANSWER, SAID, SAID)
    def check(
        faulty: int, truth: int, before: list[tuple[int, int]], after: list[tuple[int, int]]
    ) -> None:
        vote, number = Vote(), 2
        jit[Vote.ask](vote, number, 100)
        for said in before:
            jit[Vote.hear](vote, faulty, *said)
        for who in WHO:
            if who != faulty:
                jit[Vote.hear](vote, who, number, truth)
        for said in after:
            jit[Vote.hear](vote, faulty, *said)
        assert jit[Vote.is_decided](vote) and jit[Vote.answer](vote) == truth
        answers = [answer for asked, answer in before + after if asked == number]
        assert jit[Vote.is_silent](vote, faulty) == (not answers)
        assert jit[Vote.is_over](vote, 100) == bool(answers)
        assert jit[Vote.is_over](vote, 101)
        assert [who for who in WHO if jit[Vote.is_odd](vote, who)] == (
            [faulty] if answers and answers[0] != truth else []
        )

    isolated(check)()


def test_before_the_first_question_there_is_nothing_to_answer(jit: Jit) -> None:
    vote = Vote()
    jit[Vote.hear](vote, 0, 0, 7)
    assert jit[Vote.is_silent](vote, 0)
