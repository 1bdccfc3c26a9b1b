"""What an attacking kernel is told: which attack, and addresses that it could only have guessed."""

from __future__ import annotations

from questv.metal.lang import u64
from questv.metal.structs import Struct


class Orders(Struct):
    """The contents of the attacker's input. Addresses are physical."""

    attack: u64  # an ``Attack``
    target: u64  # what to attack: an address, an MSR, a port, a command
    value: u64  # what to write there, where that matters
    tables: u64  # where the attacker's own page tables to be lie (``memory.tables``)
    kernel_entry: u64  # the entry of the kernel's page tables that maps the GiB of its program
