"""A system that keeps all rules and uses every key, for tests to look at and to spoil."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from questv.diagnostics import Place
from questv.system.tasks import ParameterKind, Periodic, TaskSignature

from .fakes import FLOATS, INTEGERS, KnownTasks

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
                {
                    "name": "pose",
                    "run": "tasks:pose",
                    "period": "1 ms",
                    "budget": "100 us",
                    "deadline": 900_000,
                    "level": 2,
                    "overrun_budget": "0.2 ms",
                },
            ],
            "input": [{"name": "big-file", "size": "1 GiB"}],
            "ports": [{"first": 0x70, "last": 0x71}],
            "msr": [{"number": 0xC0000102, "access": "rw"}],
        },
        {
            "name": "report",
            "memory": 4194304,
            "task": [
                {"name": "print", "run": "tasks:report", "vcpu": "shared", "priority": 10},
                {
                    "name": "listen",
                    "run": "tasks:listen",
                    "bind": {"port": "console0", "gain": 0.5},
                },
            ],
            "vcpu": [
                {
                    "name": "shared",
                    "kind": "main",
                    "period": "10 ms",
                    "budget": "1 ms",
                    "level": 1,
                    "overrun_budget": "2 ms",
                },
                {"name": "io", "kind": "io", "utilization": 0.05},
            ],
            "mutex": [{"name": "lock", "hold": "5 us"}],
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
            "vcpu": "io",
        },
    ],
    "chain": [
        {
            "name": "pose-to-print",
            "tasks": ["reader.pose", "report.print"],
            "latency": "15 ms",
            "freshness": "20 ms",
        },
    ],
}


def values() -> dict[str, Any]:
    """The example as plain values, a fresh copy."""
    return copy.deepcopy(_VALUES)


def signature(name: str, /, periodic: Periodic | None = None, **parameters: str) -> TaskSignature:
    """The signature of a function whose parameters have the kinds or number types named."""
    kinds = {kind.value: kind for kind in ParameterKind}
    kinds |= dict.fromkeys(INTEGERS, ParameterKind.INTEGER)
    kinds |= dict.fromkeys(FLOATS, ParameterKind.FLOAT)
    bits = {each: FLOATS[type_] for each, type_ in parameters.items() if type_ in FLOATS}
    return TaskSignature(
        name,
        Place(Path("tasks.py"), 12, 5, len(name)),
        {each: kinds[type_] for each, type_ in parameters.items()},
        {each: INTEGERS[type_] for each, type_ in parameters.items() if type_ in INTEGERS},
        floats=bool(bits),
        bits=bits,
        periodic=periodic,
    )


SIGNATURES: Mapping[str, TaskSignature] = MappingProxyType(
    {
        "tasks:read": signature("read", big_file="Input", digest="Sender", period="u32"),
        "tasks:pose": signature("pose", Periodic(None, None), last_pose="Writer"),
        "tasks:report": signature("report", to_report="Receiver", last_pose="Reader", lock="Mutex"),
        "tasks:listen": signature(
            "listen",
            Periodic(10_000_000, 1_000_000),
            port="Stream",
            lock="Mutex",
            own="State",
            gain="f32",
        ),
    }
)

TASKS = KnownTasks(SIGNATURES)

EXPECT = "def check(run):\n    pass\n"
"""The module of the example's check."""
