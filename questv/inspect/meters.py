"""What tasks count, as the plan knows it by the names of their variables."""

from __future__ import annotations

from questv.inspect.guest import Guest
from questv.inspect.model import CounterReport, HistogramReport
from questv.kernel.counters import Counter, Histogram
from questv.metal.lang import RELAXED
from questv.plan.model import MeterPlan, SandboxPlan

_LARGEST = (1 << 64) - 1


def counter_reports(guest: Guest, sandbox: SandboxPlan) -> tuple[CounterReport, ...]:
    """The counters of a sandbox."""
    return tuple(
        CounterReport(name=each.name, total=_counter(guest, sandbox, each))
        for each in sandbox.meters
        if each.kind == "counter"
    )


def _counter(guest: Guest, sandbox: SandboxPlan, plan: MeterPlan) -> int:
    return int(guest.of(sandbox, Counter, plan.address).total.load(RELAXED))


def histogram_reports(guest: Guest, sandbox: SandboxPlan) -> tuple[HistogramReport, ...]:
    """The histograms of a sandbox."""
    return tuple(
        _histogram(guest, sandbox, each) for each in sandbox.meters if each.kind == "histogram"
    )


def _histogram(guest: Guest, sandbox: SandboxPlan, plan: MeterPlan) -> HistogramReport:
    found = guest.of(sandbox, Histogram, plan.address)
    buckets = [int(bucket.load(RELAXED)) for bucket in found.buckets]
    while buckets and not buckets[-1]:
        buckets.pop()
    return HistogramReport(
        name=plan.name,
        sum=int(found.sum.load(RELAXED)),
        least=_LARGEST - int(found.least.load(RELAXED)) if buckets else None,
        most=int(found.most.load(RELAXED)) if buckets else None,
        buckets=tuple(buckets),
    )
