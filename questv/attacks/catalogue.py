"""All attacks. A kernel knows them by their numbers, the places in this list."""

from __future__ import annotations

from collections.abc import Callable

from questv.attacks import (
    channels,
    faults,
    hypercalls,
    indirect,
    instructions,
    interrupts,
    memory,
    modes,
    ports,
    registers,
    rings,
)
from questv.attacks.orders import Orders
from questv.metal.definitions import DEFINITIONS, MetalFunction
from questv.metal.lang import Array, constant, metal


@metal
def do_nothing(orders: Orders) -> None:
    """Look harmless: what the harness compares with."""


def _takes_orders(function: MetalFunction) -> bool:
    return function.python.__annotations__ == {"orders": "Orders", "return": "None"}


_MODULES = (
    memory,
    indirect,
    modes,
    rings,
    instructions,
    registers,
    ports,
    faults,
    interrupts,
    hypercalls,
    channels,
)

ATTACKS: tuple[MetalFunction, ...] = tuple(
    function
    for module in (__name__, *(module.__name__ for module in _MODULES))
    for function in DEFINITIONS[module].functions
    if _takes_orders(function) and not function.name.startswith("_")
)

NO_MORE = 0xFFFF
"""Instead of an attack: the attacker may end."""

_attacks: Array[Callable[[Orders], None], len(ATTACKS)] = constant(list(ATTACKS))


def number(attack: MetalFunction) -> int:
    """What a kernel knows an attack by."""
    return ATTACKS.index(attack)


def topic(attack: MetalFunction) -> str:
    """The last part of the name of its module."""
    return attack.module.rpartition(".")[2]


@metal
def perform(orders: Orders) -> None:
    """Do what the orders say; hardly any attack comes back if it is contained."""
    if orders.attack < len(ATTACKS):
        _attacks[orders.attack](orders)
