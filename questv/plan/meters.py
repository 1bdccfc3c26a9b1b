"""Finds what tasks count: the counters and histograms in a kernel's variables and tasks' states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from questv.kernel.counters import Counter, Histogram
from questv.metal.check.signatures import static_type
from questv.metal.definitions import DEFINITIONS, StaticKind
from questv.metal.symbols import Symbols
from questv.metal.types import ArrayType, StructType, Type
from questv.plan.model import MeterPlan


def meters_of_modules(modules: Iterable[str], symbols: Symbols) -> Iterator[MeterPlan]:
    """Those in variables of ``modules``, as far as they are in the program with ``symbols``."""
    for module in modules:
        for variable in DEFINITIONS[module].statics if module in DEFINITIONS else ():
            if variable.kind is StaticKind.VARIABLE and variable.symbol in symbols.by_name:
                name = f"{module}.{variable.name}"
                yield from meters_in(static_type(variable), name, symbols.address(variable.symbol))


def meters_in(type_: Type, name: str, address: int) -> Iterator[MeterPlan]:
    """Those in an object of this type; ``name`` is what it is called."""
    if isinstance(type_, StructType):
        if type_.python is Counter:
            yield MeterPlan(name=name, kind="counter", address=address)
        elif type_.python is Histogram:
            yield MeterPlan(name=name, kind="histogram", address=address)
        else:
            for field in type_.fields.values():
                place = address + field.offset
                yield from meters_in(field.type, f"{name}.{field.name}", place)
    elif isinstance(type_, ArrayType) and isinstance(type_.element, StructType | ArrayType):
        found = list(meters_in(type_.element, "", 0))
        for index in range(type_.length if found else 0):
            for each in found:
                place = address + index * type_.element.size + each.address
                yield MeterPlan(name=f"{name}[{index}]{each.name}", kind=each.kind, address=place)
