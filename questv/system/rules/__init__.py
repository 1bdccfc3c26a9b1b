"""The rules that a description must keep: each is one function, whose docstring is its reason.

A rule looks at a Draft and yields a Diagnostic for each breach. A rule's name, which its findings
carry, is the function's with ``-`` for ``_``. Where one mistake would break two rules, one of them
keeps silent: a finding is never the echo of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft
from questv.system.rules import (
    access,
    admission,
    bindings,
    chains,
    channels,
    cores,
    devices,
    failover,
    heartbeats,
    kernels,
    memory,
    migration,
    mutexes,
    names,
    recovery,
    run,
    tasks,
    timing,
    vcpus,
)

Rule = Callable[[Draft], Iterator[Diagnostic]]

RULES: dict[str, tuple[Rule, ...]] = {
    "Names": names.RULES,
    "Cores": cores.RULES,
    "Memory": memory.RULES,
    "Tasks": tasks.RULES,
    "Time": timing.RULES,
    "VCPUs": vcpus.RULES,
    "Foreign kernels": kernels.RULES,
    "Bindings": bindings.RULES,
    "Channels": channels.RULES,
    "Mutexes": mutexes.RULES,
    "Migration": migration.RULES,
    "Heartbeats": heartbeats.RULES,
    "Recovery": recovery.RULES,
    "Fail-over": failover.RULES,
    "Chains": chains.RULES,
    "Admission": admission.RULES,
    "Devices": devices.RULES,
    "Ports and MSRs": access.RULES,
    "Run": run.RULES,
}
"""All rules by their topic, in the order of the documentation."""


def rule_name(rule: Callable[..., object]) -> str:
    """The name that the findings of the function ``rule`` carry."""
    return rule.__name__.replace("_", "-")


def check(draft: Draft) -> list[Diagnostic]:
    """Every breach of every rule; a draft without one may be built."""
    return [finding for rules in RULES.values() for rule in rules for finding in rule(draft)]
