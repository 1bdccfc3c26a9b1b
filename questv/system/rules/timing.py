"""Rules on time: each task has its share of the core in one way, and that is possible by itself.

Whether all of them together are possible is the admission's concern.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, repeated
from questv.system.timing import Server, Share, TimedTask, servers, timed_tasks
from questv.system.units import format_duration
from questv.system.wording import source_position

LEVEL_MAXIMUM = 3
PRIORITY_MAXIMUM = 255


def period_missing(draft: Draft) -> Iterator[Diagnostic]:
    """A budget is for each period, and a periodic function is called once in it."""
    for each in timed_tasks(draft):
        timing = each.timing
        if timing.share is Share.OWN and timing.period is None and timing.budget is not None:
            yield Diagnostic(
                each.place("budget"),
                f'task "{each.name}" has a budget of {format_duration(timing.budget)} and no '
                "period to have it in",
                'add period = "1 ms", or whatever it is',
                "period-missing",
            )
        elif each.signature.periodic and timing.share is Share.SHARED and timing.release is None:
            yield Diagnostic(
                each.place("vcpu"),
                f'task "{each.name}" shares VCPU "{each.task.item.vcpu}" and has no period, but '
                f"its function needs one: {_periodic(each)}",
                'add period = "1 ms", or whatever it is',
                "period-missing",
            )


def budget_missing(draft: Draft) -> Iterator[Diagnostic]:
    """What comes again and again needs time again and again, and how much is known beforehand."""
    for each in timed_tasks(draft):
        if each.timing.share is not Share.OWN or each.timing.budget is not None:
            continue
        what, fix = "has a period and no budget", 'add budget = "100 us", or whatever it needs'
        if each.timing.period is None:
            what = f"has neither period nor budget, and its function needs both: {_periodic(each)}"
            fix = 'add period = "1 ms" and budget = "100 us", or whatever it needs'
        yield Diagnostic(
            each.place("period"),
            f'task "{each.name}" {what}',
            f"{fix}, or vcpu with the name of a VCPU to share",
            "budget-missing",
        )


def period_unwanted(draft: Draft) -> Iterator[Diagnostic]:
    """The period of a VCPU that is shared is its own; a function that runs once has none."""
    for each in timed_tasks(draft):
        is_shared = each.timing.share is Share.SHARED
        if is_shared and each.task.item.period is not None and not each.signature.periodic:
            yield Diagnostic(
                each.place("period"),
                f'task "{each.name}" shares VCPU "{each.task.item.vcpu}", and its function is '
                f"called once ({source_position(each.signature.place)})",
                "remove the period, or mark the function with @periodic",
                "period-unwanted",
            )


def budget_and_vcpu(draft: Draft) -> Iterator[Diagnostic]:
    """A task runs in its own budget or in one that it shares; of both, neither would be right."""
    for each in timed_tasks(draft):
        if each.timing.share is Share.SHARED and each.task.item.budget is not None:
            yield Diagnostic(
                each.place("budget"),
                f'task "{each.name}" has a budget and shares VCPU "{each.task.item.vcpu}" too',
                "keep one of the two",
                "budget-and-vcpu",
            )


def budget_over_period(draft: Draft) -> Iterator[Diagnostic]:
    """A core has no more than a period's time in each period."""
    for each in servers(draft):
        if each.budget is not None and each.period is not None and each.budget > each.period:
            yield Diagnostic(
                each.place("budget", "period"),
                f"{each.what} has {_budget(each, each.budget)}",
                "write a budget of at most the period",
                "budget-over-period",
            )


def overrun_budget_range(draft: Draft) -> Iterator[Diagnostic]:
    """The second budget is for when the first was not enough, and a period is all there is."""
    for each in servers(draft):
        second = each.second
        if second is None or each.budget is None or each.period is None:
            continue
        if each.budget <= each.period and not each.budget <= second <= each.period:
            yield Diagnostic(
                each.place("overrun_budget"),
                f"{each.what} has {_budget(each, each.budget)}, and a second one of "
                f"{format_duration(second)}",
                f"write {format_duration(each.budget)} to {format_duration(each.period)}",
                "overrun-budget-range",
            )


def overrun_budget_level(draft: Draft) -> Iterator[Diagnostic]:
    """More time in an emergency is taken from lower levels, and below level 0 there is none."""
    for each in servers(draft):
        if each.second is not None and not each.level:
            yield Diagnostic(
                each.place("overrun_budget"),
                f"{each.what} has a second budget and no level above 0, so nobody yields to it",
                f"add level = 1, up to {LEVEL_MAXIMUM}, or remove overrun_budget",
                "overrun-budget-level",
            )


