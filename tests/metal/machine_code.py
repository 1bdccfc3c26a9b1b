"""Reads the machine code of a compiled function, by way of ``objdump``."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from questv.metal.units import UnitCompiler

_WIDTHS = {"BYTE": 1, "WORD": 2, "DWORD": 4, "QWORD": 8}


@dataclass(frozen=True)
class Instruction:
    """One instruction in Intel syntax."""

    name: str
    operands: str

    @property
    def memory(self) -> str | None:
        """The memory operand, if it is no part of the function's own stack frame."""
        found = re.search(r"\[[^]]*\]", self.operands)
        if found is None or self.name in ("lea", "ud1") or "nop" in self.name:
            return None
        return None if re.search(r"r[sb]p", found[0]) else self.operands

    @property
    def width(self) -> int:
        """How many bytes of memory it touches."""
        found = re.search(r"(QWORD|DWORD|WORD|BYTE) PTR", self.operands)
        assert found is not None, self
        return _WIDTHS[found[1]]

    def __str__(self) -> str:
        return f"{self.name} {self.operands}".strip()


def functions(module: Any, *, checks: bool, level: int) -> dict[str, list[Instruction]]:
    """The instructions of every function of a module, by symbol."""
    name = module.__name__
    unit = UnitCompiler(checks=checks, level=level).compile([name])[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unit.o"
        path.write_bytes(unit.object)
        command = ["objdump", "-d", "-M", "intel", "--no-show-raw-insn", str(path)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for line in listing.splitlines():
        if start := re.fullmatch(r"[0-9a-f]+ <(.+)>:", line):
            current = found.setdefault(start[1].removeprefix(f"{name}."), [])
        elif inside := re.fullmatch(r"\s*[0-9a-f]+:\t(.+?)\s*(#.*)?", line):
            words = inside[1].split(None, 1)
            prefix = ""
            while words[0] in ("lock", "rep", "cs", "data16"):
                prefix += f"{words[0]} " if words[0] == "lock" else ""
                words = words[1].split(None, 1)
            current.append(Instruction(prefix + words[0], words[1] if len(words) > 1 else ""))
    return found


def accesses(code: list[Instruction]) -> list[Instruction]:
    """The instructions that touch memory outside the stack frame."""
    return [instruction for instruction in code if instruction.memory is not None]
