"""The longest way through a compiled function, in instructions, read from its machine code.

The functions call only one another, and but for one they have no loop; of that one it is said how
often it turns at most. So the longest way from the start to a return can be found.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from questv.metal.units import UnitCompiler

_CALL = r"\s*[0-9a-f]+: R_X86_64_PLT32\s+(?:\.text\.)?(.+?)-0x4"
_RETURNS = ("ret", "jmp")  # a jump to another function returns from there
_NEVER = ("ud1", "ud2")


@dataclass
class _Instruction:
    offset: int
    name: str
    operands: str
    called: str | None = None


class Paths:
    """The longest ways through all functions of modules and of what these use."""

    def __init__(self, modules: Iterable[str], *, checks: bool) -> None:
        self._functions: dict[str, list[_Instruction]] = {}
        for unit in UnitCompiler(checks=checks, level=2).compile(sorted(modules)).values():
            self._functions |= _read(unit.object)

    def longest(self, function: str, turns: int = 1) -> int:
        """Instructions from the first to the return, callees included.

        ``turns`` is how often the function's one loop runs at most; if it is 1, there is none.
        """
        code = self._functions[function]
        weights = {i.offset: 1 + (self.longest(i.called) if i.called else 0) for i in code}
        onwards = _successors(code)
        order, back = _order(onwards, code[0].offset)
        assert len(back) == (turns > 1), f"{function} has {len(back)} loops"
        forwards = {at: [to for to in tos if (at, to) not in back] for at, tos in onwards.items()}
        ends = {i.offset for i in code if not onwards[i.offset] and i.name in _RETURNS}
        total = _longest(forwards, order, weights, code[0].offset, ends)
        for end, start in back:
            total += (turns - 1) * _longest(forwards, order, weights, start, {end})
        return total


def _successors(code: list[_Instruction]) -> dict[int, list[int]]:
    """Where each instruction may go on in its function."""
    following = [i.offset for i in code[1:]]
    found: dict[int, list[int]] = {}
    for instruction, after in zip(code, [*following, None], strict=True):
        found[instruction.offset] = onwards = []
        if instruction.name not in (*_RETURNS, *_NEVER) and after is not None:
            onwards.append(after)
        if instruction.name.startswith("j") and not instruction.called:
            onwards.append(int(instruction.operands.split()[0], 16))
    return found


def _order(onwards: dict[int, list[int]], start: int) -> tuple[list[int], set[tuple[int, int]]]:
    """What can be reached, each after all that follows it; and the steps that close a loop."""
    order: list[int] = []
    back: set[tuple[int, int]] = set()
    open_, done = {start}, set()
    stack = [(start, iter(onwards[start]))]
    while stack:
        at, rest = stack[-1]
        to = next(rest, None)
        if to is None:
            stack.pop()
            open_.remove(at)
            done.add(at)
            order.append(at)
        elif to in open_:
            back.add((at, to))
        elif to not in done:
            open_.add(to)
            stack.append((to, iter(onwards[to])))
    return order, back


def _longest(
    onwards: dict[int, list[int]],
    order: list[int],
    weights: dict[int, int],
    start: int,
    ends: set[int],
) -> int:
    """The weight of the heaviest way from ``start`` to one of ``ends``, both included."""
    best: dict[int, int] = {}
    for at in order:
        if at in ends:
            best[at] = weights[at]
        elif reached := [best[to] for to in onwards[at] if to in best]:
            best[at] = weights[at] + max(reached)
    return best[start]


def _read(contents: bytes) -> dict[str, list[_Instruction]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unit.o"
        path.write_bytes(contents)
        command = ["objdump", "-dr", "-M", "intel", "--no-show-raw-insn", str(path)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[_Instruction]] = {}
    code: list[_Instruction] = []
    for line in listing.splitlines():
        if start := re.fullmatch(r"[0-9a-f]+ <(.+)>:", line):
            code = found.setdefault(start[1], [])
        elif call := re.fullmatch(_CALL, line):
            code[-1].called = call[1]
        elif inside := re.fullmatch(r"\s*([0-9a-f]+):\t(\S+)\s*(.*)", line):
            code.append(_Instruction(int(inside[1], 16), inside[2], inside[3]))
    return found
