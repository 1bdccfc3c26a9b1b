"""What the analysis is about: kernels with their VCPUs, tasks and interrupts, and chains of tasks.

All times are integers of nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property

NORMAL = 0
"""The mode of a kernel in which all VCPUs run, with their first budgets."""


class VcpuKind(Enum):
    """How a VCPU gets its time."""

    MAIN = "main"  # a sporadic server
    IO = "io"  # a priority inheritance bandwidth-preserving server
    BEST_EFFORT = "best effort"  # what is left


@dataclass(frozen=True)
class Vcpu:
    """What gives tasks time: ``budget`` in each ``period``, or a share of the core for I/O."""

    name: str
    kind: VcpuKind = VcpuKind.MAIN
    budget: int = 0
    period: int = 0
    overrun_budget: int | None = None
    level: int = 0
    utilization: Fraction = Fraction(0)  # of an I/O VCPU
    serves: tuple[str, ...] = ()  # the tasks that an I/O VCPU's bottom halves work for

    def runs_in(self, mode: int) -> bool:
        """Whether it goes on when the kernel is in ``mode``."""
        return self.level >= mode

    def budget_in(self, mode: int) -> int:
        """What it has in each period while the kernel is in ``mode``, in which it runs."""
        if mode == NORMAL or self.overrun_budget is None:
            return self.budget
        return self.overrun_budget

    @property
    def can_raise(self) -> bool:
        """Whether it raises the kernel's mode when it uses up its first budget."""
        return self.level > NORMAL and self.overrun_budget is not None


@dataclass(frozen=True)
class Section:
    """A critical section: the longest that a task holds a mutex."""

    mutex: str
    hold: int


@dataclass(frozen=True)
class Task:
    """Something that is released again and again, and each time needs some time of its VCPU.

    ``need`` is what it takes of its VCPU's budget, with what the kernel does meanwhile, or None if
    only the budget of all on its VCPU is known. A task of best effort has no deadline.
    """

    name: str
    vcpu: str
    period: int = 0  # the least time between two releases
    need: int | None = None  # for each release, at most, in normal running
    overrun_need: int | None = None  # in raised modes, if that is more
    deadline: int = 0  # after the release; at most the period
    jitter: int = 0  # the longest from when a release is due until it comes
    is_woken: bool = False  # it is released by messages, not exactly by its period
    sections: tuple[Section, ...] = ()

    def need_in(self, mode: int) -> int | None:
        """What it needs for each release while the kernel is in ``mode``."""
        return self.need if mode == NORMAL or self.overrun_need is None else self.overrun_need


@dataclass(frozen=True)
class Interrupt:
    """Something that interrupts the kernel from outside: a device."""

    name: str
    interval: int  # the least time between two
    cost: int  # until the kernel goes on with what it did


@dataclass(frozen=True)
class Doorbell:
    """Another kernel's doorbell, which wakes a task that waits for a message."""

    name: str
    interval: int  # the least time between two


@dataclass(frozen=True)
class Guest:
    """A task that moves: it comes from another kernel, and goes there again."""

    task: str
    by: str  # the task that moves it
    interval: int  # the least time between two departures


@dataclass(frozen=True)
class Kernel:
    """One core with all that takes time of it.

    VCPUs stand in the order of the description, tasks of one VCPU the most urgent first. Names are
    unique, each task's VCPU is there, and it is none for I/O.
    """

    name: str
    vcpus: tuple[Vcpu, ...]
    tasks: tuple[Task, ...]
    interrupts: tuple[Interrupt, ...] = ()
    doorbells: tuple[Doorbell, ...] = ()
    is_guarded: bool = True  # its monitor checks each doorbell that it sends
    guests: tuple[Guest, ...] = ()

    def vcpu(self, name: str) -> Vcpu:
        """The VCPU of this name."""
        return self._vcpus[name]

    def task(self, name: str) -> Task:
        """The task of this name."""
        return next(task for task in self.tasks if task.name == name)

    @cached_property
    def _vcpus(self) -> dict[str, Vcpu]:
        return {vcpu.name: vcpu for vcpu in self.vcpus}

    @cached_property
    def urgency(self) -> tuple[Task, ...]:
        """Its tasks, the most urgent first: rate-monotonic, best effort behind all."""
        place = {vcpu.name: number for number, vcpu in enumerate(self.vcpus)}

        def key(task: Task) -> tuple[bool, int, int]:
            vcpu = self.vcpu(task.vcpu)
            return vcpu.kind is VcpuKind.BEST_EFFORT, vcpu.period, place[vcpu.name]

        return tuple(sorted(self.tasks, key=key))

    def tasks_of(self, vcpu: Vcpu) -> tuple[Task, ...]:
        """The tasks that run on ``vcpu``, the most urgent first."""
        return tuple(task for task in self.tasks if task.vcpu == vcpu.name)

    @cached_property
    def modes(self) -> tuple[int, ...]:
        """The modes that this kernel can be in, normal running first."""
        return (NORMAL, *sorted({vcpu.level for vcpu in self.vcpus if vcpu.can_raise}))


@dataclass(frozen=True)
class Chain:
    """Tasks, each named ``kernel.task``, that hand data on to each other."""

    name: str
    tasks: tuple[str, ...]
    latency: int  # at most, from the release of the first to the end of the last that used its data
    freshness: int | None = None  # at most, the age of the data that the last acts on


@dataclass(frozen=True)
class System:
    """All kernels of a machine, and the chains across them."""

    kernels: tuple[Kernel, ...]
    chains: tuple[Chain, ...] = ()

    def stages(self, chain: Chain) -> Iterator[tuple[Kernel, Task]]:
        """Where each task of ``chain`` runs, and the task."""
        kernels = {kernel.name: kernel for kernel in self.kernels}
        for name in chain.tasks:
            kernel, _, task = name.partition(".")
            yield kernels[kernel], kernels[kernel].task(task)
