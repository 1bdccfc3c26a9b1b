"""Whatever is written, the compiler answers with code or with diagnostics, never with a traceback.

Sources are made from right and nearly right ones (the examples of errors and of docs/metal.md) by
deleting, doubling and replacing parts of them: of the syntax tree, then of the text.
"""

from __future__ import annotations

import ast
import copy
import io
import sys
import tokenize
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import llvmlite.binding as llvm
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from questv.diagnostics import Diagnostic, DiagnosticsError, source_line
from questv.metal.check.known import definitions_text
from questv.metal.check.symbols import check_symbols
from questv.metal.definitions import forget
from questv.metal.emit.module import ModuleEmitter
from questv.metal.frontend import FrontEnd
from questv.metal.importing import import_module, values_of

from .loading import Workshop
from .test_docs import HEADER, RIGHT

T = TypeVar("T")
Choose = Callable[[Sequence[T]], T]

ERRORS = Path(__file__).parent / "errors"
NOT_CORPUS = {"nested-function", "function-form--generated", "syntax"}  # run or are no Python
SOURCES = [
    *(file.read_text() for file in sorted(ERRORS.glob("*.py")) if file.stem not in NOT_CORPUS),
    *(HEADER + block.text for block in RIGHT if "Jit" not in block.text),
]
EDGES = [
    *(ast.Constant(value) for value in (0, 1, -1, 255, 1 << 63, 1 << 64, 1 << 300, 0.5, 1e300)),
    *(ast.Constant(value) for value in (True, None, "text", "\ud800", b"bytes", ..., 2j)),
]
OPERATORS = [ast.Add(), ast.Sub(), ast.FloorDiv(), ast.Mod(), ast.Div(), ast.MatMult()]
OPERATORS += [ast.BitAnd(), ast.BitOr(), ast.RShift(), ast.LShift(), ast.Mult()]
COMPARISONS = [ast.Eq(), ast.Lt(), ast.In(), ast.Is(), ast.GtE(), ast.NotIn()]


def functions_in(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")

TREES = [ast.parse(source) for source in SOURCES]
EXPRESSIONS = [
    part
    for tree in TREES
    for function in functions_in(tree)
    for part in ast.walk(function)
    if isinstance(part, ast.expr) and isinstance(getattr(part, "ctx", ast.Load()), ast.Load)
] + EDGES
STATEMENTS = [
    part
    for tree in TREES
    for function in functions_in(tree)
    for part in ast.walk(function)
    if isinstance(part, ast.stmt)
]


@pytest.fixture(autouse=True)
def _console_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ERRORS))


# ---- mutations of the tree -------------------------------------------------------------------


def mutate_tree(tree: ast.Module, choose: Choose) -> str:
    """The text of a tree after one to three changes; ValueError if the tree has no text."""
    for _ in range(choose((1, 2, 3))):
        choose((change_statements, change_expression, change_expression, change_operator))(
            tree, choose
        )
    return ast.unparse(ast.fix_missing_locations(tree))


def change_statements(tree: ast.Module, choose: Choose) -> None:
    bodies = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", 0), list)]
    inner = [part.body for f in functions_in(tree) for part in ast.walk(f) if hasattr(part, "body")]
    inner = [body for body in inner if isinstance(body, list)]
    body = choose(bodies)
    index = choose(range(len(body)))
    what = choose(("delete", "double", "swap", "replace", "insert"))
    if what == "delete" and len(body) > 1:
        del body[index]
    elif what == "double":
        body.insert(index, copy.deepcopy(body[index]))
    elif what == "swap":
        other = choose(range(len(body)))
        body[index], body[other] = body[other], body[index]
    elif inner:  # at module level a foreign statement would run
        body = choose(inner)
        index = choose(range(len(body)))
        body[index : index + (what == "replace")] = [copy.deepcopy(choose(STATEMENTS))]


