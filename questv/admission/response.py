"""How long each task takes at worst from a release to the end of what it does for it.

Response-time analysis for fixed priorities: M. Joseph, P. Pandya, "Finding Response Times in a
Real-Time System", 1986; N. Audsley et al., "Applying New Scheduling Theory to Static Priority
Pre-emptive Scheduling", 1993 (jitter, blocking, the kernel's own costs). The longest busy window w
of a task that needs C is the least solution of

    w = C + B + sum over more urgent VCPUs j of ceil(w / T_j) C_j + I/O + the kernel's own time

and a job ends at most w after it came. A sporadic server takes no more from others than a periodic
task of its budget and period (B. Sprunt, L. Sha, J. Lehoczky, "Aperiodic Task Scheduling for Hard
Real-Time Systems", 1989; corrected by M. Stanovich et al., RTAS 2010), whatever the tasks on it
do: their jitter delays themselves alone. So deadlines are at most periods, and the analysis is
that of the first job; where it does not end within its period there is no bound.

*Own budget.* What was used comes back a period after the VCPU had begun to be busy. If all its
tasks together need no more than its budget in any of its periods, the n-th tick that they need is
there when its job is released: it follows the tick a budget before, which was for a job released a
period before at least, and so on. (Where several tasks share the VCPU, its whole budget must be
used up within its period, or the kernel takes it for woken anew.) It may come as much later as the
kernel may notice a release late, or the task has jitter. Then tasks on one VCPU are to each other
as any others are. Where they may need more, a job may find the budget just used up: the k-th budget
from then is there T - C + (k - 1)T later and takes its own busy window (R. Davis, A. Burns,
"Hierarchical Fixed Priority Pre-emptive Scheduling", RTSS 2005).

Of tasks that share a VCPU it may be unknown what each needs. Then it is assumed that all of them
together need no more than its budget in any of its periods, and they have its response in common.

*I/O.* After ``used`` ticks an I/O VCPU of utilization U can go on ``used / U`` after it could
begin, and a go takes at most UT, T being the longest period of whom it works for. All goes but the
last in a window w add up to U times the time until the last one begins, and that one has the rest
of the window if it begins UT before the end: together Uw + (1 - U)UT, which for w = T is the
(2 - U)UT of the Quest papers. If it also works for somebody less urgent, the first go may have
begun long before the window without having had the core, which adds (1 - U)UT once more.

*Mixed criticality.* S. Baruah, A. Burns, R. Davis, "Response-Time Analysis for Mixed Criticality
Systems", RTSS 2011, AMC-rtb, for several levels as in T. Fleming, A. Burns, 2013: through a switch
to a mode, VCPUs that go on count with their second budgets from the beginning, and VCPUs that yield
count only as long as the task could have been waiting before the switch, which is its window in the
highest mode in which they run.

*Mutexes.* Immediate priority ceilings: a task is blocked at most once, for one critical section of
a less urgent task (T. P. Baker, 1991). Likewise at most once by a doorbell that a less urgent task
sends through its monitor. A VCPU without budget goes on while its task holds a mutex; it pays that
back, so that it takes more than its budgets once in a busy window.

*Moves.* A task that moves comes and goes at most once in a period of the task that moves it, which
an offer wakes, an answer, and the task itself when it has stopped. That task comes and goes for its
arrival and for its stop besides. Its budget is cut where it came, into what could be used then and
the rest, and again where it stops: so it can use up two pieces more than others in each of its
periods, and one more for each visit; and the other's budget is cut each time that it is woken.

*The kernel.* A task that is less urgent can set its alarm only when it runs, so in a busy window it
costs one interrupt, and its VCPU one replenishment. More urgent ones cost an interrupt and two
switches for each release, and two interrupts and two switches for each piece of budget that they
use up. All of this comes on top of what the tasks need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from questv.admission.costs import Costs
from questv.admission.model import Guest, Kernel, Task, Vcpu, VcpuKind

PIECES = 16
"""How many pieces a budget is cut into at most; what is used after that comes back together."""

_MORE_PIECES = 2
"""What a task that moves has its budget in besides the one piece of others, after each move."""

_MORE_TURNS = 3
"""How often in a period the task that moves others is woken for each guest."""

_PERIODS_TO_LOOK = 16
"""How many periods a window is followed to say by how much a task is late."""

_STEPS = 10_000
"""After so many steps a window is given up; few tasks take a hundred."""


@dataclass(frozen=True)
class Response:
    """How long ``task`` takes at worst while its kernel is in ``mode`` or on its way there.

    ``bound`` is None if there is none: it may never end. A bound beyond the period is what the
    first job takes, and later ones may take longer. ``kernel`` is what the kernel does
    meanwhile that interrupts the task, and may take of its budget.
    """

    task: Task
    mode: int
    bound: int | None
    kernel: int = 0

    @property
    def fits(self) -> bool:
        """Whether every job ends by its deadline."""
        return self.bound is not None and self.bound <= self.task.deadline

    @property
    def slack(self) -> int | None:
        """What is left to the deadline at worst, or is missing, below 0."""
        return None if self.bound is None else self.task.deadline - self.bound


def response_times(kernel: Kernel, costs: Costs) -> tuple[Response, ...]:
    """The response of each task with a deadline, the most urgent first, mode by mode."""
    late = lateness(kernel, costs)
    return tuple(
        response
        for position, task in enumerate(kernel.urgency)
        if task.deadline
        for response in _Place(kernel, costs, position, late).responses()
    )


def all_fit(kernel: Kernel, costs: Costs) -> bool:
    """Whether every job of every task ends by its deadline; gives up at the first that does not."""
    late = lateness(kernel, costs)
    return all(
        response.fits
        for position, task in reversed([*enumerate(kernel.urgency)])  # The last is late first.
        if task.deadline
        for response in _Place(kernel, costs, position, late).responses()
    )


def spare(kernel: Kernel, vcpu: Vcpu, mode: int) -> int:
    """What all tasks of ``vcpu`` together leave of its budget in any of its periods.

    Below 0 if they may need more than the budget, or nobody knows.
    """
    tasks = kernel.tasks_of(vcpu)
    left = vcpu.budget_in(mode)
    for task in tasks:
        need = task.need_in(mode)
        closer = task.jitter if len(tasks) > 1 else 0  # Alone, it finds its budget as late itself.
        if need is None or task.period - closer < vcpu.period:
            return -1
        left -= need
    return left


def lateness(kernel: Kernel, costs: Costs) -> int:
    """How much later than it is due a task may be noticed, or its budget be given back.

    The timer is late, and the kernel may be at work in one go, deaf to the timer. A budget comes
    back as much later as the task was noticed late the time before.
    """
    everything = (len(kernel.tasks) + _servers(kernel)) * costs.timer + costs.switch
    start = everything + (costs.exit if kernel.is_guarded else 0)
    limit = _PERIODS_TO_LOOK * max((task.period for task in kernel.tasks), default=0)
    rate = _rate_of_interruptions(kernel, costs)
    deaf = _solve(lambda w: start + _interruptions(kernel, costs, w), start, rate, limit)
    return 2 * costs.resolution + (limit if deaf is None else deaf)


class _Place:
    """One task among all that can delay it."""

    def __init__(self, kernel: Kernel, costs: Costs, position: int, late: int) -> None:
        """Sort what there is into more and less urgent than the task at ``position``.

        ``late`` is the kernel's ``lateness``.
        """
        tasks = kernel.urgency
        self.kernel = kernel
        self.costs = costs
        self.task = tasks[position]
        self.vcpu = kernel.vcpu(self.task.vcpu)
        more = tasks[:position]
        less = tasks[position + 1 :]
        self.mates = [task for task in more if task.vcpu == self.vcpu.name]
        names = dict.fromkeys(task.vcpu for task in more if task.vcpu != self.vcpu.name)
        self.others = [_Rival(kernel, costs, kernel.vcpu(name)) for name in names]
        self.io = [
            _Io(vcpu, kernel, {task.name for task in less})
            for vcpu in kernel.vcpus
            if vcpu.kind is VcpuKind.IO and {self.task.name, *_names(more)} & set(vcpu.serves)
        ]
        self.blocking = max(
            _longest_section(self.task, more, less), costs.exit if kernel.is_guarded else 0
        )
        urgent = {self.task.name, *_names(more)}
        self.visits = [
            (guest.interval, _per_visit(costs, guest, urgent)) for guest in kernel.guests
        ]
        self.moves = any(guest.task == self.task.name for guest in kernel.guests)
        self.once = costs.timer * (1 + len(less) + _servers(kernel)) + costs.switch
        self.unnoticed = late
        self.late = self.task.jitter + late

    def responses(self) -> Iterable[Response]:
        """Mode by mode, as long as the task's VCPU goes on."""
        windows: dict[int, int] = {}
        for mode in self.kernel.modes:
            if self.vcpu.runs_in(mode):
                window = self._window(mode, windows)
                if window is None:
                    yield Response(self.task, mode, None)
                    return
                longest = windows[mode] = max(window, *windows.values(), 0)
                kernel = self._charged(longest, mode)
                yield Response(self.task, mode, self.late + longest, kernel)

    def _window(self, mode: int, windows: Mapping[int, int]) -> int | None:
        """From when the task comes until it has ended; ``windows``: the same in lower modes."""
        limit = _PERIODS_TO_LOOK * self.task.period
        if _pieces(self.kernel, self.vcpu) > PIECES:
            return None  # some of its budget would come back later, with what was used after it
        need = self.task.need_in(mode)
        if need is None or any(task.need is None for task in self.kernel.tasks_of(self.vcpu)):
            return self._window_of_all(mode, windows, limit)
        if all(self._is_ample(each, limit) for each in (*windows, mode)):
            return _solve(
                lambda w: self._work(need, w, mode) + self._delay(w, mode, windows),
                need,
                self._rate(mode),
                limit,
            )
        return self._window_of_shared(need, mode, limit)

    def _window_of_all(self, mode: int, windows: Mapping[int, int], limit: int) -> int | None:
        """The same for all on a VCPU together, of which nobody knows who needs what."""
        budget = self.vcpu.budget_in(mode)
        rate = self._rate(mode)
        found = _solve(lambda w: budget + self._delay(w, mode, windows), budget, rate, limit)
        is_short = found is not None and found > self.vcpu.period  # of what all together may need
        return None if is_short and self.task.deadline > self.vcpu.period else found

    def _is_ample(self, mode: int, limit: int) -> bool:
        """Whether budget is there whenever something is to do on its VCPU."""
        if spare(self.kernel, self.vcpu, mode) < 0:
            return False
        is_alone = len(self.kernel.tasks_of(self.vcpu)) == 1
        return is_alone or self._gets_its_budget(self.vcpu.budget_in(mode), mode, limit)

    def _gets_its_budget(self, budget: int, mode: int, limit: int) -> bool:
        """Whether the whole budget can be used up before it comes back."""
        whole = self._time_for(budget, mode, limit)
        return whole is not None and whole <= self.vcpu.period

    def _work(self, need: int, window: int, mode: int) -> int:
        """What the task and more urgent ones on its VCPU need in a window."""
        for mate in self.mates:
            # It may come early enough to use a budget that comes late.
            each = (mate.need_in(mode) or 0) + self.unnoticed
            need += _releases(mate, window, self.costs) * each
        return need

    def _window_of_shared(self, need: int, mode: int, limit: int) -> int | None:
        """The same where the VCPU may have used its budget up when the task comes."""
        budget, period = self.vcpu.budget, self.vcpu.period  # the first: there is no less
        if not self._gets_its_budget(budget, mode, limit):
            return None

        def end(window: int) -> int:
            work = self._work(need, window, mode)
            budgets = -(-work // budget)
            last = self._time_for(work - (budgets - 1) * budget, mode, limit)
            return budgets * period - budget + (limit if last is None else last)

        return _solve(end, need, Fraction(0), limit)

    def _time_for(self, part: int, mode: int, limit: int) -> int | None:
        """How long the VCPU takes for a part of its budget from when that is there."""
        # It may have waited long before that: who yields in this mode may do so only afterwards.
        rate = self._rate(mode)
        return _solve(lambda w: part + self._delay(w, mode, {}), part, rate, limit)

    def _delay(self, window: int, mode: int, windows: Mapping[int, int]) -> int:
        """What everything but its own VCPU takes in a window."""
        total = self.blocking + self._kernel_time(window)
        for other in self.others:
            total += other.takes(*_presence(other.vcpu, window, mode, windows))
        for io in self.io:
            total += io.takes(_presence(io.vcpu, window, mode, windows)[0])
        return total

    def _rate(self, mode: int) -> Fraction:
        """The share of every window that is taken by others."""
        rate = _rate_of_interruptions(self.kernel, self.costs)
        for other in self.others:
            rate += other.rate(mode)
        return rate + sum(io.vcpu.utilization for io in self.io if io.vcpu.runs_in(mode))

    def _kernel_time(self, window: int) -> int:
        """What the kernel does in a window, but for what budgets that are used up cost it."""
        releases = self._preemptions(window) * _per_release(self.costs)
        outside = _interruptions(self.kernel, self.costs, window)
        return self.once + self._moves(window) + releases + outside

    def _moves(self, window: int) -> int:
        """What the kernel does in a window for tasks that come and go."""
        own = _MORE_PIECES * _per_piece(self.costs) if self.moves else 0
        return own + sum((-(-window // interval) + 1) * cost for interval, cost in self.visits)

    def _preemptions(self, window: int) -> int:
        """How often somebody more urgent can come in a window."""
        everybody = (*self.mates, *(task for other in self.others for task in other.tasks))
        return sum(_releases(task, window, self.costs) for task in everybody)

    def _charged(self, window: int, mode: int) -> int:
        """What of it can be while the task has the core: from outside, not all that comes."""
        preemptions = self._preemptions(window)
        has = self.task.need_in(mode) or self.vcpu.budget_in(mode)
        each_once = _interruptions(self.kernel, self.costs, 1)
        while_it_runs = _interruptions(self.kernel, self.costs, has) + preemptions * each_once
        outside = min(while_it_runs, _interruptions(self.kernel, self.costs, window))
        releases = preemptions * _per_release(self.costs)
        return self.once + self._moves(window) + releases + outside


class _Rival:
    """A main VCPU that is more urgent."""

    def __init__(self, kernel: Kernel, costs: Costs, vcpu: Vcpu) -> None:
        self.vcpu = vcpu
        self.tasks = kernel.tasks_of(vcpu)
        self.costs = costs
        pieces = sum(max(1, -(-vcpu.period // task.period)) for task in self.tasks)
        pieces += _pieces_of_moves(kernel, self.tasks)
        self.per_period = pieces * _per_piece(costs)
        holds = (section.hold for task in self.tasks for section in task.sections)
        self.beyond = costs.resolution + max(holds, default=0)

    def takes(self, window: int, mode: int) -> int:
        """What it takes at most of a busy window."""
        periods = -(-window // self.vcpu.period)
        return periods * (self.vcpu.budget_in(mode) + self.per_period) + self.beyond

    def rate(self, mode: int) -> Fraction:
        """The share of every window that it takes, if it runs in ``mode``."""
        if not self.vcpu.runs_in(mode):
            return Fraction(0)
        return Fraction(self.vcpu.budget_in(mode) + self.per_period, self.vcpu.period)


class _Io:
    """An I/O VCPU that works for somebody at least as urgent."""

    def __init__(self, vcpu: Vcpu, kernel: Kernel, less_urgent: set[str]) -> None:
        self.vcpu = vcpu
        served = [kernel.task(name) for name in vcpu.serves]
        longest = max(max(task.period, kernel.vcpu(task.vcpu).period) for task in served)
        goes = 2 if less_urgent & set(vcpu.serves) else 1
        share = vcpu.utilization
        self.at_once = goes * (1 - share) * share * longest

    def takes(self, window: int) -> int:
        """What it takes at most of a busy window."""
        exact = self.vcpu.utilization * window + self.at_once
        return min(window, -(-exact.numerator // exact.denominator))


def _interruptions(kernel: Kernel, costs: Costs, window: int) -> int:
    """What comes from outside takes of a window; a device's bottom half comes, and it goes."""
    total = 0
    for interrupt in kernel.interrupts:
        cost = interrupt.cost + costs.timer + 2 * costs.switch
        total += -(-window // interrupt.interval) * cost
    for doorbell in kernel.doorbells:  # Who rings may be late with one, by up to the interval.
        total += (-(-window // doorbell.interval) + 1) * costs.doorbell
    return total


def _rate_of_interruptions(kernel: Kernel, costs: Costs) -> Fraction:
    """The share of every window that comes from outside."""
    devices = (
        Fraction(each.cost + costs.timer + 2 * costs.switch, each.interval)
        for each in kernel.interrupts
    )
    doorbells = (Fraction(costs.doorbell, each.interval) for each in kernel.doorbells)
    return sum((*devices, *doorbells), Fraction(0))


def _pieces(kernel: Kernel, vcpu: Vcpu) -> int:
    """Into how many pieces its tasks can cut the budget of ``vcpu`` in one of its periods."""
    tasks = kernel.tasks_of(vcpu)
    waits = sum(-(-vcpu.period // task.period) for task in tasks if task.period)
    return waits + _pieces_of_moves(kernel, tasks)


def _pieces_of_moves(kernel: Kernel, tasks: Iterable[Task]) -> int:
    """Into how many more their budget is cut by moves: of who moves, and of who moves others."""
    names = set(_names(tasks))
    moving = sum(_MORE_PIECES for guest in kernel.guests if guest.task in names)
    return moving + sum(_MORE_TURNS for guest in kernel.guests if guest.by in names)


def _servers(kernel: Kernel) -> int:
    """How many VCPUs have a budget that comes back."""
    return sum(1 for vcpu in kernel.vcpus if vcpu.kind is not VcpuKind.BEST_EFFORT)


def _presence(vcpu: Vcpu, window: int, mode: int, windows: Mapping[int, int]) -> tuple[int, int]:
    """For how long of a window ``vcpu`` may run, and the mode whose budget it has at most."""
    if vcpu.runs_in(mode):
        return window, mode
    before = [longest for each, longest in windows.items() if vcpu.runs_in(each)]
    return min([window, *before[-1:]]), vcpu.level


def _solve(function: Callable[[int], int], start: int, rate: Fraction, limit: int) -> int | None:
    """The least ``w`` with ``function(w) == w``; None if it is above ``limit``.

    The function never falls, and is at least ``start + rate * w``; so is what is looked for, which
    saves most of the way to it. Who takes very many steps nonetheless gets None as well.
    """
    if rate >= 1:
        return None
    window = max(1, math.ceil(start / (1 - rate)))
    for _ in range(_STEPS):
        if window > limit:
            return None
        following = function(window)
        if following <= window:
            return following
        window = following
    return None


def _releases(task: Task, window: int, costs: Costs) -> int:
    """How often ``task`` can come in a window."""
    return -(-(window + task.jitter + costs.resolution) // task.period)


def _per_release(costs: Costs) -> int:
    """What the kernel does for one release of a more urgent task: it comes, and it goes."""
    return costs.timer + 2 * costs.switch


def _per_piece(costs: Costs) -> int:
    """What the kernel does for a piece of a budget that is used up, and comes back."""
    return 2 * (costs.timer + costs.switch)


def _per_visit(costs: Costs, guest: Guest, urgent: set[str]) -> int:
    """What a guest that comes and goes takes besides doorbells, of who is no more urgent."""
    total = 0
    if guest.by in urgent:
        total += 2 * _MORE_TURNS * costs.switch
    if guest.task in urgent:
        total += 4 * costs.switch + _per_piece(costs)
    return total


def _longest_section(task: Task, more: Iterable[Task], less: Iterable[Task]) -> int:
    """The longest critical section of a less urgent task that keeps ``task`` from running."""
    ceilings = {section.mutex for one in (task, *more) for section in one.sections}
    sections = [section for one in less for section in one.sections]
    return max((each.hold for each in sections if each.mutex in ceilings), default=0)


def _names(tasks: Iterable[Task]) -> Iterable[str]:
    return (task.name for task in tasks)
