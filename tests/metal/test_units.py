"""What is compiled again after a change, and what is not; the same IR whoever compiles where."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from questv.metal import units as units_module
from questv.metal.emit.module import ModuleEmitter
from questv.metal.frontend import FrontEnd
from questv.metal.units import UnitCompiler

from .loading import HEADER, Workshop

BASE = """
LIMIT = 4
FEATURE = True
TABLE = (1, 2, 3)
SET = {1, 2}
Word = u32

class Names:
    SIZE = 8

@width(u32)
class Mode(enum.IntEnum):
    OFF = 0
    ON = 1

class Pair(Struct):
    COUNT = 2
    a: u32
    b: u32

    @metal
    def first(self) -> u32:
        return self.a

    @metal(inline=True)
    def second(self) -> u32:
        return self.b

count: u64 = static(1)

@metal
def plain(a: u32) -> u32:
    return a + 1

@metal(inline=True)
def inner(a: u32) -> u32:
    return a * 3

@metal(inline=True)
def quick(a: u32) -> u32:
    return inner(a) + LIMIT

@assembly("mov eax, 5\\nret")
def five() -> u32: ...
"""

USERS = {
    "a number": "from base import LIMIT\n@metal\ndef f() -> u32:\n    return LIMIT\n",
    "a number of a module": "import base\n@metal\ndef f() -> u32:\n    return base.LIMIT\n",
    "a length": (
        "import base\n@metal\ndef f() -> u64:\n"
        "    x: Array[u8, base.LIMIT] = local()\n    return len(x)\n"
    ),
    "a length from a class": (
        "from base import Names\n@metal\ndef f() -> u64:\n"
        "    x: Array[u8, Names.SIZE] = local()\n    return len(x)\n"
    ),
    "a variable's length": (
        "import base\nx: Array[u8, base.LIMIT] = static()\n"
        "@metal\ndef f() -> u64:\n    return len(x)\n"
    ),
    "a variable's start": (
        "import base\nx: u32 = static(base.LIMIT)\n@metal\ndef f() -> u32:\n    return x\n"
    ),
    "a set's length": "from base import SET\n@metal\ndef f() -> u64:\n    return len(SET)\n",
    "a type by another name": (
        "import base\n@metal\ndef f(a: base.Word) -> u64:\n    return u64(a * 65537)\n"
    ),
    "a table's element": "from base import TABLE\n@metal\ndef f() -> u32:\n    return TABLE[1]\n",
    "a table's length": "from base import TABLE\n@metal\ndef f() -> u64:\n    return len(TABLE)\n",
    "a member": "from base import Mode\n@metal\ndef f() -> Mode:\n    return Mode.ON\n",
    "a number of a struct": ("import base\n@metal\ndef f() -> u32:\n    return base.Pair.COUNT\n"),
    "a parameter's fields": (
        "from base import Pair\n@metal\ndef f(p: Pair) -> u32:\n    return p.b\n"
    ),
    "fields behind a pointer": (
        "from base import Pair\n@metal\ndef f(p: Ptr[Pair]) -> u32:\n    return p[2].b\n"
    ),
    "a local's fields": (
        "from base import Pair\n@metal\ndef f() -> u64:\n"
        "    p: Pair = local()\n    return addr(p.b) - addr(p)\n"
    ),
    "a method": "from base import Pair\n@metal\ndef f(p: Pair) -> u32:\n    return p.first()\n",
    "an inline method": (
        "from base import Pair\n@metal\ndef f(p: Pair) -> u32:\n    return p.second()\n"
    ),
    "a function": "from base import plain\n@metal\ndef f() -> u32:\n    return plain(1)\n",
    "an inline function": "from base import quick\n@metal\ndef f() -> u32:\n    return quick(1)\n",
    "a choice at module level": (
        "import base\n"
        "if base.FEATURE:\n    @metal\n    def f() -> u32:\n        return 1\n"
        "else:\n    @metal\n    def f() -> u32:\n        return 2\n"
    ),
    "a symbol": (
        "import base\n@metal(export=f'number{base.LIMIT}')\ndef f() -> u32:\n    return 1\n"
    ),
    "a variable": "from base import count\n@metal\ndef f() -> u64:\n    return count\n",
}

CHANGES: dict[str, tuple[str, str, set[str]]] = {
    "nothing": ("LIMIT = 4", "LIMIT = 4", set()),
    "a comment": ("LIMIT = 4", "LIMIT = 4  # enough", set()),
    "a blank line": ("LIMIT = 4\n", "\nLIMIT = 4\n", {"an inline function", "an inline method"}),
    "a number": (
        "LIMIT = 4",
        "LIMIT = 5",
        {
            "a number",
            "a number of a module",
            "a length",
            "a variable's length",
            "a variable's start",
            "an inline function",
            "a symbol",
        },
    ),
    "a class": ("SIZE = 8", "SIZE = 9", {"a length from a class"}),
    "a struct's number": ("COUNT = 2", "COUNT = 3", {"a number of a struct"}),
    "a table": ("(1, 2, 3)", "(1, 7, 3, 4)", {"a table's element", "a table's length"}),
    "a member": ("ON = 1", "ON = 2", {"a member"}),
    "a field": (
        "    a: u32\n",
        "    new: u64; a: u32\n",
        {
            "a parameter's fields",
            "fields behind a pointer",
            "a local's fields",
            "a method",
            "an inline method",
        },
    ),
    "a method's body": ("return self.a", "return self.a + 1", set()),
    "an inline method's body": ("return self.b", "return self.b + 1", {"an inline method"}),
    "a function's body": ("return a + 1", "return a + 2", set()),
    "a function's symbol": (
        "@metal\ndef plain",
        '@metal(export="other")\ndef plain',
        {"a function"},
    ),
    "an inline function's body": ("+ LIMIT", "- LIMIT", {"an inline function"}),
    "an inline function's inline function": ("a * 3", "a * 4", {"an inline function"}),
    "a set": ("{1, 2}", "{1, 2, 3}", {"a set's length"}),
    "an alias": ("Word = u32", "Word = u64", {"a type by another name"}),
    "a choice": ("FEATURE = True", "FEATURE = False", {"a choice at module level"}),
    "a variable's start": ("count: u64 = static(1)", "count: u64 = static(2)", set()),
    "a variable's type": ("count: u64 = static(1)", "count: u32 = static(1)", {"a variable"}),
}


class Counter:
    """Compiles the users of ``base`` and says which of them LLVM had to see."""

    def __init__(self, workshop: Workshop, directory: Path) -> None:
        self._workshop, self._directory = workshop, directory

    def compile(self, base: str) -> set[str]:
        self._workshop.load(base, "base")
        names = {}
        for index, (what, text) in enumerate(USERS.items()):
            names[self._workshop.load(text, f"user{index}").__name__] = what
        compiler = UnitCompiler(checks=True, directory=self._directory)
        broken = set()
        for name, what in names.items():
            try:
                compiler.compile([name])
            except Exception:
                broken.add(what)
        return {names[name] for name in compiler.compiled if name in names} | broken


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the users of the unchanged module are."""
    folder = tmp_path_factory.mktemp("warm")
    workshop = Workshop(tmp_path_factory.mktemp("modules"))
    assert Counter(workshop, folder).compile(BASE) == set(USERS)
    workshop.close()
    return folder


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_change_recompiles(workshop: Workshop, warm: Path, change: str) -> None:
    old, new, expected = CHANGES[change]
    assert BASE.count(old) == 1
    counter = Counter(workshop, warm)
    assert counter.compile(BASE) == set()
    assert counter.compile(BASE.replace(old, new)) == expected
    assert counter.compile(BASE) == set(), "what was there before is still there"


