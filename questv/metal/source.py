"""Where things stand in Python source: parsed modules, their definitions, and places in them."""

from __future__ import annotations

import ast
import functools
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from questv.diagnostics import Diagnostic, DiagnosticsError, Place, source_line


@dataclass(frozen=True)
class Source:
    """A Python module's source; it is parsed when its tree is first asked for."""

    module: str
    file: Path
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree; raises DiagnosticsError if the file no longer holds Python."""
        try:
            return ast.parse(self.text, str(self.file))
        except (SyntaxError, ValueError) as error:
            raise _unreadable(self.module, self.file, error) from error

    @functools.cached_property
    def functions(self) -> dict[int, ast.FunctionDef]:
        """Its functions by the line of their first decorator."""
        return self._definitions[0]

    @functools.cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """Its classes by qualified name."""
        return self._definitions[1]

    @functools.cached_property
    def _definitions(self) -> tuple[dict[int, ast.FunctionDef], dict[str, ast.ClassDef]]:
        functions: dict[int, ast.FunctionDef] = {}
        classes: dict[str, ast.ClassDef] = {}

        def walk(node: ast.AST, prefix: str) -> None:
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.FunctionDef):
                    functions[_first_line(part)] = part
                    walk(part, f"{prefix}{part.name}.<locals>.")
                elif isinstance(part, ast.ClassDef):
                    classes[f"{prefix}{part.name}"] = part
                    walk(part, f"{prefix}{part.name}.")
                elif isinstance(part, ast.stmt | ast.ExceptHandler | ast.match_case):
                    walk(part, prefix)

        walk(self.tree, "")
        return functions, classes

    def place(self, node: ast.AST) -> Place:
        """Where ``node`` stands; its first line only, if it has several."""
        line = getattr(node, "lineno", 0)
        column = _characters(self.text, line, getattr(node, "col_offset", 0))
        end_line, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", None)
        last = _characters(self.text, line, end) if end is not None and end_line == line else 10_000
        return Place(shown(self.file), line, column + 1, max(1, last - column))

    def line(self, number: int) -> Place:
        """The whole of a line, without its indentation."""
        return line_place(self.file, number)

    def statement(self, line: int) -> ast.AST:
        """The innermost statement that ``line`` belongs to, or the whole module."""
        found: ast.AST = self.tree
        inner: ast.AST | None = self.tree
        while inner is not None:
            found = inner
            inner = next(
                (
                    part
                    for part in ast.iter_child_nodes(found)
                    if isinstance(part, ast.stmt | ast.ExceptHandler)
                    and _first_line(part) <= line <= (part.end_lineno or 0)
                ),
                None,
            )
        return found

    def field(self, qualified: str, name: str) -> ast.AST:
        """The definition of field or member ``name`` of a class, or the class as a whole."""
        node = self.classes.get(qualified)
        if node is None:
            return self.tree
        for statement in node.body:
            targets: list[ast.expr] = []
            if isinstance(statement, ast.AnnAssign):
                targets = [statement.target]
            elif isinstance(statement, ast.Assign):
                targets = statement.targets
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return statement
        return node


def source_of(module: str) -> Source:
    """The source of an imported (or half imported) module.

    Raises DiagnosticsError if it has no source file that can be read.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    if not isinstance(file, str) or not file:
        raise _no_source(Path(f"<{module}>"), f"module '{module}' has no file")
    try:
        return _read(module, Path(file), Path(file).stat().st_mtime_ns)
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(module, Path(file), error) from error


def _unreadable(module: str, file: Path, error: Exception) -> DiagnosticsError:
    return _no_source(shown(file), f"the source of module '{module}' can't be read: {error}")


def _no_source(file: Path, reason: str) -> DiagnosticsError:
    return DiagnosticsError(
        [Diagnostic(Place(file), reason, "put metal code in a .py file", "no-source")]
    )


@functools.lru_cache(maxsize=256)
def _read(module: str, file: Path, _changed: int) -> Source:
    with tokenize.open(file) as opened:
        return Source(module, file, opened.read())


def _first_line(node: ast.stmt | ast.ExceptHandler) -> int:
    """Where a statement begins, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def line_place(file: Path, number: int) -> Place:
    """The whole of line ``number`` of ``file``, without its indentation."""
    text = source_line(file, number) or ""
    indentation = len(text) - len(text.lstrip())
    return Place(shown(file), number, indentation + 1, max(1, len(text.strip())))


def shown(file: Path) -> Path:
    """``file`` as people are shown it: relative to the current directory where it lies below."""
    try:
        return file.relative_to(Path.cwd())
    except ValueError:
        return file


def import_name(module: ModuleType) -> str:
    """The path of a module's file below the directory it was imported from, with slashes.

    This is the name that goes into debug information, so that it is the same in every checkout.
    """
    file = Path(module.__file__ or "")
    depth = module.__name__.count(".") + (file.name == "__init__.py")
    return "/".join(file.parts[-depth - 1 :])


def _characters(text: str, line: int, offset: int) -> int:
    """The character column for ``ast``'s UTF-8 byte offset in ``line``."""
    lines = text.split("\n")  # splitlines() would also split where Python's lines go on
    if not 1 <= line <= len(lines):
        return offset
    return len(lines[line - 1].encode()[:offset].decode(errors="ignore"))
