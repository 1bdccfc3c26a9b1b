"""Kernels that were admitted miss no deadline on a machine, whatever they are."""

from __future__ import annotations

import pytest

from questv.admission.model import Doorbell
from questv.monitor.interface import SandboxState
from tests.realtime.kernels import LASTS, Template, check, random_case
from tests.running import ring_text, sandbox_text, task_text

SOME = 12
ALL = 1000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("seed", range(SOME))
def test_no_deadline_is_missed(template: Template, seed: int) -> None:
    case = random_case(seed)
    check(case, template.run(case))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SOME, ALL))
def test_no_deadline_is_missed_by_a_thousand(template: Template, seed: int) -> None:
    case = random_case(seed)
    check(case, template.run(case))


# ---- in bad company ----------------------------------------------------------------------------

CORES = 3
CRASH = 20_000_000
ASKS = Doorbell("questions", 300_000)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """One neighbour rings and then crashes; another takes all the time that it can get."""
    return Template(
        tmp_path_factory.mktemp("company"),
        sandbox_text("two", task_text("ask", 2), task_text("crash", 3, moment=CRASH)),
        sandbox_text("three", task_text("spin")),
        ring_text("questions", "two", "one"),
        rest=task_text("rest") + task_text("answer", 2),
    )


def in_company(template: Template, seed: int) -> None:
    case = random_case(seed, CORES, (ASKS,))
    run = template.run(case, 5 * LASTS)
    check(case, run)
    assert run["two"].state == SandboxState.CRASHED
    assert int(run["one"].ends["questions"].woken) > CRASH // ASKS.interval // 2


@pytest.mark.parametrize("seed", range(2))
def test_neighbours_can_do_what_they_like(company: Template, seed: int) -> None:
    in_company(company, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, ALL // 10))
def test_neighbours_of_many_can_do_what_they_like(company: Template, seed: int) -> None:
    in_company(company, seed)
