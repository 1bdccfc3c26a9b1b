"""How state machines of Hypothesis are run against compiled code."""

from __future__ import annotations

from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from questv.metal.isolate import isolated
from questv.metal.jit import Jit

QUICK = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
)
LONG = settings(QUICK, max_examples=3000, stateful_step_count=100)


def check(machine: type[RuleBasedStateMachine], jit: Jit, effort: settings = QUICK) -> None:
    """Run a machine, whose attribute ``jit`` it sets, in a child."""
    bound = type(machine.__name__, (machine,), {"jit": jit})
    isolated(run_state_machine_as_test, timeout=1200)(bound, settings=effort)
