"""How long data takes along a chain of tasks, and how old it gets.

*Latency* is from the release of a job of the first task to the end of the last task's first job
that acts on its data. *Freshness* is the age of what a job of the last task acts on: from the
release of the first task's job that it comes from to the end of that last job. A task reads
anywhere between its release and its end, and what it writes is there by its end.

A chain is cut into *legs*: a task that the timer releases, and those after it that are each woken
by the message of the one before. A leg ends at most E after its release, E being the sum of its
tasks' responses: what comes late finds a budget that comes back no later (by induction, as for
jitter), if each that is woken has a VCPU to itself whose period is at most that of the leg. Where
it is not known what a task needs each time, its VCPU's budget is enough however often it is woken.

Between two legs data waits to be sampled. With D the longest from the release of a leg to the
release of the next one's job that acts on its data, latency and freshness are both the sum of all D
and of the last E. Where nothing is known of the releases, D = E + T, T being the period of the
next leg for the latency, and of the leg itself for the freshness: A. Davare et al., "Period
Optimization for Hard Real-time Distributed Automotive Systems", DAC 2007. More is known of two legs
that begin in one kernel, whose tasks are first released at one moment, and then exactly by their
periods. Their releases differ by multiples of g, the greatest common divisor of the periods, so
D = E + T - g + (-E mod g). And where one task follows on a more urgent one of its kernel, none of
its jobs begins between a release of that one and its end. What is released meanwhile acts on the
new data, and E counts as 0: M. Duerr et al., "End-to-End Timing Analysis of Sporadic Cause-Effect
Chains in Distributed Systems", TECS 2019. Other kernels start at moments of their own, and nothing
is known but that clocks go alike.

Assumed: a task sends what it has once for each release, and takes all that there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from questv.admission.costs import Costs
from questv.admission.model import NORMAL, Chain, Kernel, System, Task
from questv.admission.response import Response, lateness, response_times, spare


@dataclass(frozen=True)
class ChainBound:
    """What can be promised of ``chain``, as long as no kernel's mode rises above a level in it.

    Where nothing can, it is None, because of the task ``culprit``.
    """

    chain: Chain
    latency: int | None
    freshness: int | None
    culprit: str | None = None

    @property
    def fits(self) -> bool:
        """Whether every demand of the chain is met."""
        if self.latency is None or self.latency > self.chain.latency:
            return False
        demand = self.chain.freshness
        return demand is None or (self.freshness is not None and self.freshness <= demand)


@dataclass(frozen=True)
class _Leg:
    """A task that the timer releases, and those that are woken one after the other."""

    kernel: Kernel  # of the first task
    task: Task  # the first
    end: int  # of the last one, after the release of the first, at most
    is_single: bool = True

    def and_then(self, bound: int) -> _Leg:
        """The same with another task that is woken, and takes up to ``bound``."""
        return _Leg(self.kernel, self.task, self.end + bound, False)


def chain_bounds(system: System, costs: Costs) -> tuple[ChainBound, ...]:
    """The bounds of every chain, in their order."""
    responses = {kernel.name: response_times(kernel, costs) for kernel in system.kernels}
    return tuple(_chain_bound(system, chain, responses, costs) for chain in system.chains)


def _chain_bound(
    system: System, chain: Chain, responses: Mapping[str, Sequence[Response]], costs: Costs
) -> ChainBound:
    stages = list(system.stages(chain))
    level = min(kernel.vcpu(task.vcpu).level for kernel, task in stages)
    legs: list[_Leg] = []
    for kernel, task in stages:
        bound = _bound(responses[kernel.name], task, level)
        period = legs[-1].task.period if legs else task.period
        if bound is None or (task.is_woken and not _keeps_up(kernel, task, period)):
            return ChainBound(chain, None, None, f"{kernel.name}.{task.name}")
        if task.is_woken and legs:
            legs.append(legs.pop().and_then(bound))
        else:
            legs.append(_Leg(kernel, task, bound))
    latency = freshness = legs[-1].end
    for leg, following in pairwise(legs):
        latency += _release_to_release(leg, following, following.task.period, costs)
        freshness += _release_to_release(leg, following, leg.task.period, costs)
    if legs[0].task.is_woken and len(legs) > 1:  # Nobody knows when there will be anything new.
        return ChainBound(chain, latency, None, chain.tasks[0])
    return ChainBound(chain, latency, freshness)


def _bound(responses: Sequence[Response], task: Task, level: int) -> int | None:
    """The response of ``task`` in all modes in which ``level`` goes on; None beyond its period."""
    own = [each.bound for each in responses if each.task == task and each.mode <= level]
    longest = own[-1] if own else None
    return None if longest is None or longest > task.period else longest


def _keeps_up(kernel: Kernel, task: Task, period: int) -> bool:
    """Whether ``task`` has a budget each time that it is woken."""
    vcpu = kernel.vcpu(task.vcpu)
    tasks = kernel.tasks_of(vcpu)
    is_enough = any(each.need is None for each in tasks)
    return is_enough or (len(tasks) == 1 and vcpu.period <= period)


def _release_to_release(leg: _Leg, following: _Leg, period: int, costs: Costs) -> int:
    """The longest from a release of ``leg`` to the one of ``following`` that acts on its data.

    ``period`` is that of the one whose releases are what is waited for.
    """
    if leg.kernel is not following.kernel or leg.task.is_woken:
        return leg.end + period
    end = 0 if _goes_before(leg, following.task, costs) else leg.end
    step = gcd(leg.task.period, following.task.period)
    return end + period - step + -end % step


def _goes_before(leg: _Leg, task: Task, costs: Costs) -> bool:
    """Whether what ``leg`` is released for is done before a job of ``task`` begins that comes then.

    It must not have to wait for its budget while the other one runs.
    """
    urgency = leg.kernel.urgency
    return (
        leg.is_single
        and leg.task.jitter == task.jitter == 0
        and urgency.index(leg.task) < urgency.index(task)
        and spare(leg.kernel, leg.kernel.vcpu(leg.task.vcpu), NORMAL) >= lateness(leg.kernel, costs)
    )