def change_expression(tree: ast.Module, choose: Choose) -> None:
    slots: list[tuple[ast.AST, str, int | None]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            continue  # its parts are no expressions like others
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", 0), ast.Load | int):
                slots.append((node, name, None))
            elif isinstance(value, list):
                slots += [
                    (node, name, index)
                    for index, part in enumerate(value)
                    if isinstance(part, ast.expr)
                    and isinstance(getattr(part, "ctx", 0), ast.Load | int)
                ]
    if not slots:
        return
    node, name, index = choose(slots)
    new = copy.deepcopy(choose(EXPRESSIONS))
    if index is None:
        setattr(node, name, new)
    elif choose((True, False)):
        getattr(node, name)[index] = new
    else:
        getattr(node, name).insert(index, new)


def change_operator(tree: ast.Module, choose: Choose) -> None:
    nodes = [
        part
        for function in functions_in(tree)
        for part in ast.walk(function)
        if isinstance(part, ast.BinOp | ast.AugAssign | ast.Compare | ast.UnaryOp)
    ]
    if not nodes:
        return
    node = choose(nodes)
    if isinstance(node, ast.Compare):
        node.ops[0] = choose(COMPARISONS)
    elif isinstance(node, ast.UnaryOp):
        node.op = choose((ast.Not(), ast.Invert(), ast.USub(), ast.UAdd()))
    else:
        node.op = choose(OPERATORS)


# ---- mutations of the text -------------------------------------------------------------------


def mutate_text(text: str, choose: Choose) -> str:
    """A text with one of its tokens deleted, doubled, or replaced by one of another text."""
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    token = choose([token for token in tokens if token.string.strip()])
    other = choose([token for token in tokens if token.string.strip()]).string
    new = choose(("", f"{token.string} {token.string}", other))
    lines = text.splitlines(keepends=True)
    (row, start), (last, end) = token.start, token.end
    lines[row - 1 : last] = [lines[row - 1][:start] + new + lines[last - 1][end:]]
    return "".join(lines)


# ---- what must hold --------------------------------------------------------------------------


def compile_text(workshop: Workshop, text: str) -> None:
    """Compile a module and drop it; its errors must be presentable."""
    name = workshop.write(text.encode(errors="replace").decode(), header="")
    try:
        build(name, verify="asm" not in text and "assembly" not in text)
    except DiagnosticsError as error:
        assert error.diagnostics
        for diagnostic in error.diagnostics:
            assert_presentable(diagnostic)
    finally:
        sys.modules.pop(name, None)
        forget(name)


def build(name: str, *, verify: bool) -> None:
    import_module(name)
    if findings := check_symbols([name]):
        raise DiagnosticsError(findings)
    for checks in (False, True):
        with values_of(name):
            definitions_text(name)
            ir = ModuleEmitter(FrontEnd(name).check(), checks=checks).emit()
        if verify:
            llvm.parse_assembly(ir).verify()


def assert_presentable(diagnostic: Diagnostic) -> None:
    place = diagnostic.place
    assert diagnostic.message
    assert diagnostic.fix
    assert "\n" not in diagnostic.render().replace("\n    ", "").replace("\n  fix", "")
    if place.line:
        line = source_line(place.file, place.line)
        assert line is not None
        assert 1 <= place.column <= len(line) + 1


def check_mutants(workshop: Workshop, data: st.DataObject) -> None:
    def choose(options: Sequence[T]) -> T:
        return data.draw(st.sampled_from(options))

    text = choose(SOURCES)
    if choose((True, True, True, False)):
        try:
            text = mutate_tree(ast.parse(text), choose)
        except ValueError:  # an f-string that Python's unparser can't write
            reject()
    else:
        text = mutate_text(text, choose)
    compile_text(workshop, text)


FUZZ = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(FUZZ, max_examples=300)
@given(data=st.data())
def test_no_source_breaks_the_compiler(workshop: Workshop, data: st.DataObject) -> None:
    check_mutants(workshop, data)


@pytest.mark.long
@settings(FUZZ, max_examples=6_000)
@given(data=st.data())
def test_no_source_breaks_the_compiler_at_length(workshop: Workshop, data: st.DataObject) -> None:
    check_mutants(workshop, data)


@pytest.mark.parametrize("text", SOURCES, ids=range(len(SOURCES)))
def test_the_sources_themselves(workshop: Workshop, text: str) -> None:
    compile_text(workshop, text)
