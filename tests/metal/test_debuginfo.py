"""Debug information: types lie where they do, and gdb shows source, calls, locals and variables."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from questv.metal.link import link
from questv.metal.types import ArrayType, EnumType, Field, StructType
from questv.metal.units import UnitCompiler

from . import shapes
from .loading import Workshop
from .shapes import Module, Shape

SCRIPT = """
ENTRY(_start)
SECTIONS {
    . = 0x400000;
    .text : { *(.text*) }
    .rodata : { *(.rodata*) }
    . = ALIGN(4096);
    .data : { *(.data*) }
    .bss : { *(.bss*) }
    /DISCARD/ : { *(.eh_frame*) }
}
"""

PROGRAM = """
@width(u16)
class Color(enum.IntEnum):
    RED = 1
    BLUE = 300

class Inner(Struct):
    a: u8
    b: i64

class Message(Struct):
    color: Color
    ok: bool
    body: Array[u16, 3]
    inner: Inner
    inners: Array[Inner, 2]
    next: Ptr[Message]
    count: Atomic[u32]

message: Message = static({"color": Color.BLUE, "inner": {"b": -7}, "body": [1, 2], "count": 9})
offset: i64 = static(-5)
calls: Atomic[u64] = static(0)
table: Array[u32, 2] = static([7, 70_000])

@metal(inline=True)
def deepest(a: u64) -> u64:
    b = a * 3
    calls.add(1, RELAXED)
    return b + u64(table[0])

@metal
def work(m: Message, n: u64, up: bool) -> u64:
    negative: i32 = -6
    own: Inner = local()
    own.b = i64(negative)
    color = m.color
    where = ptr(m.inner)
    got = deepest(n)
    return got + u64(where[0].a) + u64(own.b - offset + 1) + u64(color) + u64(up)

@metal(export="_start")
def start() -> NoReturn:
    status = work(message, 4, True)
    while True:
        asm("syscall", None, "{rax},{rdi},~{rcx},~{r11}", u64(60), status - 301)
