"""Where a task's time comes from, for tables."""

from __future__ import annotations

from questv.inspect.model import VcpuReport
from questv.plan.model import VcpuPlan
from questv.system.timing import WHOLE_CORE
from questv.system.units import format_duration


def share(vcpu: VcpuPlan | VcpuReport, task: str, priority: int | None) -> str:
    """What time a task gets: how much, on whose VCPU unless that is its own, and in which order."""
    match vcpu.kind:
        case "main":
            time = f"{format_duration(vcpu.budget)} of {format_duration(vcpu.period)}"
        case "io":
            time = f"{vcpu.utilization / WHOLE_CORE:.1%}"
        case _:
            time = vcpu.kind
    whose = "" if vcpu.name == task or vcpu.kind == "best effort" else f" as {vcpu.name}"
    return f"{time}{whose}" + ("" if priority is None else f", {priority}")
