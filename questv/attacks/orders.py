"""What an attacking kernel is told: which attack, and addresses that it could only have guessed."""

from __future__ import annotations

from questv.metal.lang import Array, Volatile, u64
from questv.metal.structs import Struct

DIRECTORY_ENTRIES = 8


class Orders(Struct):
    """One attack. Addresses are physical."""

    attack: u64  # its ``catalogue.number``
    target: u64  # what to attack: an address, an MSR, a port, a command
    value: u64  # what to write there, or how, where that matters
    scratch: u64  # where ``sight.scratch`` lies
    code: u64  # where ``modes.code`` lies
    segments: u64  # where ``descriptors.table`` lies
    directory: Array[u64, DIRECTORY_ENTRIES]  # the first entries of the kernel's directory


class Mailbox(Struct):
    """The contents of the attacker's input, which the host changes while the attacker looks."""

    number: Volatile[u64]  # of the orders, which are carried out when it changes; 0: none yet
    orders: Orders