def level_range(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has a mode for each level, and four are as many as anybody needs."""
    for each in servers(draft):
        level = each.level
        if level is not None and not 0 <= level <= LEVEL_MAXIMUM:
            yield Diagnostic(
                each.place("level"),
                f"there is no level {level}: levels are 0 to {LEVEL_MAXIMUM}",
                f"choose one of these; {LEVEL_MAXIMUM} is the most critical",
                "level-range",
            )


def level_unwanted(draft: Draft) -> Iterator[Diagnostic]:
    """A level is how far a budget is kept up: without one of its own, a task has none to keep."""
    for each in timed_tasks(draft):
        if each.timing.share is Share.OWN:
            continue
        for key in ("level", "overrun_budget"):
            if getattr(each.task.item, key) is None:
                continue
            what, fix = "has no budget", "give it a period and a budget"
            if each.timing.share is Share.SHARED:
                what = f'shares the budget of VCPU "{each.task.item.vcpu}"'
                fix = f"write {key} for the VCPU"
            yield Diagnostic(
                each.place(key),
                f'task "{each.name}" has the key "{key}", and {what}',
                f"{fix}, or remove the key",
                "level-unwanted",
            )


def deadline_unwanted(draft: Draft) -> Iterator[Diagnostic]:
    """A deadline counts from each call, and only periodic functions are called again and again."""
    for each in timed_tasks(draft):
        if each.task.item.deadline is not None and not each.signature.periodic:
            yield Diagnostic(
                each.place("deadline"),
                f'task "{each.name}" has a deadline, and its function is called once '
                f"({source_position(each.signature.place)})",
                "remove the deadline, or mark the function with @periodic",
                "deadline-unwanted",
            )


def deadline_over_period(draft: Draft) -> Iterator[Diagnostic]:
    """A call that is not done when the next one is due would delay that one."""
    for each in timed_tasks(draft):
        release, deadline = each.timing.release, each.timing.deadline
        if release is not None and deadline is not None and deadline > release:
            yield Diagnostic(
                each.place("deadline"),
                f'task "{each.name}" has a deadline of {format_duration(deadline)} and a period '
                f"of {format_duration(release)}",
                "write a deadline of at most the period, or remove the key",
                "deadline-over-period",
            )


def priority_missing(draft: Draft) -> Iterator[Diagnostic]:
    """Among tasks that share a budget, or what is left, somebody has to say who comes first."""
    for each in timed_tasks(draft):
        if each.timing.share is Share.OWN or each.task.item.priority is not None:
            continue
        whom, fix = "without a budget", ", or a period and a budget"
        if each.timing.share is Share.SHARED:
            whom, fix = f'on VCPU "{each.task.item.vcpu}"', ""
        yield Diagnostic(
            each.task.key(),
            f'task "{each.name}" has no priority among those {whom}',
            f"add priority = 10, or another of 0 to {PRIORITY_MAXIMUM}{fix}",
            "priority-missing",
        )


def priority_unwanted(draft: Draft) -> Iterator[Diagnostic]:
    """Tasks with budgets of their own come in the order of their periods, and before all others."""
    for each in timed_tasks(draft):
        if each.timing.share is Share.OWN and each.task.item.priority is not None:
            yield Diagnostic(
                each.place("priority"),
                f'task "{each.name}" has a budget of its own, so its priority would say nothing: '
                "shorter periods come first",
                "remove the priority",
                "priority-unwanted",
            )


def task_priority_range(draft: Draft) -> Iterator[Diagnostic]:
    """Priorities are small whole numbers, of which there are more than tasks."""
    for each in timed_tasks(draft):
        priority = each.task.item.priority
        if priority is not None and not 0 <= priority <= PRIORITY_MAXIMUM:
            yield Diagnostic(
                each.place("priority"),
                f"there is no priority {priority}: priorities are 0 to {PRIORITY_MAXIMUM}",
                "choose one of these; tasks with a higher one run first",
                "task-priority-range",
            )


def task_priority_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Of two tasks that can run it must be plain which one does, in every run."""
    for first, again in repeated(timed_tasks(draft), _rank):
        where = "in the same sandbox"
        if again.timing.share is Share.SHARED:
            where = "on the same VCPU"
        yield Diagnostic(
            again.place("priority"),
            f'priority {again.task.item.priority} of task "{again.name}" is that of '
            f'"{first.name}" (line {first.task.line}) too, {where}',
            "give the task that may wait a lower one",
            "task-priority-taken",
        )


def _rank(each: TimedTask) -> Hashable | None:
    """What no two tasks may have in common."""
    task = each.task.item
    if each.timing.share is Share.OWN or task.priority is None:
        return None
    return (each.sandbox.path, task.vcpu, task.priority)


def _periodic(each: TimedTask) -> str:
    """That a task's function is periodic, for a message."""
    return f"{each.signature.function} is periodic ({source_position(each.signature.place)})"


def _budget(each: Server, budget: int) -> str:
    """A budget and its period, for a message."""
    period = format_duration(each.period or 0)
    return f"a budget of {format_duration(budget)} each {period}"


RULES = (
    period_missing,
    budget_missing,
    period_unwanted,
    budget_and_vcpu,
    budget_over_period,
    overrun_budget_range,
    overrun_budget_level,
    level_range,
    level_unwanted,
    deadline_unwanted,
    deadline_over_period,
    priority_missing,
    priority_unwanted,
    task_priority_range,
    task_priority_taken,
)
