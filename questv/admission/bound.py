"""The utilization bound of rate-monotonic scheduling, in exact arithmetic.

C. L. Liu, J. W. Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time
Environment", JACM 1973: n tasks fit that together take at most n(2^(1/n) - 1) of a core. Sporadic
servers count like tasks, an I/O VCPU with utilization U as (2 - U)U: M. Danish, Y. Li, R. West,
"Virtual-CPU Scheduling in the Quest Operating System", RTAS 2011. The bound is enough, but not
needed: a set above it may fit, and costs and blocking are left out; ``response`` decides.
"""

from __future__ import annotations

from fractions import Fraction

from questv.admission.model import NORMAL, Kernel, Vcpu, VcpuKind


def utilization(vcpu: Vcpu, mode: int = NORMAL) -> Fraction:
    """The share of the core that ``vcpu`` can take from others in ``mode``, in which it runs."""
    match vcpu.kind:
        case VcpuKind.MAIN:
            return Fraction(vcpu.budget_in(mode), vcpu.period)
        case VcpuKind.IO:
            return (2 - vcpu.utilization) * vcpu.utilization
        case _:
            return Fraction(0)


def long_run_share(vcpu: Vcpu, mode: int = NORMAL) -> Fraction:
    """The share of the core that ``vcpu`` can take for ever in ``mode``, in which it runs."""
    return vcpu.utilization if vcpu.kind is VcpuKind.IO else utilization(vcpu, mode)


def total_utilization(kernel: Kernel, mode: int = NORMAL) -> Fraction:
    """The share of the core that all VCPUs can take that run in ``mode``."""
    shares = (utilization(vcpu, mode) for vcpu in kernel.vcpus if vcpu.runs_in(mode))
    return sum(shares, Fraction(0))


def is_within_bound(total: Fraction, count: int) -> bool:
    """Whether ``count`` VCPUs that take ``total`` of a core together fit for certain.

    ``total <= n(2^(1/n) - 1)`` without a root: ``(1 + total/n)^n <= 2``.
    """
    return count == 0 or (1 + total / count) ** count <= 2


def bound(count: int) -> float:
    """n(2^(1/n) - 1), for people to look at; ``is_within_bound`` decides."""
    return float(count * (2 ** (1 / count) - 1)) if count else 1.0
