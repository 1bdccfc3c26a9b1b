"""Rules on VCPUs that tasks share or devices have: each exists, fits, and is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from questv.diagnostics import Diagnostic, Place
from questv.system.bindings import parameters, settled_sandboxes
from questv.system.draft import Draft, Located, tasks, vcpus
from questv.system.findings import names_taken
from questv.system.model import IoVcpu, MainVcpu, Sandbox, Vcpu
from questv.system.tasks import ParameterKind, TaskSignature
from questv.system.timing import BEST_EFFORT, Share, timing
from questv.system.wording import suggest

UTILIZATIONS = (0.001, 1)

_OF_TASKS, _OF_DEVICES = "main", "io"


@dataclass(frozen=True)
class _Use:
    """That a task or a device is to have its time from the VCPU that ``place`` names."""

    sandbox: Located[Sandbox]
    what: str
    name: str
    kind: str
    place: Place

    @property
    def vcpu(self) -> Vcpu | None:
        """The VCPU of this name, if there is one."""
        return next((each for each in self.sandbox.item.vcpus if each.name == self.name), None)


def _uses(draft: Draft) -> Iterator[_Use]:
    for sandbox in draft.sandboxes:
        for task in tasks(sandbox):
            if task.item.vcpu is not None:
                what = f'task "{task.item.name}"'
                yield _Use(sandbox, what, task.item.vcpu, _OF_TASKS, task.value("vcpu"))
        for device in draft.devices:
            if device.item.owner == sandbox.item.name and device.item.vcpu is not None:
                what = f'device "{device.item.name}"'
                yield _Use(sandbox, what, device.item.vcpu, _OF_DEVICES, device.value("vcpu"))


def vcpu_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A task's own VCPU has the task's name, and what is left is called best-effort."""
    for sandbox in draft.sandboxes:
        yield from names_taken(vcpus(sandbox), "VCPU", "vcpu-name-taken", sandbox)
        names = {
            task.item.name: f'that of task "{task.item.name}" (line {task.line})'
            for task in tasks(sandbox)
            if isinstance(signature := draft.functions[task.item.run], TaskSignature)
            and timing(task.item, signature).share is Share.OWN
        }
        for vcpu in vcpus(sandbox):
            other = (names | {BEST_EFFORT: "what is left"}).get(vcpu.item.name)
            if other is not None:
                yield Diagnostic(
                    vcpu.value("name"),
                    f'"{vcpu.item.name}" is the name of another VCPU: {other}',
                    "give it another name",
                    "vcpu-name-taken",
                )


def vcpu_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A task or a device can have its time only from a VCPU of its own kernel."""
    for use in _uses(draft):
        if use.vcpu is None:
            fitting = [each.name for each in use.sandbox.item.vcpus if each.kind == use.kind]
            yield Diagnostic(
                use.place,
                f'{use.what}: sandbox "{use.sandbox.item.name}" has no VCPU "{use.name}"',
                suggest(use.name, fitting, "add a [[sandbox.vcpu]] of this name"),
                "vcpu-unknown",
            )


def vcpu_kind_wrong(draft: Draft) -> Iterator[Diagnostic]:
    """Budgets are for tasks; what interrupts leave is done with the urgency of whom it is for."""
    for use in _uses(draft):
        if use.vcpu is not None and use.vcpu.kind != use.kind:
            whose = {_OF_TASKS: "tasks", _OF_DEVICES: "devices"}[use.vcpu.kind]
            yield Diagnostic(
                use.place,
                f'{use.what}: VCPU "{use.name}" is of kind "{use.vcpu.kind}", which is for {whose}',
                f'name one of kind "{use.kind}"',
                "vcpu-kind-wrong",
            )


def vcpu_unused(draft: Draft) -> Iterator[Diagnostic]:
    """Time that nobody uses is kept from others for nothing, and was surely meant for somebody."""
    for sandbox in draft.sandboxes:
        uses = [use for use in _uses(draft) if use.sandbox == sandbox]
        if any(use.vcpu is None for use in uses):
            continue  # that is a finding of vcpu_unknown, and perhaps meant this one
        named = {use.name for use in uses}
        for vcpu in vcpus(sandbox):
            if vcpu.item.name not in named:
                whose = "task" if isinstance(vcpu.item, MainVcpu) else "device"
                yield Diagnostic(
                    vcpu.value("name"),
                    f'no {whose} of "{sandbox.item.name}" has vcpu = "{vcpu.item.name}"',
                    f"write that for a {whose}, or remove the VCPU",
                    "vcpu-unused",
                )


def utilization_range(draft: Draft) -> Iterator[Diagnostic]:
    """More than all of a core is not there, and less than a thousandth gets nothing done."""
    least, most = UTILIZATIONS
    for sandbox in draft.sandboxes:
        for vcpu in vcpus(sandbox):
            if isinstance(vcpu.item, IoVcpu) and not least <= vcpu.item.utilization <= most:
                share = vcpu.item.utilization
                yield Diagnostic(
                    vcpu.value("utilization"),
                    f"VCPU \"{vcpu.item.name}\" can't have a share of {share} of the core's time",
                    f"write {least} to {most}, e.g. 0.05 for a twentieth",
                    "utilization-range",
                )


def device_vcpu_unused(draft: Draft) -> Iterator[Diagnostic]:
    """What a device's interrupts leave to be done is for a task, and nobody waits for this one."""
    driven = {each.device.item.name for each in parameters(draft) if each.device}
    settled = settled_sandboxes(draft)
    for device in draft.devices:
        is_driven = device.item.name in driven or device.item.owner not in settled
        if device.item.vcpu is not None and not is_driven:
            yield Diagnostic(
                device.value("vcpu"),
                f'device "{device.item.name}" has a VCPU, and no task drives it',
                "give a task a Stream for it, or remove the key",
                "device-vcpu-unused",
            )


def device_vcpu_best_effort(draft: Draft) -> Iterator[Diagnostic]:
    """An I/O VCPU's budget is a share of the period of the task that it works for."""
    for each in parameters(draft):
        if each.kind is not ParameterKind.STREAM or each.device is None:
            continue
        share = timing(each.task.item, each.signature).share
        if each.device.item.vcpu is not None and share is Share.REST:
            yield Diagnostic(
                each.device.value("vcpu"),
                f'device "{each.device.item.name}" has a VCPU, and task "{each.task.item.name}" '
                f"(line {each.task.line}), which drives it, has neither period nor budget",
                "give the task a period and a budget, or remove the key",
                "device-vcpu-best-effort",
            )


RULES = (
    vcpu_name_taken,
    vcpu_unknown,
    vcpu_kind_wrong,
    vcpu_unused,
    utilization_range,
    device_vcpu_unused,
    device_vcpu_best_effort,
)
