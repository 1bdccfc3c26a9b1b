"""Rules on admission: what the description promises of time can be kept, all together.

They are looked at when everything else is right: what is wrong with a task's time says nothing of
the others'.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

from questv.admission.advice import Change, What, nearest_change, nearest_shorter_period
from questv.admission.analysis import Analysis, KernelAnalysis, analyse
from questv.admission.bound import long_run_share
from questv.admission.chains import ChainBound, chain_bounds
from questv.admission.model import NORMAL, Kernel, System, VcpuKind
from questv.admission.response import Response, all_fit
from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, Located
from questv.system.model import Chain
from questv.system.rules.bindings import RULES as BINDINGS
from questv.system.rules.chains import RULES as CHAINS
from questv.system.rules.channels import RULES as CHANNELS
from questv.system.rules.devices import RULES as DEVICES
from questv.system.rules.heartbeats import RULES as HEARTBEATS
from questv.system.rules.migration import RULES as MIGRATION
from questv.system.rules.mutexes import RULES as MUTEXES
from questv.system.rules.names import RULES as NAMES
from questv.system.rules.tasks import RULES as TASKS
from questv.system.rules.timing import RULES as TIMING
from questv.system.rules.vcpus import RULES as VCPUS
from questv.system.timing import Share, TimedTask, timed_guests, timed_tasks
from questv.system.workload import COSTS, workload

_BEFORE = (
    *NAMES,
    *TASKS,
    *TIMING,
    *VCPUS,
    *BINDINGS,
    *CHANNELS,
    *DEVICES,
    *MUTEXES,
    *HEARTBEATS,
    *MIGRATION,
    *CHAINS,
)
"""What has to be right before anything can be said of all together."""


def core_overloaded(draft: Draft) -> Iterator[Diagnostic]:
    """A core has no more than all of its time to give, whatever the order."""
    for _, each in _kernels(draft):
        found = _overload(each.kernel)
        if found is None:
            continue
        mode, shares = found
        sandbox = next(s for s in draft.sandboxes if s.item.name == each.kernel.name)
        yield Diagnostic(
            sandbox.value("name"),
            f'the VCPUs of sandbox "{each.kernel.name}" can take {shares} of its core'
            f"{_in_mode(mode)}",
            _fix(each.kernel),
            "core-overloaded",
        )


def deadline_missed(draft: Draft) -> Iterator[Diagnostic]:
    """A deadline is kept whatever happens within what the description says."""
    for timed, each in _kernels(draft):
        if _overload(each.kernel) is not None:
            continue
        late = [response for response in each.responses if not response.fits]
        told: set[str] = set()
        for response in late:
            if response.task.name in told:
                continue  # In higher modes it is late for the same reason.
            told.add(response.task.name)
            yield Diagnostic(
                timed[response.task.name].place("deadline", "period", "vcpu"),
                _lateness(response, timed[response.task.name]) + _in_mode(response.mode),
                _fix(each.kernel),
                "deadline-missed",
            )


def budget_too_small(draft: Draft) -> Iterator[Diagnostic]:
    """The kernel's own work is paid from the budget of whom it interrupts."""
    for timed, each in _kernels(draft):
        told: set[str] = set()
        for response in each.responses:
            own = each.own_time(response)
            if not response.fits or own > 0 or response.task.name in told:
                continue
            told.add(response.task.name)
            task = timed[response.task.name]
            is_shared = task.timing.share is Share.SHARED
            vcpu = each.kernel.vcpu(response.task.vcpu)
            budget = vcpu.budget_in(response.mode)
            least = budget - own + 1
            yield Diagnostic(
                task.place("vcpu" if is_shared else "budget"),
                f'task "{task.name}" has a budget of {_time(budget)}, and the kernel '
                f"itself may take {_time(least - 1)} of it{_in_mode(response.mode)}",
                f"write a budget of more than {_time(least - 1)}",
                "budget-too-small",
            )


def chain_unbounded(draft: Draft) -> Iterator[Diagnostic]:
    """What is sampled is as old as its source is slow, and of that somebody has to know."""
    for chain, bound in _chains(draft):
        if chain.item.freshness is not None and bound.freshness is None:
            name = bound.culprit or ""
            yield Diagnostic(
                chain.value("freshness"),
                f'chain "{chain.item.name}" has data of any age: nobody knows how often task '
                f'"{name}" is woken, and who samples its data acts on it until there is more',
                f'mark the function of "{name}" with @periodic, or remove the freshness',
                "chain-unbounded",
            )


def chain_too_slow(draft: Draft) -> Iterator[Diagnostic]:
    """What comes out of a chain is in time whenever the kernels have started."""
    for chain, bound in _chains(draft):
        if bound.latency is not None and bound.latency > chain.item.latency:
            yield Diagnostic(
                chain.value("latency"),
                f'chain "{chain.item.name}" can take {_time(bound.latency)}, '
                f"{_time(bound.latency - chain.item.latency)} more than its latency of "
                f"{_time(chain.item.latency)}",
                _chain_fix(draft, chain, "latency", bound.latency),
                "chain-too-slow",
            )


def chain_too_stale(draft: Draft) -> Iterator[Diagnostic]:
    """What a chain acts on is no older than that, even if nothing newer comes for a while."""
    for chain, bound in _chains(draft):
        demand = chain.item.freshness
        if demand is not None and bound.freshness is not None and bound.freshness > demand:
            yield Diagnostic(
                chain.value("freshness"),
                f'chain "{chain.item.name}" can act on data that is '
                f"{_time(bound.freshness)} old, "
                f"{_time(bound.freshness - demand)} more than its freshness of "
                f"{_time(demand)}",
                _chain_fix(draft, chain, "freshness", bound.freshness),
                "chain-too-stale",
            )


