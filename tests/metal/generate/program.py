"""A random program: one module of metal as text, and the model of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import statements as st
from .model import (
    INTEGERS,
    Frame,
    Machine,
    Record,
    Result,
    Scalar,
    Table,
    Type,
    overwrite,
    zero,
)


@dataclass(eq=False)
class Function:
    """A function; ``method`` is the struct that it is defined in."""

    name: str
    parameters: list[tuple[str, Type]]
    result: Scalar
    inline: bool
    method: Record | None = None
    body: list[st.Statement] = field(default_factory=list)

    def call(self, machine: Machine, arguments: Sequence[Any]) -> Any:
        machine.step()
        names = (name for name, _ in self.parameters)
        frame = Frame(machine, dict(zip(names, arguments, strict=True)))
        try:
            st.run_all(self.body, frame)
        except Result as result:
            return result.value
        raise AssertionError("every path returns")

    def text(self) -> str:
        given = [f"{name}: {type_.name}" for name, type_ in self.parameters]
        if self.method is not None:
            given[0] = "self"
        mark = "@metal(inline=True)" if self.inline else "@metal"
        head = f"def {self.name}({', '.join(given)}) -> {self.result.name}:"
        return "\n".join([mark, head, *st.block(self.body)])


@dataclass(frozen=True, eq=False)
class Variable:
    """A module-level variable with the model's memory that it starts with."""

    name: str
    type: Type
    initial: Any
    cell: str = ""

    def text(self) -> str:
        annotation = f"{self.cell}[{self.type.name}]" if self.cell else self.type.name
        return f"{self.name}: {annotation} = static({_initial(self.type, self.initial)})"


def _initial(type_: Type, memory: Any) -> str:
    if isinstance(type_, Record):
        parts = (f"{name!r}: {_initial(part, memory[name])}" for name, part in type_.fields)
        return f"{{{', '.join(parts)}}}"
    if isinstance(type_, Table) and isinstance(type_.element, Record):
        return f"[{', '.join(_initial(type_.element, part) for part in memory)}]"
    return repr(memory if isinstance(type_, Table) else memory[0])


@dataclass
class Program:
    """All of a module; every function calls only functions that stand before it."""

    records: list[Record]
    variables: list[Variable] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    tables: dict[str, list[Function]] = field(default_factory=dict)
    entries: list[Function] = field(default_factory=list)

    def text(self) -> str:
        parts = [
            "from __future__ import annotations\n"
            "from collections.abc import Callable\n"
            "from questv.metal.lang import *\n"
            "from questv.metal.structs import Struct"
        ]
        for record in self.records:
            lines = [f"class {record.name}(Struct):"]
            lines += [f"    {name}: {type_.name}" for name, type_ in record.fields]
            for function in self.functions:
                if function.method is record:
                    lines += [f"    {line}" for line in function.text().splitlines()]
            parts.append("\n".join(lines))
        parts += [variable.text() for variable in self.variables]
        for type_ in INTEGERS:
            parts.append(
                f"@metal\ndef note_{type_.name}(tag: u64, value: {type_.name}) -> {type_.name}:\n"
                "    global trace\n"
                "    trace = trace * 31 + tag + u64.wrap(value)\n"
                "    return value"
            )
        parts += [function.text() for function in self.functions if function.method is None]
        for name, functions in self.tables.items():
            kinds = ", ".join(type_.name for _, type_ in functions[0].parameters)
            names = ", ".join(function.name for function in functions)
            parts.append(
                f"{name}: Array[Callable[[{kinds}], {functions[0].result.name}], "
                f"{len(functions)}] = constant([{names}])"
            )
        parts += [function.text() for function in self.entries]
        return "\n\n\n".join(parts) + "\n"

    def machine(self, *, checks: bool) -> Machine:
        """The model of a freshly loaded module."""
        statics = {}
        for variable in self.variables:
            statics[variable.name] = zero(variable.type)
            overwrite(statics[variable.name], variable.initial)
        return Machine(checks, statics)
