"""docs/metal.md: every example in it is compiled, and runs or fails as it says.

A ```python block is a module: ``HEADER`` and its text. Its first line may name its file, for later
blocks to import. If a ```text block follows at once, it is the error that the block must give;
otherwise the block is imported, built, and its functions named ``test_...`` are called.
"""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import questv
from questv.diagnostics import DiagnosticsError
from questv.metal.definitions import DEFINITIONS, forget
from questv.metal.isolate import MetalFault, isolated
from questv.metal.jit import Jit
from questv.metal.stack import StackDepths
from questv.metal.tree import TrapKind
from questv.metal.units import UnitCompiler

from .loading import Workshop

ROOT = Path(questv.__path__[0]).parent
DOCUMENT = ROOT / "docs" / "metal.md"
ERRORS = Path(__file__).parent / "errors"
EXAMPLE = "driver"
"""The name of the file, without its suffix, that errors in the document speak of."""


@dataclass(frozen=True)
class Block:
    """One fenced block; ``error`` is the text that its compilation must give, if it fails."""

    name: str
    line: int
    text: str
    error: str | None


def fences(text: str) -> Iterator[tuple[int, str, str, bool]]:
    """(line, language, text, whether another block follows at once) of each fenced block."""
    for match in re.finditer(r"^```([a-z ]+)\n(.*?)^```\n(?=(```text)?)", text, re.M | re.S):
        line = text[: match.start()].count("\n") + 1
        yield line, match[1], match[2], match[3] is not None


def blocks(document: Path) -> tuple[str, list[Block]]:
    """What every example starts with, and the examples."""
    header, found = "", []
    parts = list(fences(document.read_text()))
    for index, (line, language, text, followed) in enumerate(parts):
        if language == "python header":
            header = text
        elif language == "python":
            named = re.match(r"# (\w+)\.py\n", text)
            name = named[1] if named else f"example_{line}"
            error = parts[index + 1][2] if followed else None
            found.append(Block(name, line, text, error))
    return header, found


HEADER, BLOCKS = blocks(DOCUMENT)
RIGHT = [block for block in BLOCKS if block.error is None]
WRONG = [block for block in BLOCKS if block.error is not None]


def label(block: Block) -> str:
    return f"line-{block.line}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with every named example, which modules are imported from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for block in RIGHT:
        (tmp_path / f"{block.name}.py").write_text(HEADER + block.text)
    yield tmp_path
    for name in {block.name for block in BLOCKS}:
        sys.modules.pop(name, None)
        forget(name)


def build(name: str) -> None:
    importlib.invalidate_caches()
    StackDepths(UnitCompiler(checks=True).compile([name]).values())


def test_there_are_examples() -> None:
    assert len(RIGHT) >= 30
    assert len(WRONG) >= 8
    assert len({block.name for block in RIGHT}) == len(RIGHT)


@pytest.mark.parametrize("block", RIGHT, ids=label)
def test_right_example(block: Block, folder: Path) -> None:
    module = importlib.import_module(block.name)
    if block.name in DEFINITIONS:
        build(block.name)
    for name, value in vars(module).items():
        if name.startswith("test_") and inspect.isfunction(value):
            value()


@pytest.mark.parametrize("block", WRONG, ids=label)
def test_wrong_example(block: Block, folder: Path) -> None:
    assert error_of(block, folder) == block.error


def error_of(block: Block, folder: Path) -> str:
    """The error of an example as a reader gets it, who has the lines of ``HEADER`` elsewhere."""
    (folder / f"{block.name}.py").write_text(HEADER + block.text)
    with pytest.raises(DiagnosticsError) as raised:
        build(block.name)
    return re.sub(
        rf"^{block.name}\.py:(\d+)",
        lambda match: f"{EXAMPLE}.py:{int(match[1]) - HEADER.count(chr(10))}",
        raised.value.render() + "\n",
        flags=re.M,
    )