@lru_cache(maxsize=1)  # All rules here look at the same draft, one after the other.
def _workload(draft: Draft) -> System | None:
    """What is to be admitted; None if something else is wrong with it."""
    if any(next(rule(draft), None) is not None for rule in _BEFORE):
        return None
    return workload(draft, COSTS)


@lru_cache(maxsize=1)
def _analysis(draft: Draft) -> Analysis | None:
    system = _workload(draft)
    return None if system is None else analyse(system, COSTS)


def _kernels(draft: Draft) -> Iterator[tuple[dict[str, TimedTask], KernelAnalysis]]:
    """What can be promised of each kernel, with its tasks by their names."""
    analysis = _analysis(draft)
    for each in analysis.kernels if analysis is not None else ():
        timed = {
            task.name: task
            for task in timed_tasks(draft)
            if task.sandbox.item.name == each.kernel.name
        } | {
            task.name: task
            for sandbox, task in timed_guests(draft)
            if sandbox.item.name == each.kernel.name
        }
        yield timed, each


def _chains(draft: Draft) -> Iterator[tuple[Located[Chain], ChainBound]]:
    """What can be promised of each chain, if all deadlines are kept."""
    analysis = _analysis(draft)
    if analysis is not None and all(
        response.fits for each in analysis.kernels for response in each.responses
    ):
        yield from zip(draft.chains, analysis.chains, strict=True)


def _overload(kernel: Kernel) -> tuple[int, str] | None:
    """The first mode in which more than the core is promised, and how much to whom."""
    for mode in kernel.modes:
        shares = {
            vcpu.name: long_run_share(vcpu, mode)
            for vcpu in kernel.vcpus
            if vcpu.runs_in(mode) and vcpu.kind is not VcpuKind.BEST_EFFORT
        }
        total = sum(shares.values())
        if total > 1:
            each = ", ".join(f'"{name}" {_percent(share)}' for name, share in shares.items())
            return mode, f"{_percent(total)} ({each})"
    return None


def _time(nanoseconds: int) -> str:
    """A duration, exact and as people write it: with decimals in a large unit."""
    for unit, scale in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if nanoseconds >= scale:
            whole, rest = divmod(nanoseconds, scale)
            decimals = f"{rest:0{len(str(scale)) - 1}}".rstrip("0")
            return f"{whole}.{decimals} {unit}" if decimals else f"{whole} {unit}"
    return f"{nanoseconds} ns"


def _percent(share: Fraction | int) -> str:
    """Rounded up, so that what is too much never looks like all."""
    return f"{math.ceil(share * 1000) / 10:g} %"


def _in_mode(mode: int) -> str:
    return "" if mode == NORMAL else f" in mode {mode}"


def _lateness(response: Response, task: TimedTask) -> str:
    """By how much a task is late, for a message."""
    bound, deadline = response.bound, response.task.deadline
    if bound is None:
        return f'task "{task.name}" may never be done: more urgent ones take the core'
    more = f"{_time(bound - deadline)} more than its"
    takes, due = f"can take {_time(bound)}", "deadline"
    if deadline != task.timing.deadline:
        takes, due = f"can wait {_time(bound)} until it has had its budget", "VCPU's period"
    return f'task "{task.name}" {takes}, {more} {due} of {_time(deadline)}'


def _fix(kernel: Kernel) -> str:
    """The nearest change after which all of the kernel's tasks are in time."""
    change = nearest_change(kernel, lambda changed: all_fit(changed, COSTS))
    if change is None:
        return "no single change makes it fit: give several tasks less, or move one elsewhere"
    return _written(change, kernel)


def _chain_fix(draft: Draft, chain: Located[Chain], key: str, bound: int) -> str:
    """The nearest shorter period that is enough, or else the demand that can be met."""
    allow = f'write {key} = "{_time(bound)}"'
    system = _workload(draft)
    assert system is not None, "there is a finding"
    index = draft.chains.index(chain)
    best: tuple[Change, Kernel] | None = None
    for kernel in system.kernels:
        others = [each for each in system.kernels if each is not kernel]

        def fits(changed: Kernel, others: Sequence[Kernel] = others) -> bool:
            if not all_fit(changed, COSTS):
                return False
            found = chain_bounds(System((*others, changed), system.chains), COSTS)[index]
            value = found.latency if key == "latency" else found.freshness
            demand = getattr(chain.item, key)
            return value is not None and value <= demand

        names = [
            task
            for name, _, task in (each.partition(".") for each in chain.item.tasks)
            if name == kernel.name
        ]
        change = nearest_shorter_period(kernel, names, fits)
        if change is not None and (best is None or change.extent < best[0].extent):
            best = change, kernel
    return allow if best is None else f"{_written(*best)}, or {allow}"


def _written(change: Change, kernel: Kernel) -> str:
    """What is to be written, where, and what stands there now."""
    where = f'mutex "{change.name}"'
    if change.what is not What.HOLD:
        is_task = any(task.name == change.name for task in kernel.tasks)
        where = f'{"task" if is_task else "VCPU"} "{change.name}"'
    return (
        f'write {change.what.value} = "{_time(change.new)}" for {where} of '
        f'"{kernel.name}", which is {_time(change.old)} now'
    )


RULES = (
    core_overloaded,
    deadline_missed,
    budget_too_small,
    chain_unbounded,
    chain_too_slow,
    chain_too_stale,
)
