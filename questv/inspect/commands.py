"""Commands to a local APIC to interrupt other cores, in words (APM vol. 2, 16.5)."""

from __future__ import annotations

from questv.inspect.guest import Guest

_FIXED, _STARTUP = 0, 6
_KINDS = {1: "a lowest-priority interrupt", 2: "an SMI", 4: "an NMI", 5: "INIT", 7: "an ExtINT"}
_EVERYONE = {1: "itself", 2: "all cores", 3: "all other cores"}
_LOGICAL = 1 << 11


def describe(guest: Guest, command: int) -> str:
    """What ``command``, in the form of the x2APIC's register, would send, and to whom."""
    return f"{_what(command)} to {_whom(guest, command)}"


def _what(command: int) -> str:
    kind, vector = command >> 8 & 7, command & 0xFF
    if kind == _FIXED:
        return f"vector {vector:#x}"
    if kind == _STARTUP:
        return f"SIPI (start at {vector << 12:#x})"
    return _KINDS.get(kind, f"an interrupt of kind {kind}")


def _whom(guest: Guest, command: int) -> str:
    shorthand, target = command >> 18 & 3, command >> 32
    if shorthand:
        return _EVERYONE[shorthand]
    if command & _LOGICAL:
        return f"the logical destination {target:#x}"
    facts = guest.facts
    for sandbox in guest.plan.sandboxes:
        if sandbox.core < int(facts.core_count) and int(facts.apic_ids[sandbox.core]) == target:
            return f"APIC {target} (sandbox '{sandbox.name}')"
    return f"APIC {target}"
