"""Where things stand in Python source: parsed modules, their definitions, and places in them."""

from __future__ import annotations

import ast
import functools
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from questv.diagnostics import Diagnostic, DiagnosticsError, Place


@dataclass(frozen=True)
class Source:
    """A parsed Python module."""

    module: str
    file: Path
    text: str
    tree: ast.Module
    functions: dict[int, ast.FunctionDef]
    classes: dict[str, ast.ClassDef]

    def place(self, node: ast.AST) -> Place:
        """Where ``node`` stands; its first line only, if it has several."""
        line = getattr(node, "lineno", 0)
        column = _characters(self.text, line, getattr(node, "col_offset", 0))
        end_line, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", None)
        last = _characters(self.text, line, end) if end is not None and end_line == line else 10_000
        return Place(shown(self.file), line, column + 1, max(1, last - column))

    def variable(self, name: str) -> ast.AST | None:
        """The module-level assignment or definition of ``name``."""
        for statement in self.tree.body:
            if isinstance(statement, ast.AnnAssign):
                targets: list[ast.expr] = [statement.target]
            elif isinstance(statement, ast.Assign):
                targets = statement.targets
            else:
                if getattr(statement, "name", None) == name:
                    return statement
                continue
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return statement
        return None

    def field(self, qualified: str, name: str) -> ast.AST | None:
        """The declaration of field ``name`` of class ``qualified``, or the class itself."""
        node = self.classes.get(qualified)
        for statement in node.body if node else ():
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and statement.target.id == name
            ):
                return statement
        return node


def source_of(module: str) -> Source:
    """The source of an imported (or half imported) module.

    Raises DiagnosticsError if it has no source file.
    """
    python = sys.modules.get(module)
    file = getattr(python, "__file__", None)
    if not file:
        raise DiagnosticsError(
            [
                Diagnostic(
                    Place(Path(f"<{module}>")),
                    f"module '{module}' has no source file to compile",
                    "put metal code in a .py file",
                    "no-source",
                )
            ]
        )
    return _parse(module, Path(file), Path(file).stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _parse(module: str, file: Path, _changed: int) -> Source:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text, str(file))
    functions: dict[int, ast.FunctionDef] = {}
    classes: dict[str, ast.ClassDef] = {}

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for statement in body:
            if isinstance(statement, ast.FunctionDef):
                first = min([statement.lineno, *(d.lineno for d in statement.decorator_list)])
                functions[first] = statement
                walk(statement.body, f"{prefix}{statement.name}.<locals>.")
            elif isinstance(statement, ast.ClassDef):
                classes[f"{prefix}{statement.name}"] = statement
                walk(statement.body, f"{prefix}{statement.name}.")
            elif isinstance(statement, ast.If | ast.For | ast.With | ast.Try):
                walk(statement.body, prefix)
                walk(getattr(statement, "orelse", []), prefix)

    walk(tree.body, "")
    return Source(module, file, text, tree, functions, classes)


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
    lines = text.splitlines()
    if not 1 <= line <= len(lines):
        return offset
    return len(lines[line - 1].encode()[:offset].decode(errors="ignore"))
