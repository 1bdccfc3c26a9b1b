"""What a system promises of time, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from questv.admission.analysis import Analysis, KernelAnalysis
from questv.admission.chains import ChainBound
from questv.admission.model import NORMAL
from questv.admission.response import Response
from questv.view.terminal import Named, heading, indented, sandbox_name, table
from questv.view.units import duration


def promises_view(analysis: Analysis, sandboxes: Sequence[Named]) -> RenderableType:
    """The bounds of all tasks and chains; nothing if there are none."""
    return Group(*_sections(analysis, sandboxes))


def _sections(analysis: Analysis, sandboxes: Sequence[Named]) -> Iterator[RenderableType]:
    kernels = [each for each in analysis.kernels if each.responses]
    if kernels:
        yield ""
        yield heading("Deadlines, the most urgent first")
        yield indented(_deadlines(kernels, sandboxes))
        yield ""
        yield heading("Use of the cores by VCPUs with budgets")
        yield indented(_utilization(kernels, sandboxes))
    if analysis.chains:
        yield ""
        yield heading("Chains")
        yield indented(_chains(analysis.chains))


def _deadlines(kernels: Sequence[KernelAnalysis], sandboxes: Sequence[Named]) -> Table:
    has_modes = any(each.kernel.modes != (NORMAL,) for each in kernels)
    numbers = ("budget", "own code", "period", "response", "deadline", "slack")
    mode = ("mode",) if has_modes else ()
    made = table("sandbox", "task", "VCPU", *mode, *numbers, numbers=numbers)
    for each in kernels:
        for response in each.responses:
            task = response.task
            vcpu = each.kernel.vcpu(task.vcpu)
            made.add_row(
                sandbox_name(sandboxes, each.kernel.name),
                task.name,
                vcpu.name if vcpu.name != task.name else "",
                *([str(response.mode)] if has_modes else []),
                duration(vcpu.budget_in(response.mode)),
                duration(each.own_time(response)),
                duration(task.period),
                _bound(response.bound),
                duration(task.deadline),
                _bound(response.slack),
            )
    return made


def _utilization(kernels: Sequence[KernelAnalysis], sandboxes: Sequence[Named]) -> Table:
    made = table("sandbox", "in use", "always fits up to", numbers=("in use", "always fits up to"))
    for each in kernels:
        made.add_row(
            sandbox_name(sandboxes, each.kernel.name),
            f"{float(each.utilization):.1%}",
            f"{each.utilization_bound:.1%}",
        )
    return made


def _chains(chains: Sequence[ChainBound]) -> Table:
    numbers = ("latency", "allowed", "age", "allowed age")
    made = table("name", "tasks", *numbers, numbers=numbers)
    for each in chains:
        made.add_row(
            each.chain.name,
            ", ".join(each.chain.tasks),
            _bound(each.latency),
            duration(each.chain.latency),
            _bound(each.freshness),
            "" if each.chain.freshness is None else duration(each.chain.freshness),
        )
    return made


def _bound(nanoseconds: int | None) -> str:
    return "none" if nanoseconds is None else duration(nanoseconds)


def promises_json(analysis: Analysis) -> dict[str, object]:
    """The same for programs. Times are in nanoseconds; what has no bound is null."""
    return {
        "kernels": [_kernel_json(each) for each in analysis.kernels],
        "chains": [
            {
                "name": each.chain.name,
                "tasks": each.chain.tasks,
                "latency": each.latency,
                "latency_allowed": each.chain.latency,
                "freshness": each.freshness,
                "freshness_allowed": each.chain.freshness,
            }
            for each in analysis.chains
        ],
    }


def _kernel_json(each: KernelAnalysis) -> dict[str, object]:
    return {
        "sandbox": each.kernel.name,
        "utilization": float(each.utilization),
        "utilization_bound": each.utilization_bound,
        "within_bound": each.is_within_bound,
        "responses": [_response_json(each, response) for response in each.responses],
    }


def _response_json(each: KernelAnalysis, response: Response) -> dict[str, object]:
    task = response.task
    return {
        "task": task.name,
        "vcpu": task.vcpu,
        "mode": response.mode,
        "budget": each.kernel.vcpu(task.vcpu).budget_in(response.mode),
        "own_code": each.own_time(response),
        "period": task.period,
        "response": response.bound,
        "deadline": task.deadline,
        "slack": response.slack,
    }
