"""From addresses to source: the same answers as binutils give, at every instruction."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from questv.metal.link import link
from questv.metal.symbols import Frame, Symbols
from questv.metal.units import UnitCompiler

from .generate.maker import make_program
from .loading import HEADER, Workshop

SCRIPT = """
SECTIONS {
    . = 0x400000;
    .text : { *(.text*) }
    .rodata : { *(.rodata*) }
    .data : { *(.data*) }
    .bss : { *(.bss*) }
    /DISCARD/ : { *(.eh_frame*) }
}
"""

LIBRARY = """
@metal(inline=True)
def deepest(a: u64) -> u64:
    return 1000 // a

@metal(inline=True)
def deeper(a: u64) -> u64:
    if a > 7:
        return deepest(a - 3)
    return deepest(a) * 2
"""
PROGRAM = """
import library

table: Array[u64, 8] = static()

class Box(Struct):
    lid: u64

    @metal
    def open(self, key: u64) -> u64:
        return library.deeper(self.lid) + key

@metal
def loops(a: u64) -> u64:
    total: u64 = 0
    for i in range(a):
        total += library.deeper(i + 1)
        table[i] = total
    return total

@metal
def start(box: Box, a: u64) -> u64:
    first = loops(a)
    second = box.open(first)
    return first + second
"""


def linked(modules: list[str], keep: list[str], *, level: int, checks: bool = True) -> bytes:
    units = UnitCompiler(checks=checks, level=level).compile(modules)
    return link(units.values(), SCRIPT, keep)


def addr2line(elf: Path, addresses: list[int]) -> list[tuple[str, int]]:
    """The file and line of each address, as binutils tell them."""
    given = "".join(f"{address:#x}\n" for address in addresses)
    command = ["addr2line", "-e", str(elf)]
    run = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    found = []
    for answer in run.stdout.splitlines():
        file, _, line = answer.partition(" ")[0].rpartition(":")
        number = int(line) if line.isdigit() else 0
        found.append((file.rpartition("/")[2].replace("??", "?"), number))
    return found


def spans(module: ModuleType) -> dict[str, range]:
    """The lines of every function of a module, by its name within it."""
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text())
    found = {}
    for node in [tree, *(part for part in tree.body if isinstance(part, ast.ClassDef))]:
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for part in node.body:
            if isinstance(part, ast.FunctionDef):
                found[prefix + part.name] = range(part.lineno, (part.end_lineno or 0) + 1)
    return found


def check(elf: bytes, folder: Path, names: list[str], *modules: ModuleType) -> Counter[int]:
    """Look at every instruction of some functions; how many have how many frames.

    The innermost line is the one that binutils tell, each line but for a few lies in the function
    of its frame, and an outer frame's line holds a call of the inner one.
    """
    path = folder / "program.elf"
    path.write_bytes(elf)
    symbols = Symbols(elf)
    functions = {}
    text = {}
    for module in modules:
        file = Path(str(module.__file__))
        functions |= {name: (file.name, lines) for name, lines in spans(module).items()}
        text[file.name] = file.read_text().splitlines()
    addresses = []
    for name in names:
        symbol = symbols.by_name[name]
        command = ["objdump", "-d", "--no-show-raw-insn", str(path)]
        command += [f"--start-address={symbol.address}"]
        command += [f"--stop-address={symbol.address + symbol.size}"]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        addresses += [int(found, 16) for found in re.findall(r"^ *([0-9a-f]+):\t", listing, re.M)]
    depths: Counter[int] = Counter()
    odd = []
    for address, (file, line) in zip(addresses, addr2line(path, addresses), strict=True):
        frames = symbols.frames(address)
        depths[len(frames)] += 1
        assert (frames[0].file.rpartition("/")[2], frames[0].line) == (file, line)
        for index, frame in enumerate(frames):
            if frame.line == 0:
                continue
            source, lines = functions[frame.function]
            assert frame.file == source
            if frame.line not in lines:
                odd.append(f"{address:#x}: {frames}")
            if index > 0:
                called = frames[index - 1].function.rpartition(".")[2]
                calls = text[frame.file][frame.line - 1]
                assert called in calls or "table_" in calls, f"{address:#x}: {frames}"
    # LLVM gives some instructions no place, and they get the line of one and the calls of another.
    assert len(odd) <= len(addresses) / 100, odd
    return depths


@pytest.mark.parametrize("level", range(4))
def test_frames_with_inlined_functions(workshop: Workshop, tmp_path: Path, level: int) -> None:
    library = workshop.load(LIBRARY, "library")
    program = workshop.load(PROGRAM, "program")
    names = ["program.start", "program.loops", "program.Box.open"]
    elf = linked(["program"], names, level=level)
    depths = check(elf, tmp_path, names, library, program)
    assert depths[1] > 10
    assert depths[3] > 10
    symbols = Symbols(elf)
    box = symbols.by_name["program.Box.open"]
    chains = {
        tuple(frame.function for frame in symbols.frames(box.address + offset))
        for offset in range(box.size)
    }
    assert {("Box.open",), ("deepest", "deeper", "Box.open")} <= chains


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))]
)
def test_frames_of_a_random_program(
    workshop: Workshop, tmp_path: Path, level: int, seed: int
) -> None:
    program = make_program(Random(4 * seed + level), 6)
    module = workshop.load(program.text(), f"lines{level}", header="")
    names = [f"{module.__name__}.{function.name}" for function in program.entries]
    elf = linked([module.__name__], names, level=level)
    depths = check(elf, tmp_path, names, module)
    assert depths[1] > 100


def test_lines_are_where_the_source_says(workshop: Workshop) -> None:
    text = HEADER + PROGRAM
    workshop.load(LIBRARY, "library")
    workshop.load(PROGRAM, "program")
    symbols = Symbols(linked(["program"], ["program.start"], level=0))
    loops = symbols.by_name["program.loops"]
    seen = {
        frame.line
        for offset in range(loops.size)
        for frame in symbols.frames(loops.address + offset)
        if frame.file == "program.py"
    }
    lines = text.splitlines()
    first = lines.index("def loops(a: u64) -> u64:") + 1
    assert seen - {0} == set(range(first, first + 6))


def test_names_and_addresses(workshop: Workshop) -> None:
    workshop.load(LIBRARY, "library")
    workshop.load(PROGRAM, "program")
    symbols = Symbols(linked(["program"], ["program.start"], level=2))
    start = symbols.by_name["program.start"]
    assert start.is_function
    assert symbols.address("program.start") == start.address
    for offset in (0, 1, start.size - 1):
        assert symbols.function_at(start.address + offset) == start
    assert symbols.function_at(0) is None
    assert symbols.frames(0x10) == []
    table = symbols.by_name["program.table"]
    assert (table.is_function, table.size) == (False, 64)
    assert symbols.function_at(table.address) is None
    with pytest.raises(KeyError):
        symbols.address("nowhere")


def test_a_frame_for_a_person() -> None:
    assert str(Frame("f", "a/b.py", 7)) == "f (a/b.py:7)"
    assert str(Frame("f", "?", 0)) == "f"


def test_a_program_without_debug_information(workshop: Workshop, tmp_path: Path) -> None:
    workshop.load(LIBRARY, "library")
    workshop.load(PROGRAM, "program")
    path = tmp_path / "program.elf"
    path.write_bytes(linked(["program"], ["program.start"], level=2))
    subprocess.run(["strip", "--strip-debug", str(path)], check=True)
    symbols = Symbols(path.read_bytes())
    start = symbols.by_name["program.start"]
    assert symbols.frames(start.address) == [Frame("program.start", "?", 0)]
