"""Where a task's time comes from, for tables."""

from __future__ import annotations

from questv.inspect.model import VcpuReport
from questv.plan.model import VcpuPlan
from questv.system.units import format_duration

_WHOLE = 1 << 32

HEADS = ("VCPU", "budget", "period")
NUMBERS = ("budget", "period")


def cells(vcpu: VcpuPlan | VcpuReport, priority: int | None) -> tuple[str, str, str]:
    """The cells below ``HEADS`` for a task with this VCPU and this priority there, if any."""
    rank = "" if priority is None else f", priority {priority}"
    match vcpu.kind:
        case "main":
            times = format_duration(vcpu.budget), format_duration(vcpu.period)
            return (f"{vcpu.name}{rank}", *times)
        case "io":
            return f"{vcpu.name}{rank}", f"{vcpu.utilization / _WHOLE:.1%}", ""
        case _:
            return f"{vcpu.kind}{rank}", "", ""
