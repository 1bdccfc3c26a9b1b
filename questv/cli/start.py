"""Starting a machine for a person: what they want to run, on what, with which inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from questv.cli.inputs import BoundInput
from questv.cli.output import UserError
from questv.cli.scratch import scratch_folder
from questv.cli.streams import BoundStream, connected
from questv.cli.target import Target
from questv.inspect.inspector import Inspector
from questv.inspect.model import AskedMachine
from questv.machine import MIB, Machine, MachineKind, MachineOptions, memory_size
from questv.machine.contents import Progress
from questv.machine.deterministic import metronome, metronome_word
from questv.machine.relay import Relay
from questv.monitor.interface import SandboxState
from questv.plan.model import DevicePlan, Plan

ASKED = "asked.json"
"""Under this name others find what was asked of a running machine."""

_HEADERS = MIB  # room for the inputs' headers


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """How to run; ``run_for`` is in nanoseconds of the machine's time, None for no limit.

    ``streams`` are connected to what they name. With ``debugger`` the machine waits for one before
    its first instruction.
    """

    kind: MachineKind
    deterministic: bool
    run_for: int | None = None
    streams: tuple[BoundStream, ...] = ()
    debugger: bool = False

    def command_line(self, plan: Plan) -> str:
        """What the boot is told."""
        words = []
        if self.deterministic:
            words.append(metronome_word(metronome(_shortest_budget(plan))))
        return " ".join([*words, *([f"for={self.run_for}"] if self.run_for is not None else [])])


def asked_machine(target: Target, options: StartOptions) -> AskedMachine:
    """What is asked of the machine, as reports have it."""
    plan = target.plan
    return AskedMachine(
        kind=options.kind,
        cores=plan.cores,
        memory=plan.memory,
        deterministic=options.deterministic,
        run_for=options.run_for,
        x2apic=plan.x2apic,
        interrupts={sandbox.name: sandbox.apic for sandbox in plan.sandboxes},
    )


def _shortest_budget(plan: Plan) -> int | None:
    """The shortest budget of a task; None if there are tasks without one, or foreign kernels."""
    budgets = []
    for sandbox in plan.sandboxes:
        kinds = {vcpu.kind for vcpu in sandbox.vcpus}
        if "best effort" in kinds or not kinds:
            return None
        budgets += [vcpu.budget for vcpu in sandbox.vcpus if vcpu.kind == "main"]
    return min(budgets)


@contextmanager
def started(
    target: Target,
    inputs: Sequence[BoundInput],
    options: StartOptions,
    progress: Progress | None = None,
) -> Iterator[Machine]:
    """A machine that runs ``target`` and that others can inspect, until the block ends.

    ``progress`` is told how far the copying of inputs is. Raises MachineError if the machine can't
    be started, and UserError if a stream can't be connected or the machine lacks a device.
    """
    plan = target.plan
    _check_kind(plan, options.kind)
    with (
        scratch_folder(plan.name, len(target.image) + _HEADERS) as folder,
        connected(options.streams) as relays,
    ):
        ends = list(_ends(plan, relays))
        image = folder / "image.elf"
        image.write_bytes(target.image)
        machine_options = MachineOptions(
            image=image,
            memory=memory_size(options.kind, plan.memory, plan.end),
            kind=options.kind,
            cores=plan.cores,
            deterministic=options.deterministic,
            command_line=options.command_line(plan),
            contents=tuple(part for each in inputs for part in each.contents(folder)),
            streams=tuple((each.name, end) for each, end in ends if each.slot is None),
            consoles=tuple((each.slot, end) for each, end in ends if each.slot is not None),
            debugger=options.debugger,
        )
        with Machine(machine_options, name=plan.name, progress=progress) as machine:
            inspector = Inspector(plan, target.programs, machine.memory)
            for name, relay in relays.items():
                relay.hand_over(partial(_is_driven, inspector, name))
            machine.publish(ASKED, asked_machine(target, options).model_dump_json().encode())
            try:
                yield machine
            finally:
                for relay in relays.values():
                    relay.let_go()


def _check_kind(plan: Plan, kind: MachineKind) -> None:
    """Refuse a machine that lacks a device of the plan; raises UserError."""
    for sandbox in plan.sandboxes:
        for device in sandbox.devices:
            if device.slot is not None and kind is not MachineKind.MICROVM:
                raise UserError(
                    f"the machine {kind} has no virtio-mmio slots, and device '{device.name}' of "
                    f"{sandbox.name} is in one",
                    f"run it on --machine {MachineKind.MICROVM}",
                )


def _ends(plan: Plan, relays: Mapping[str, Relay]) -> Iterator[tuple[DevicePlan, int | None]]:
    """Every device that sandboxes drive, each with the socket it is to be connected to."""
    for sandbox in plan.sandboxes:
        for device in sandbox.devices:
            relay = relays.get(device.name)
            yield device, relay.guest_end if relay is not None else None


def _is_driven(inspector: Inspector, device: str) -> bool:
    """Whether the kernel that drives a device has said that it runs; foreign ones need not."""
    for sandbox in inspector.plan.sandboxes:
        if any(each.name == device for each in sandbox.devices):
            own = sandbox.foreign is None
            least = SandboxState.STARTED if own else SandboxState.ENTERED
            return inspector.state(sandbox.name) >= least
    raise LookupError(f"nobody drives {device}")