def test_every_rule_is_listed() -> None:
    listed = DOCUMENT.read_text().partition("## Every rule\n")[2]
    assert re.findall(r"^\| `.*$", listed, re.M) == list(rule_rows())


def rule_rows() -> Iterator[str]:
    """The table of rules, from the first example of each."""
    seen = set()
    for file in sorted(ERRORS.glob("*.txt"), key=lambda file: file.stem.split("--")):
        rule = file.stem.partition("--")[0]
        if rule not in seen:
            seen.add(rule)
            line = file.read_text().splitlines()[0]
            message = line.partition(": ")[2].removesuffix(f" [{rule}]").replace("|", "\\|")
            yield f"| `{rule}` | {message} |"


def test_mypy_accepts_the_right_examples(folder: Path) -> None:
    config = ["--strict", "--config-file", ROOT / "pyproject.toml", "--cache-dir", folder / "mypy"]
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *config, *(f"{block.name}.py" for block in RIGHT)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "MYPYPATH": f"{folder}:{ROOT}"},
    )
    assert run.returncode == 0, run.stdout


# ---- what docs/metal.md says of debug and release builds -----------------------------------------

CHECKS = """
table: Array[u8, 4] = static()
words: Array[u8, 16] = static()


@metal
def assertion(value: u64) -> u64:
    assert value == 0
    return value


@metal
def trapped(value: u64) -> u64:
    if value != 0:
        trap()
    return value


@metal
def division(value: u64) -> u64:
    return 1 // (value - 2)


@metal
def overflow(value: u64) -> u64:
    return u64.wrap(i64.MIN // -i64(value - 1))


@metal
def index(value: u64) -> u64:
    return u64(table[value * 4])


@metal
def null(value: u64) -> u64:
    return u64(Ptr[u8](value - 2)[0])


@metal
def null_text(value: u64) -> u64:
    missing: Array[str, 1] = local()
    return len(missing[value - 2])


@metal
def shift(value: u64) -> u64:
    return 1 << value * 32 + 1


@metal
def cast(value: u64) -> u64:
    return u64(u8(value + 0xFF))


@metal
def unaligned(value: u64) -> u64:
    cell = Ptr[Atomic[u64]](addr(words) + value - 1)
    return cell[0].load(RELAXED)
"""
ALWAYS = {
    "assertion": TrapKind.ASSERTION,
    "trapped": TrapKind.TRAP,
    "division": TrapKind.DIVISION,
    "overflow": TrapKind.DIVISION,
}
IN_DEBUG = {
    "index": TrapKind.BOUNDS,
    "null": TrapKind.NULL,
    "null_text": TrapKind.NULL,
    "shift": TrapKind.SHIFT,
    "cast": TrapKind.CAST,
    "unaligned": TrapKind.ALIGNMENT,
}
IN_RELEASE = {"shift": 2, "cast": 1, "unaligned": 0}


@pytest.mark.parametrize("name", [*ALWAYS, *IN_DEBUG])
def test_a_debug_build_stops(name: str, workshop: Workshop) -> None:
    module = workshop.load(CHECKS)
    with pytest.raises(MetalFault) as raised:
        isolated(Jit(module)[getattr(module, name)])(2)
    assert raised.value.kind is (ALWAYS | IN_DEBUG)[name]


@pytest.mark.parametrize("name", ALWAYS)
def test_a_release_build_stops(name: str, workshop: Workshop) -> None:
    module = workshop.load(CHECKS)
    with pytest.raises(MetalFault) as raised:
        isolated(Jit(module, checks=False)[getattr(module, name)])(2)
    assert raised.value.kind is ALWAYS[name]


@pytest.mark.parametrize("name", IN_RELEASE)
def test_a_release_build_goes_on(name: str, workshop: Workshop) -> None:
    module = workshop.load(CHECKS)
    assert isolated(Jit(module, checks=False)[getattr(module, name)])(2) == IN_RELEASE[name]
