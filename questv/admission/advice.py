"""What to change where not everything fits: the one nearest change that makes it fit.

A change is to one number of one VCPU, or to how long one mutex is held. The nearest is the one that
changes its number by the least part of it. Each is found by search over the exact analysis, and
what is proposed has been analysed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from questv.admission.model import Kernel, Task, Vcpu, VcpuKind

_FARTHEST = 10
"""How many times larger than it is a period may be proposed."""

_DIGITS = 3
"""How exact a number is proposed: as people would write it."""


class What(Enum):
    """Which number changes; the value is its key in a description."""

    BUDGET = "budget"
    SECOND_BUDGET = "overrun_budget"
    PERIOD = "period"
    HOLD = "hold"


@dataclass(frozen=True)
class Change:
    """That the number of the VCPU ``name``, or of the mutex, should be ``new``."""

    what: What
    name: str
    old: int
    new: int

    @property
    def extent(self) -> Fraction:
        """Which part of the number changes."""
        return Fraction(abs(self.new - self.old), self.old)

    def made_in(self, kernel: Kernel) -> Kernel:
        """``kernel`` with this change. The task that has a VCPU to itself changes with it."""
        if self.what is What.HOLD:
            return replace(kernel, tasks=tuple(map(self._held_less, kernel.tasks)))
        vcpu = kernel.vcpu(self.name)
        task = _own_task(kernel, vcpu)
        other_vcpu, other_task = self._changed(vcpu, task)
        return replace(
            kernel,
            vcpus=tuple(other_vcpu if each is vcpu else each for each in kernel.vcpus),
            tasks=tuple(
                other_task if other_task is not None and each is task else each
                for each in kernel.tasks
            ),
        )

    def _held_less(self, task: Task) -> Task:
        sections = tuple(
            replace(each, hold=self.new) if each.mutex == self.name else each
            for each in task.sections
        )
        return replace(task, sections=sections)

    def _changed(self, vcpu: Vcpu, task: Task | None) -> tuple[Vcpu, Task | None]:
        more = self.new - self.old
        match self.what:
            case What.BUDGET:
                vcpu = replace(vcpu, budget=self.new)
                if task is not None and task.need is not None:
                    task = replace(task, need=max(1, task.need + more))
            case What.SECOND_BUDGET:
                vcpu = replace(vcpu, overrun_budget=self.new)
                if task is not None and task.overrun_need is not None:
                    task = replace(task, overrun_need=max(1, task.overrun_need + more))
            case _:
                vcpu = replace(vcpu, period=self.new)
                if task is not None:
                    is_default = task.deadline == task.period
                    deadline = self.new if is_default else task.deadline
                    task = replace(task, period=self.new, deadline=deadline)
        return vcpu, task


def nearest_change(kernel: Kernel, fits: Callable[[Kernel], bool]) -> Change | None:
    """The nearest change after which ``fits`` holds of the kernel; None if no single one does."""
    best: Change | None = None
    for what, name, old, farthest in _numbers(kernel):
        best = _search(kernel, fits, Change(what, name, old, farthest), best) or best
    return best


def nearest_shorter_period(
    kernel: Kernel, names: Iterable[str], fits: Callable[[Kernel], bool]
) -> Change | None:
    """The nearest change of the period of one of the tasks ``names`` to a shorter one.

    Too short is as wrong as too long, so that all are tried, in steps of a hundredth.
    """
    best: Change | None = None
    for name in names:
        vcpu = kernel.vcpu(kernel.task(name).vcpu)
        task = _own_task(kernel, vcpu)
        if task is None or task.period != vcpu.period:
            continue
        for hundredths in range(99, 9, -1):
            new = _rounded(vcpu.period * hundredths // 100, up=False)
            change = Change(What.PERIOD, vcpu.name, vcpu.period, new)
            if new < vcpu.budget or (best is not None and change.extent >= best.extent):
                break
            if fits(change.made_in(kernel)):
                best = change
                break
    return best


def _numbers(kernel: Kernel) -> Iterator[tuple[What, str, int, int]]:
    """Every number that can change, and how far."""
    for vcpu in kernel.vcpus:
        if vcpu.kind is not VcpuKind.MAIN:
            continue
        if vcpu.budget > 1:
            yield What.BUDGET, vcpu.name, vcpu.budget, 1
        if vcpu.overrun_budget is not None and vcpu.overrun_budget > vcpu.budget:
            yield What.SECOND_BUDGET, vcpu.name, vcpu.overrun_budget, vcpu.budget
        task = _own_task(kernel, vcpu)
        if task is not None and task.period == vcpu.period:
            yield What.PERIOD, vcpu.name, vcpu.period, _FARTHEST * vcpu.period
    holds = {each.mutex: each.hold for task in kernel.tasks for each in task.sections}
    for mutex, hold in holds.items():
        if hold > 1:
            yield What.HOLD, mutex, hold, 1


def _own_task(kernel: Kernel, vcpu: Vcpu) -> Task | None:
    """The task of ``vcpu`` if there is just one."""
    tasks = kernel.tasks_of(vcpu)
    return tasks[0] if len(tasks) == 1 else None


def _search(
    kernel: Kernel, fits: Callable[[Kernel], bool], farthest: Change, best: Change | None
) -> Change | None:
    """The least change up to ``farthest`` that fits, if it is nearer than ``best``."""
    too_far = farthest
    if best is not None and best.extent < farthest.extent:
        step = int(best.extent * farthest.old)
        sign = 1 if farthest.new > farthest.old else -1
        too_far = replace(farthest, new=farthest.old + sign * step)
    if too_far.new == too_far.old or not fits(too_far.made_in(kernel)):
        return None
    near, far = farthest.old, too_far.new  # does not fit, fits
    while abs(far - near) > 1:
        middle = (near + far) // 2
        if fits(replace(farthest, new=middle).made_in(kernel)):
            far = middle
        else:
            near = middle
    exact = replace(farthest, new=far)
    rounded = replace(farthest, new=_rounded(far, up=far > farthest.old))
    found = rounded if rounded.new and fits(rounded.made_in(kernel)) else exact
    return found if best is None or found.extent < best.extent else None


def _rounded(number: int, *, up: bool) -> int:
    """``number`` with few digits, the next larger or smaller one."""
    unit: int = 10 ** max(0, len(str(number)) - _DIGITS)
    return -(-number // unit) * unit if up else number // unit * unit
