"""The cases of the battery, by topic."""

from __future__ import annotations

from questv.plan.build import BuiltSystem

from . import cores, devices, memory, peers, processor
from .case import Case, doorbell

TOPICS = {
    "memory": memory.cases,
    "processor": processor.cases,
    "devices": devices.cases,
    "cores": cores.cases,
    "peers": peers.cases,
}


def cases(built: BuiltSystem) -> dict[str, list[Case]]:
    """All cases by topic; their names are unique."""
    found = {topic: list(make(built)) for topic, make in TOPICS.items()}
    names = [case.name for made in found.values() for case in made]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    return found


__all__ = ["TOPICS", "Case", "cases", "doorbell"]
