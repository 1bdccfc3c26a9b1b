"""A kernel's scheduler as a simulation: what really happens, to hold the analysis against.

Rate-monotonic order over sporadic servers and I/O servers, immediate priority ceilings, modes of
criticality, and the kernel's own time, all as the kernel has them, but by the simplest means.
Nothing of the analysis is used here.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from questv.admission.costs import Costs
from questv.admission.model import Kernel, Task, Vcpu, VcpuKind


class Sporadic:
    """A sporadic server: pieces of budget, each with the time from when on it can be used."""

    def __init__(self, budget: int, period: int) -> None:
        self.period = period
        self.restart(budget, 0)

    def restart(self, budget: int, now: int) -> None:
        self.pieces = [[now, budget]]
        self.used = 0  # of the first piece

    def next_time(self) -> int:
        return self.pieces[0][0] + self.used

    def available(self, now: int) -> int:
        if now < self.next_time():
            return 0
        if now - self.next_time() >= self.period:
            self.unblock(now)
        usable = self.pieces[0][1] - self.used
        for time, amount in self.pieces[1:]:
            if time > now + usable:
                break
            usable += amount
        return usable

    def charge(self, used: int) -> None:
        self.used += used
        while self.used >= self.pieces[0][1]:
            time, amount = self.pieces.pop(0)
            self.used -= amount
            self.pieces.append([time + self.period, amount])

    def unblock(self, now: int) -> None:
        time, amount = self.pieces[0]
        if self.used:
            self.pieces.append([time + self.period, self.used])
            self.pieces[0] = [time + self.used, amount - self.used]
            self.used = 0
        if self.pieces[0][0] < now:
            self.pieces[0][0] = now
            self._merge()

    def enlarge(self, extra: int, now: int) -> None:
        if now < self.next_time():  # together with what was used last
            time, amount = self.pieces.pop()
            self.pieces.insert(0, [time - self.period, amount])
            self.used += amount
        self.pieces[0][1] += extra
        self._merge()
        self.charge(0)

    def shrink(self, less: int) -> int:
        """Give up what comes back last; when all would have been back."""
        self.unblock(self.pieces[0][0])
        whole = self.pieces[-1][0]
        while less:
            part = min(less, self.pieces[-1][1])
            self.pieces[-1][1] -= part
            less -= part
            if self.pieces[-1][1] == 0:
                self.pieces.pop()
        return whole

    def _merge(self) -> None:
        first = self.pieces[0]
        while len(self.pieces) > 1 and self.pieces[1][0] <= first[0] + first[1]:
            first[1] += self.pieces.pop(1)[1]


class Io:
    """The server of an I/O VCPU: one go, and when the next one can begin."""

    def __init__(self, utilization: Fraction) -> None:
        self.utilization = utilization
        self.time = 0
        self.used = 0
        self.cmax = 0

    def begin(self, period: int, now: int) -> None:
        self.time = max(self.time, now)
        self.cmax = int(self.utilization * period)

    def next_time(self) -> int:
        return self.time

    def available(self, now: int) -> int:
        return max(0, self.cmax - self.used) if now >= self.time else 0

    def charge(self, used: int) -> None:
        self.used += used

    def end(self) -> None:
        self.time += int(-(-self.used // self.utilization))
        self.used = 0


@dataclass
class Job:
    """One release: what is left to do, as stretches of time with the mutex that each holds."""

    due: int
    stretches: deque[tuple[int, str | None, int]]  # time, mutex, hold
    highest_mode: int = 0
    is_exempt: bool = False
    start: int | None = None


@dataclass
class Runner:
    """A task, or a bottom half of an I/O VCPU, which works for a task."""

    name: str
    task: Task
    vcpu: Vcpu
    is_bottom_half: bool
    jobs: deque[Job] = field(default_factory=deque)


@dataclass(frozen=True)
class Seen:
    """The response of one job, for which the highest mode of its kernel meanwhile counts."""

    task: str
    due: int
    response: int
    mode: int
    start: int  # when it had the core first

    @property
    def end(self) -> int:
        return self.due + self.response


@dataclass(frozen=True)
class Habits:
    """What the tasks of a simulation do within what they are allowed."""

    worst: bool = True  # each job needs all that it may
    synchronous: bool = True  # all are first released at one moment
    sporadic: bool = False  # later than the period at times
    overruns: float = 0.0  # how many jobs of who has a second budget need it
    rogues: frozenset[str] = frozenset()  # these never have enough
    rejoin: bool = True  # who yielded counts as woken when it may run again


class Simulation:
    """One run of one kernel."""

    def __init__(
        self,
        kernel: Kernel,
        costs: Costs,
        habits: Habits,
        seed: int,
        messages: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        """Prepare a run; ``messages`` are the moments at which tasks are woken."""
        self.kernel = kernel
        self.messages = messages or {}
        self.costs = costs
        self.habits = habits
        self.random = random.Random(seed)
        self.runners = list(self._runners())
        self.place = {id(runner): number for number, runner in enumerate(self.runners)}
        self.servers: dict[str, Sporadic | Io] = {}
        self.members: dict[str, list[Runner]] = {vcpu.name: [] for vcpu in kernel.vcpus}
        for runner in self.runners:
            self.members[runner.vcpu.name].append(runner)
        for vcpu in kernel.vcpus:
            if vcpu.kind is VcpuKind.MAIN:
                self.servers[vcpu.name] = Sporadic(vcpu.budget, vcpu.period)
            elif vcpu.kind is VcpuKind.IO:
                self.servers[vcpu.name] = Io(vcpu.utilization)
        self.backlogged: set[str] = set()
        self.enlarged: set[str] = set()
        self.extra_is_back: dict[str, int] = {}  # when second budgets can be had again
        self.recovering: set[str] = set()  # had to yield, and have not had a whole budget since
        self.unfunded: dict[str, int] = {}  # VCPUs without budget, until when
        self.ceilings: dict[str, int] = {}
        for number, runner in enumerate(self.runners):
            if not runner.is_bottom_half:
                for section in runner.task.sections:
                    self.ceilings.setdefault(section.mutex, number)
        self.held: list[tuple[Runner, int]] = []  # holder and ceiling, the innermost last
        self.mode = 0
        self.now = 0
        self.debt = 0  # what the kernel has to do before anybody goes on
        self.running: Runner | None = None
        self.events: list[tuple[int, int, Runner | None, int]] = []
        self.count = 0
        self.seen: list[Seen] = []

    # ---- who there is and when it comes ----

    def _runners(self) -> Iterator[Runner]:
        for task in self.kernel.urgency:
            for vcpu in self.kernel.vcpus:
                if vcpu.kind is VcpuKind.IO and task.name in vcpu.serves:
                    yield Runner(f"{vcpu.name} for {task.name}", task, vcpu, True)
            yield Runner(task.name, task, self.kernel.vcpu(task.vcpu), False)

    def _post(self, moment: int, runner: Runner | None, what: int) -> None:
        self.count += 1
        heapq.heappush(self.events, (moment, self.count, runner, what))

    def _lateness(self) -> int:
        return self.random.randint(0, self.costs.resolution)

    def _start(self) -> None:
        for runner in self.runners:
            if runner.task.name in self.messages and not runner.is_bottom_half:
                for moment in self.messages[runner.task.name]:
                    self._post(moment, runner, moment)
                continue
            if not runner.task.period:
                continue
            phase = 0 if self.habits.synchronous else self.random.randint(0, runner.task.period)
            self._post_release(runner, phase)
        for number, interrupt in enumerate(self.kernel.interrupts):
            self._post(self.random.randint(0, interrupt.interval), None, number)
        for number, doorbell in enumerate(self.kernel.doorbells):
            self._post(self.random.randint(0, doorbell.interval), None, -1 - number)

    def _post_release(self, runner: Runner, due: int) -> None:
        jitter = self.random.choice((0, runner.task.jitter, runner.task.jitter // 2))
        late = 0 if runner.is_bottom_half else jitter + self._lateness()
        self._post(due + late, runner, due)

    def _take_events(self) -> None:
        while self.events and self.events[0][0] <= self.now:
            moment, _, runner, what = heapq.heappop(self.events)
            if runner is None:
                self._interrupt(moment, what)
                continue
            if not runner.is_bottom_half and not runner.task.is_woken:
                self.debt += self.costs.timer
            self._release(runner, what)
            if runner.task.name in self.messages and not runner.is_bottom_half:
                self.debt += self.costs.doorbell
                continue
            gap = runner.task.period
            if runner.is_bottom_half or self.habits.sporadic:
                gap += self.random.choice((0, 0, self.random.randint(0, gap)))
            self._post_release(runner, what + gap)

    def _interrupt(self, moment: int, what: int) -> None:
        if what < 0:
            interval = self.kernel.doorbells[-1 - what].interval
            self.debt += self.costs.doorbell
        else:
            interval = self.kernel.interrupts[what].interval
            self.debt += self.kernel.interrupts[what].cost
        self._post(moment + interval, None, what)

    def _release(self, runner: Runner, due: int) -> None:
        vcpu = runner.vcpu
        if vcpu.name not in self.backlogged and vcpu.kind is not VcpuKind.BEST_EFFORT:
            self.backlogged.add(vcpu.name)
            self._wake(vcpu, runner)
        if vcpu.level < self.mode:
            self.recovering.add(vcpu.name)
        is_exempt = vcpu.name in self.recovering
        runner.jobs.append(Job(due, self._stretches(runner), self.mode, is_exempt))

    def _wake(self, vcpu: Vcpu, runner: Runner) -> None:
        server = self.servers[vcpu.name]
        if isinstance(server, Sporadic):
            server.unblock(self.now)
            whole = (vcpu.overrun_budget if vcpu.name in self.enlarged else None) or vcpu.budget
            is_whole = server.available(self.now) == whole
            is_whole = is_whole and self.now >= self.extra_is_back.get(vcpu.name, 0)
            if vcpu.level >= self.mode and is_whole:
                self.recovering.discard(vcpu.name)
        else:
            server.begin(
                max(runner.task.period, self.kernel.vcpu(runner.task.vcpu).period), self.now
            )
        self._fund(vcpu)

    def _fund(self, vcpu: Vcpu) -> None:
        server = self.servers[vcpu.name]
        if server.available(self.now):
            self.unfunded.pop(vcpu.name, None)
        else:
            self.unfunded[vcpu.name] = max(server.next_time(), self.now) + self._lateness()

    def _stretches(self, runner: Runner) -> deque[tuple[int, str | None, int]]:
        task, habits = runner.task, self.habits
        if runner.is_bottom_half:
            most = int(2 * runner.vcpu.utilization * task.period) + 1
            return deque([(self.random.randint(1, most), None, 0)])
        if task.name in habits.rogues:
            return deque([(8 * runner.vcpu.period, None, 0)])
        most = task.need or 1
        if task.overrun_need is not None and self.random.random() < habits.overruns:
            most = self.random.choice((task.overrun_need, max(most, task.overrun_need - 1)))
        need = most if habits.worst else self.random.randint(1, most)
        stretches: deque[tuple[int, str | None, int]] = deque()
        for section in task.sections:
            if need > section.hold:
                before = self.random.choice((0, self.random.randint(0, need - section.hold)))
                if before:
                    stretches.append((before, None, 0))
                stretches.append((section.hold, section.mutex, section.hold))
                need -= before + section.hold
        if need:
            stretches.append((need, None, 0))
        return stretches

    # ---- who runs ----

    def _choose(self) -> Runner | None:
        holder, ceiling = self.held[-1] if self.held else (None, len(self.runners))
        for number, runner in enumerate(self.runners):
            if not runner.jobs:
                continue
            if runner is holder:
                return runner
            if number >= ceiling or runner.vcpu.level < self.mode:
                continue
            if runner.vcpu.name not in self.unfunded:
                return runner
        return None

    def _next_moment(self) -> int:
        moments = [self.unfunded[name] for name in self.unfunded if name in self.backlogged]
        if self.events:
            moments.append(self.events[0][0])
        return min(moments)

    def run(self, until: int) -> list[Seen]:
        """Everything that has ended by then."""
        self._start()
        while self.now < until:
            self._take_events()
            self._replenish()
            chosen = self._choose()
            if chosen is not self.running and chosen is not None:
                self.running = chosen
                self.debt += self.costs.switch
            if self.debt:
                self.now += self.debt
                self.debt = 0
                continue
            following = self._next_moment()
            if chosen is None:
                self.now = max(self.now, following)
                continue
            self._execute(chosen, following - self.now)
        return self.seen

    def _replenish(self) -> None:
        for name, moment in list(self.unfunded.items()):
            if moment <= self.now and name in self.backlogged:
                self.debt += self.costs.timer
                vcpu = self.kernel.vcpu(name)
                if not self.servers[name].available(self.now):
                    self._use_second_budget(vcpu)
                self._fund(vcpu)

    def _execute(self, runner: Runner, most: int) -> None:
        job = runner.jobs[0]
        if job.start is None:
            job.start = self.now
        time, mutex, hold = job.stretches[0]
        if mutex is not None and not any(holder is runner for holder, _ in self.held):
            self.held.append((runner, self.ceilings[mutex]))
        is_holder = bool(self.held) and self.held[-1][0] is runner
        server = self.servers.get(runner.vcpu.name)
        ran = min(time, most)
        if server is not None and not (is_holder and runner.vcpu.name in self.unfunded):
            ran = min(ran, server.available(self.now))
        self.now += ran
        if server is not None:
            server.charge(ran)
        if ran < time:
            job.stretches[0] = (time - ran, mutex, hold)
        else:
            job.stretches.popleft()
            if mutex is not None:
                self.held.pop()
        if job.stretches:
            self._police(runner)
        else:
            self._end(runner)

    def _police(self, runner: Runner) -> None:
        vcpu = runner.vcpu
        server = self.servers.get(vcpu.name)
        if server is None or vcpu.name in self.unfunded or server.available(self.now):
            return
        if isinstance(server, Io):
            server.end()
            server.begin(runner.task.period, self.now)
        else:
            self._use_second_budget(vcpu)
        self.debt += self.costs.timer
        self._fund(vcpu)
        extra = self.extra_is_back.get(vcpu.name, 0)
        if vcpu.name in self.unfunded and vcpu.name not in self.enlarged and self.now < extra:
            again = extra + self._lateness()
            self.unfunded[vcpu.name] = min(self.unfunded[vcpu.name], again)

    def _end(self, runner: Runner) -> None:
        job = runner.jobs.popleft()
        vcpu = runner.vcpu
        response = self.now - job.due
        members = self.members[vcpu.name]
        if self._is_promised(runner, job):
            self.seen.append(Seen(runner.name, job.due, response, job.highest_mode, job.start or 0))
        while len(runner.jobs) > 1 and runner.jobs[1].due <= self.now:
            runner.jobs.popleft()  # releases that are whole periods late
        if not any(member.jobs for member in members):
            self.backlogged.discard(vcpu.name)
            server = self.servers.get(vcpu.name)
            if isinstance(server, Io):
                server.end()
            self.unfunded.pop(vcpu.name, None)
        else:
            self._police(next(member for member in members if member.jobs))
        above = (each for each in self.runners if each.vcpu.level >= self.mode)
        if self.mode and not any(each.jobs for each in above):
            self._lower_mode()

    def _is_promised(self, runner: Runner, job: Job) -> bool:
        if runner.is_bottom_half or not runner.task.deadline or runner.name in self.habits.rogues:
            return False
        return job.highest_mode <= runner.vcpu.level and not job.is_exempt

    # ---- modes ----

    def _raise_mode(self, level: int) -> None:
        self.mode = level
        for runner in self.runners:
            for job in runner.jobs:
                job.highest_mode = max(job.highest_mode, level)
                if runner.vcpu.level < level:
                    self.recovering.add(runner.vcpu.name)
        for vcpu in self.kernel.vcpus:
            if vcpu.level >= level and self._has_second_budget(vcpu):
                self._enlarge(vcpu)

    def _has_second_budget(self, vcpu: Vcpu) -> bool:
        has_more = vcpu.overrun_budget is not None and vcpu.name not in self.enlarged
        return has_more and self.now >= self.extra_is_back.get(vcpu.name, 0)

    def _use_second_budget(self, vcpu: Vcpu) -> None:
        if self._has_second_budget(vcpu) and vcpu.level >= self.mode:
            if self.mode == 0:
                self._raise_mode(vcpu.level)
            else:
                self._enlarge(vcpu)

    def _enlarge(self, vcpu: Vcpu) -> None:
        self.enlarged.add(vcpu.name)
        server = self.servers[vcpu.name]
        assert isinstance(server, Sporadic)
        assert vcpu.overrun_budget is not None
        server.enlarge(vcpu.overrun_budget - vcpu.budget, self.now)
        self.unfunded.pop(vcpu.name, None)
        if vcpu.name in self.backlogged:
            self._fund(vcpu)

    def _lower_mode(self) -> None:
        self.mode = 0
        for vcpu in self.kernel.vcpus:
            server = self.servers.get(vcpu.name)
            if vcpu.name in self.enlarged:
                assert isinstance(server, Sporadic) and vcpu.overrun_budget is not None
                whole = server.shrink(vcpu.overrun_budget - vcpu.budget)
                self.extra_is_back[vcpu.name] = whole
            elif isinstance(server, Sporadic) and vcpu.name in self.backlogged:
                if self.habits.rejoin:
                    server.unblock(self.now)
                self._fund(vcpu)
        self.enlarged.clear()