"""


# ---- types -----------------------------------------------------------------------------------


def entries(contents: bytes) -> list[Any]:
    """Every entry of an object's or program's debug information."""
    dwarf = ELFFile(io.BytesIO(contents)).get_dwarf_info()
    return [entry for unit in dwarf.iter_CUs() for entry in unit.iter_DIEs() if entry.tag]


def attribute(entry: Any, name: str) -> Any:
    return entry.attributes[f"DW_AT_{name}"].value


def named(found: list[Any], tag: str) -> dict[str, Any]:
    tagged = [entry for entry in found if entry.tag == f"DW_TAG_{tag}"]
    return {attribute(entry, "name").decode(): entry for entry in tagged}


def size(entry: Any) -> int:
    """The bytes of the type that an entry is of, or is."""
    type_ = entry.get_DIE_from_attribute("DW_AT_type") if entry.tag == "DW_TAG_member" else entry
    if type_.tag == "DW_TAG_array_type":
        counts = [attribute(part, "count") for part in type_.iter_children()]
        assert len(counts) == 1
        return size(type_.get_DIE_from_attribute("DW_AT_type")) * int(counts[0])
    if type_.tag == "DW_TAG_pointer_type":
        return 8
    return int(attribute(type_, "byte_size"))


def check_struct(type_: StructType, structs: dict[str, Any]) -> None:
    entry = structs[type_.name]
    assert size(entry) == type_.size
    members = {attribute(part, "name").decode(): part for part in entry.iter_children()}
    assert list(members) == list(type_.fields)
    for field in type_.fields.values():
        where = attribute(members[field.name], "data_member_location")
        assert (where, size(members[field.name])) == (field.offset, field.type.size), field
        check_field(field, structs)


def check_field(field: Field, structs: dict[str, Any]) -> None:
    inner = field.type.element if isinstance(field.type, ArrayType) else field.type
    if isinstance(inner, StructType):
        check_struct(inner, structs)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(shapes.shapes(2), min_size=1, max_size=5))
def test_structs_lie_where_they_do(workshop: Workshop, wanted: list[Shape]) -> None:
    names = Module()
    types = [names.name(shape) for shape in wanted]
    variables = [f"v{index}: {name} = static()" for index, name in enumerate(types)]
    module = workshop.load(names.text() + "\n".join(variables) + "\n")
    unit = UnitCompiler(checks=False, level=0).compile([module.__name__])[module.__name__]
    found = entries(unit.object)
    structs = named(found, "structure_type")
    for name in types:
        check_struct(getattr(module, name).__metal_type__, structs)
    assert {f"v{index}" for index in range(len(types))} <= named(found, "variable").keys()


def test_names_stand_where_they_are_defined(workshop: Workshop) -> None:
    module = workshop.load(PROGRAM)
    unit = UnitCompiler(checks=False, level=0).compile([module.__name__])[module.__name__]
    found = entries(unit.object)
    lines = Path(str(module.__file__)).read_text().splitlines()
    kinds = {"variable": 8, "formal_parameter": 4, "subprogram": 3}
    for kind, count in kinds.items():
        names = named([part for part in found if "DW_AT_name" in part.attributes], kind)
        assert len(names) >= count
        for name, entry in names.items():
            assert name in lines[attribute(entry, "decl_line") - 1], (kind, name)


def test_enums_have_their_members(workshop: Workshop) -> None:
    module = workshop.load(PROGRAM)
    unit = UnitCompiler(checks=False).compile([module.__name__])[module.__name__]
    entry = named(entries(unit.object), "enumeration_type")["Color"]
    members = {
        attribute(part, "name").decode(): attribute(part, "const_value")
        for part in entry.iter_children()
    }
    color = module.Message.__metal_type__.fields["color"].type
    assert isinstance(color, EnumType)
    assert members == {member.name: member.value for member in color.python}
    assert size(entry) == 2


# ---- gdb -------------------------------------------------------------------------------------


class Debugger:
    """A program of metal that runs as a process, under gdb."""

    def __init__(self, folder: Path, level: int) -> None:
        workshop = Workshop(folder)
        module = workshop.load(PROGRAM, "debugged")
        units = UnitCompiler(checks=True, level=level).compile(["debugged"])
        self.program, self.source = folder / "program.elf", Path(str(module.__file__))
        self.program.write_bytes(link(units.values(), SCRIPT, ["_start"]))
        self.program.chmod(0o755)
        workshop.close()

    def run(self, *commands: str) -> str:
        """What gdb says."""
        first = ["set pagination off", "set width 0", "set debuginfod enabled off"]
        first.append(f"directory {self.source.parent}")
        given = [part for command in (*first, *commands) for part in ("-ex", command)]
        command = ["gdb", "-q", "-batch", "-nx", *given, str(self.program)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return run.stdout

    def line(self, text: str) -> int:
        """The line of the source that holds a text."""
        lines = self.source.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.fixture(params=[0, 2])
def gdb(request: pytest.FixtureRequest, tmp_path: Path) -> Debugger:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    return Debugger(tmp_path, request.param)


def test_the_program_runs_by_itself(gdb: Debugger) -> None:
    assert subprocess.run([str(gdb.program)], check=False).returncode == 4 * 3 + 7


def test_variables_and_types(gdb: Debugger) -> None:
    said = gdb.run(
        *("print message", "print offset", "print table", "ptype struct Message"),
        "print sizeof(struct Message)",
        "print (long)&message.inners[1].b - (long)&message",
    )
    assert "{color = BLUE, ok = false, body = {1, 2, 0}, inner = {a = 0 '\\000', b = -7}" in said
    assert "next = 0x0, count = 9}" in said
    assert "$2 = -5" in said
    assert "$3 = {7, 70000}" in said
    assert "struct Inner inners[2];" in said
    assert "struct Message *next;" in said
    assert "$4 = 80" in said
    assert "$5 = 56" in said


def test_breakpoints_calls_and_locals(gdb: Debugger) -> None:
    stop = gdb.line("calls.add")
    at = f"break debugged.py:{stop}"
    said = gdb.run(at, "run", "bt", "print b", "up", "info locals")
    assert f"{stop}\t    calls.add(1, RELAXED)" in said
    calls = [re.sub(r"0x\w+ in ", "", call) for call in re.findall(r"^#\d .*", said, re.M)]
    assert [call.split()[1] for call in calls[:3]] == ["deepest", "work", "start"]
    assert "(a=4) at" in calls[0]
    assert "n=4, up=true) at" in calls[1]
    assert calls[1].endswith(f"debugged.py:{gdb.line('got = deepest')}")
    assert "$1 = 12" in said
    assert "negative = -6" in said
    assert "own = {a = 0 '\\000', b = -6}" in said


def test_functions_are_found_by_name(gdb: Debugger) -> None:
    said = gdb.run("break deepest", "run", "finish", "continue")
    assert "Breakpoint 1, deepest (" in said
    assert "exited with code 023" in said