def test_nothing_changed_starts_no_process(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.load(BASE, "base")
    name = workshop.load(USERS["an inline function"]).__name__
    first = UnitCompiler(checks=True, directory=tmp_path).compile([name])

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    again = UnitCompiler(checks=True, directory=tmp_path)
    assert again.compile([name]) == first
    assert again.compiled == []


def test_builds_of_different_kinds_do_not_mix(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.load("@metal\ndef f(a: u32) -> u8:\n    return u8(a // 3)\n").__name__
    objects = set()
    for checks in (True, False):
        for level in range(4):
            compiler = UnitCompiler(checks=checks, level=level, directory=tmp_path)
            objects.add(compiler.compile([name])[name].object)
            assert name in compiler.compiled
    assert len(objects) >= 4


@pytest.mark.parametrize("kind", ["front", "object"])
@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_a_damaged_cache_is_mended(
    workshop: Workshop, tmp_path: Path, kind: str, damage: bytes
) -> None:
    name = workshop.load("@metal\ndef f(a: u32) -> u32:\n    return a // 3\n").__name__
    whole = UnitCompiler(checks=True, directory=tmp_path).compile([name])
    for path in (tmp_path / kind).rglob("*"):
        if path.is_file():
            path.write_bytes(damage)
    assert UnitCompiler(checks=True, directory=tmp_path).compile([name]) == whole
    again = UnitCompiler(checks=True, directory=tmp_path)
    assert again.compile([name]) == whole
    assert again.compiled == []


def test_a_lost_object_is_made_again(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.load("@metal\ndef f(a: u32) -> u32:\n    return a // 3\n").__name__
    whole = UnitCompiler(checks=True, directory=tmp_path).compile([name])
    shutil.rmtree(tmp_path / "object")
    assert UnitCompiler(checks=True, directory=tmp_path).compile([name]) == whole


def build(name: str, directory: Path) -> bytes:
    return UnitCompiler(checks=True, directory=directory).compile([name])[name].object


def test_concurrent_builds(workshop: Workshop, tmp_path: Path) -> None:
    text = "".join(
        f"@metal\ndef f{index}(a: u32, b: u32) -> u32:\n    return a // (b | {index + 1})\n"
        for index in range(20)
    )
    workshop.load(BASE, "base")
    names = [workshop.load(text).__name__, workshop.load(USERS["an inline function"]).__name__]
    work = [(name, tmp_path / "shared") for name in names * 3]
    with multiprocessing.get_context("fork").Pool(6) as pool:
        objects = pool.starmap(build, work)
    for index in (0, 1):
        assert len(set(objects[index::2])) == 1
    alone = [build(name, tmp_path / "own") for name in names]
    assert objects[:2] == alone


def test_the_compiler_itself_counts(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = workshop.load("@metal\ndef f() -> u32:\n    return 1\n").__name__
    compiler = UnitCompiler(checks=True, directory=tmp_path)
    compiler.compile([name])
    calls: list[str] = []
    check = FrontEnd.check

    def counted(self: FrontEnd) -> object:
        calls.append(self.module)
        return check(self)

    monkeypatch.setattr(FrontEnd, "check", counted)
    UnitCompiler(checks=True, directory=tmp_path).compile([name])
    assert calls == []
    monkeypatch.setattr(units_module, "compiler_hash", lambda: "another compiler")
    UnitCompiler(checks=True, directory=tmp_path).compile([name])
    assert name in calls


# ---- the same everywhere ---------------------------------------------------------------------

PRINT_IR = """
import hashlib, sys
sys.path[:0] = [{folder!r}, {root!r}]
import user
from questv.metal.emit.module import ModuleEmitter
from questv.metal.frontend import FrontEnd
for name in ("base", "user"):
    ir = ModuleEmitter(FrontEnd(name).check(), checks=True).emit()
    print(hashlib.sha256(ir.encode()).hexdigest())
"""
ROOT = str(Path(__file__).parents[2])

MIXED = """
from base import *
import base

words: Array[Ptr[u64], 2] = static([base.count, 0])
handlers: Array[Callable[[u32], u32], 2] = constant([plain, plain])

@metal
def all(p: Pair, m: Mode, i: u64) -> u32:
    message = "one" if i > 1 else "two"
    if m == Mode.ON:
        return quick(p.first()) + u32(len(message)) + five()
    return handlers[i](u32(words[0][0]) + leading_zeros(p.second())) + u32(byte_swap(i))
"""


def ir_elsewhere(folder: Path, seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
    code = PRINT_IR.format(folder=str(folder), root=ROOT)
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_ir_is_the_same_everywhere(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "another" / "deeper"]
    for folder in places:
        folder.mkdir(parents=True)
        (folder / "base.py").write_text(HEADER + BASE)
        (folder / "user.py").write_text(HEADER + MIXED)
    texts = {ir_elsewhere(folder, seed) for seed, folder in enumerate(places * 2)}
    assert len(texts) == 1


def test_ir_is_the_same_in_any_company(workshop: Workshop) -> None:
    """Whatever else was compiled before must not show."""
    workshop.load(BASE, "base")
    workshop.load(MIXED, "user")

    def ir(name: str) -> str:
        text = ModuleEmitter(FrontEnd(name).check(), checks=True).emit()
        return hashlib.sha256(text.encode()).hexdigest()

    first = ir("user")
    ir("base")
    assert ir("user") == first
