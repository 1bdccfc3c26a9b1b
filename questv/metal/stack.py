"""The worst stack depth of a program's entry points.

Frames are read from the compiled code itself: every function starts by saving registers and
reserving its frame, and frame pointers are always kept. Calls are read from the same facts that
the checker collected, calls through pointers going to every function of that type whose address
is taken. Recursion has no bound and is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.metal.source import line_place
from questv.metal.units import Unit

RETURN_ADDRESS = 8


class StackError(Exception):
    """A stack depth that can't be told; the message says why."""


@dataclass(frozen=True)
class _Node:
    """One function: its frame in bytes, its return address included, and what it calls.

    ``calls`` are what its code calls or jumps to; ``names`` besides what its source calls, though
    the optimizer may have copied that in.
    """

    name: str
    place: Place
    frame: int
    calls: frozenset[str]
    names: frozenset[str]
    pointer_calls: tuple[str, ...]
    pushes: int


@dataclass(frozen=True)
class _Contents:
    """The types of the pointers that code calls through, and what its assembly pushes."""

    pointer_calls: frozenset[str]
    pushes: int


class StackDepths:
    """Worst depths for one program's units."""

    def __init__(self, units: Iterable[Unit], addresses: Mapping[str, str] | None = None) -> None:
        """Read frames and calls; ``addresses`` adds functions, by symbol, whose address others
        take, with their types.

        Raises DiagnosticsError if functions call themselves.
        """
        self._nodes: dict[str, _Node] = {}
        self._targets: dict[str, set[str]] = {}
        for symbol, type_ in (addresses or {}).items():
            self._targets.setdefault(type_, set()).add(symbol)
        for unit in units:
            for symbol, type_ in unit.addresses:
                self._targets.setdefault(type_, set()).add(symbol)
            self._read(unit)
        self._depths: dict[str, int] = {}
        self._contained: dict[_Node, _Contents] = {}
        self._refuse_recursion()

    def depth(self, symbol: str) -> int:
        """The most stack, in bytes, that a call of ``symbol`` uses, its return address included.

        Raises StackError if it is no known function, or calls code that is none.
        """
        if symbol not in self._nodes:
            raise StackError(f"no function has the symbol '{symbol}'")
        if symbol not in self._depths:
            node = self._nodes[symbol]
            unknown = sorted(node.calls - self._nodes.keys())
            if unknown:
                raise StackError(f"'{symbol}' calls '{unknown[0]}', which is no function")
            called = [self.depth(callee) for callee in self._callees(node)]
            self._depths[symbol] = node.frame + max([*called, self._contents(node).pushes])
        return self._depths[symbol]

    def path(self, symbol: str) -> list[tuple[str, int]]:
        """The calls that make up the worst depth: (function, its own frame in bytes)."""
        node = self._nodes[symbol]
        found = [(node.name, node.frame)]
        callees = self._callees(node)
        if callees:
            found += self.path(max(callees, key=self.depth))
        return found

    def _callees(self, node: _Node) -> list[str]:
        pointers = self._contents(node).pointer_calls
        return sorted(node.calls.union(*map(self._through_pointers, pointers)))

    def _contents(self, node: _Node) -> _Contents:
        """What a function's code holds, with that of functions that may be copied into it."""
        if node not in self._contained:
            named = [self._nodes[name] for name in node.names if name in self._nodes]
            parts = [self._contents(part) for part in named]
            self._contained[node] = _Contents(
                frozenset(node.pointer_calls).union(*(part.pointer_calls for part in parts)),
                max([node.pushes, *(part.pushes for part in parts)]),
            )
        return self._contained[node]

    def _through_pointers(self, type_: str) -> set[str]:
        return self._targets.get(type_, set())

    def _read(self, unit: Unit) -> None:
        code = unit.code
        for facts in unit.functions:
            frame = facts.stack
            calls = code.calls.get(facts.symbol, frozenset())
            self._nodes[facts.symbol] = _Node(
                facts.name,
                line_place(unit.file, facts.line),
                RETURN_ADDRESS + (code.frames.get(facts.symbol, 0) if frame is None else frame),
                calls,
                calls | set(facts.calls),
                facts.pointer_calls,
                facts.pushes,
            )

    def _refuse_recursion(self) -> None:
        done: set[str] = set()
        diagnostics = []
        for start in sorted(self._nodes):
            path: list[str] = []
            cycle = self._find_cycle(start, path, done)
            if cycle:
                done.update(path)  # each circle is reported once
                nodes = [self._nodes[symbol] for symbol in cycle]
                names = " -> ".join([*(node.name for node in nodes), nodes[0].name])
                diagnostics.append(
                    Diagnostic(
                        nodes[0].place,
                        f"functions call themselves: {names}",
                        "use a loop: recursion has no bound on its stack",
                        "recursion",
                    )
                )
        if diagnostics:
            raise DiagnosticsError(diagnostics)

    def _find_cycle(self, symbol: str, path: list[str], done: set[str]) -> list[str] | None:
        if symbol in path:
            return path[path.index(symbol) :]
        if symbol in done:
            return None
        path.append(symbol)
        node = self._nodes[symbol]
        pointed = map(self._through_pointers, node.pointer_calls)
        called = node.names.union(*pointed) & self._nodes.keys()
        for callee in sorted(called):
            cycle = self._find_cycle(callee, path, done)
            if cycle:
                return cycle
        path.pop()
        done.add(symbol)
        return None
