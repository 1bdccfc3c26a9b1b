"""A system that keeps all rules and uses every key, for tests to look at and to spoil."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from questv.diagnostics import Place
from questv.system.tasks import ParameterKind, TaskSignature

from .fakes import INTEGERS, KnownTasks

_VALUES: dict[str, Any] = {
    "version": 1,
    "name": "demo",
    "machine": {"memory": "1280 MiB"},
    "run": {"until": ["report"], "expect": "expect:check"},
    "sandbox": [
        {
            "name": "reader",
            "core": 2,
            "memory": "2 MiB",
            "apic": "direct",
            "task": [
                {
                    "name": "read",
                    "run": "tasks:read",
                    "priority": 10,
                    "stack": "16 KiB",
                    "bind": {"digest": "to-report", "period": 1000000},
                },
                {"name": "pose", "run": "tasks:pose", "priority": 9},
            ],
            "input": [{"name": "big-file", "size": "1 GiB"}],
            "ports": [{"first": 0x70, "last": 0x71}],
            "msr": [{"number": 0xC0000102, "access": "rw"}],
        },
        {
            "name": "report",
            "memory": 4194304,
            "task": [{"name": "print", "run": "tasks:report", "priority": 10}],
        },
    ],
    "channel": [
        {
            "name": "to-report",
            "kind": "ring",
            "from": "reader",
            "to": "report",
            "size": "128 KiB",
        },
        {
            "name": "last-pose",
            "kind": "four-slot",
            "from": "reader",
            "to": "report",
            "message": "24 B",
        },
    ],
    "device": [
        {"name": "com1", "kind": "uart", "owner": "report"},
        {
            "name": "console0",
            "kind": "virtio-console",
            "owner": "report",
            "slot": 8,
            "dma": "trusted",
        },
    ],
}


def values() -> dict[str, Any]:
    """The example as plain values, a fresh copy."""
    return copy.deepcopy(_VALUES)


def signature(name: str, **parameters: str) -> TaskSignature:
    """The signature of a function whose parameters have the kinds or integer types named."""
    kinds = {kind.value: kind for kind in ParameterKind}
    return TaskSignature(
        name,
        Place(Path("tasks.py"), 12, 5, len(name)),
        {each: kinds.get(type_, ParameterKind.INTEGER) for each, type_ in parameters.items()},
        {each: INTEGERS[type_] for each, type_ in parameters.items() if type_ in INTEGERS},
        floats=False,
    )


SIGNATURES: Mapping[str, TaskSignature] = MappingProxyType(
    {
        "tasks:read": signature("read", big_file="Input", digest="Sender", period="u32"),
        "tasks:pose": signature("pose", last_pose="Writer"),
        "tasks:report": signature("report", to_report="Receiver", last_pose="Reader"),
    }
)

TASKS = KnownTasks(SIGNATURES)

EXPECT = "def check(run):\n    pass\n"
"""The module of the example's check."""
