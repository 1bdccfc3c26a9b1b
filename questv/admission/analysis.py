"""Everything that can be promised of a system, in one go."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from questv.admission import bound
from questv.admission.chains import ChainBound, chain_bounds
from questv.admission.costs import Costs
from questv.admission.model import Kernel, System, VcpuKind
from questv.admission.response import Response, response_times


@dataclass(frozen=True)
class KernelAnalysis:
    """What can be promised of one kernel's tasks."""

    kernel: Kernel
    responses: tuple[Response, ...]

    @property
    def utilization(self) -> Fraction:
        """The share of the core that all VCPUs with a guarantee can take in normal running."""
        return bound.total_utilization(self.kernel)

    @property
    def utilization_bound(self) -> float:
        """Up to this share, any VCPUs of their number fit."""
        return bound.bound(self._count)

    @property
    def is_within_bound(self) -> bool:
        """Whether the utilization alone says that they fit, costs and blocking left out."""
        return bound.is_within_bound(self.utilization, self._count)

    @property
    def _count(self) -> int:
        return sum(1 for vcpu in self.kernel.vcpus if vcpu.kind is not VcpuKind.BEST_EFFORT)

    def own_time(self, response: Response) -> int:
        """What the kernel leaves of the task's budget to its own code, at worst."""
        need = response.task.need_in(response.mode)
        vcpu = self.kernel.vcpu(response.task.vcpu)
        return (vcpu.budget_in(response.mode) if need is None else need) - response.kernel


@dataclass(frozen=True)
class Analysis:
    """What can be promised of a system, on a machine on which the kernel has these ``costs``."""

    kernels: tuple[KernelAnalysis, ...]
    chains: tuple[ChainBound, ...]
    costs: Costs


def analyse(system: System, costs: Costs) -> Analysis:
    """Work everything out; nothing is refused here."""
    return Analysis(
        tuple(KernelAnalysis(each, response_times(each, costs)) for each in system.kernels),
        chain_bounds(system, costs),
        costs,
    )
