"""Importing a module of metal, with every failure of its Python told as a diagnostic."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType

from questv.diagnostics import Diagnostic, DiagnosticsError, Place, source_line
from questv.interrupted import Interrupted
from questv.metal.definitions import DEFINITIONS, MetalFunction, StaticVariable, forget
from questv.metal.naming import name_fix
from questv.metal.source import shown
from questv.metal.types import LayoutError, one_line


def import_module(name: str) -> ModuleType:
    """Import the module ``name``; raises DiagnosticsError, whatever its Python raised."""
    try:
        return importlib.import_module(name)
    except (DiagnosticsError, KeyboardInterrupt, Interrupted):
        raise
    except BaseException as error:  # a module may end Python, but not the build
        raise DiagnosticsError([_import_diagnostic(name, error)]) from error
    finally:
        for module in [module for module in DEFINITIONS if module not in sys.modules]:
            forget(module)  # half imported, and to be imported afresh the next time


@contextlib.contextmanager
def values_of(name: str) -> Iterator[None]:
    """Around what looks into values of the imported module ``name``, which may be of any class.

    Raises DiagnosticsError if Python code of theirs fails.
    """
    try:
        yield
    except DiagnosticsError:
        raise
    except Exception as error:
        place = _place(error.__traceback__)
        if place is None:
            raise  # it is none of theirs
        message = f"a value that '{name}' is compiled from fails here: {_told(error)}"
        fix = "mend this, or give compiled code a plain number, string, list, tuple or dict"
        raise DiagnosticsError([Diagnostic(place, message, fix, "value-failed")]) from error


def named_modules(name: str) -> tuple[str, ...]:
    """The other modules of metal that an imported module names: itself or by what they define."""
    found = set()
    for value in vars(sys.modules[name]).values() if name in sys.modules else ():
        other = value.__name__ if isinstance(value, ModuleType) else None
        if isinstance(value, MetalFunction | StaticVariable):
            other = value.module
        if other in DEFINITIONS and other != name:
            found.add(str(other))
    return tuple(sorted(found))


def _import_diagnostic(name: str, error: BaseException) -> Diagnostic:
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        column, end = error.offset or 1, error.end_offset or 0
        place = Place(shown(Path(error.filename)), error.lineno, column, max(1, end - column))
        return Diagnostic(place, f"this is not Python: {error.msg}", "mend the syntax", "syntax")
    found = _place(error.__traceback__)
    place = found or Place(_file(name))
    if isinstance(error, LayoutError):
        return Diagnostic(place, str(error), error.fix, error.rule)
    where = " here" if found else ""
    return Diagnostic(
        place,
        f"importing '{name}' fails{where}: {_told(error)}",
        _fix(error),
        "import-failed",
    )


def _file(name: str) -> Path:
    """The file of a module that Python can't read, such as one with zero bytes in it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    return shown(Path(spec.origin)) if spec and spec.origin else Path(f"<{name}>")


def _fix(error: BaseException) -> str:
    otherwise = "mend this: before a module is compiled, Python runs it"
    if isinstance(error, NameError) and error.name:
        return name_fix(error.name, (), otherwise)
    missing = _cannot_import(error)
    if missing is not None and missing[2] in sys.modules:
        return name_fix(missing[1], vars(sys.modules[missing[2]]), otherwise)
    return otherwise


def _cannot_import(error: BaseException) -> re.Match[str] | None:
    """The name and the module if it is that the one is not in the other."""
    if not isinstance(error, ImportError):
        return None
    return re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))


def _told(error: BaseException) -> str:
    missing = _cannot_import(error)  # after which Python names the module's file
    return f"{type(error).__name__}: {missing[0] if missing else one_line(error)}"


def _place(tb: TracebackType | None) -> Place | None:
    """The innermost line that is neither the compiler's nor of a library."""
    libraries = [Path(__file__).parent]
    libraries += [Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib", "platlib")]
    for frame in reversed(traceback.extract_tb(tb)):
        file = Path(frame.filename)
        if frame.lineno is None or any(file.is_relative_to(library) for library in libraries):
            continue
        line = source_line(file, frame.lineno)
        if line is not None:
            start = _characters(line, frame.colno or 0)
            same = frame.end_lineno == frame.lineno
            end = _characters(line, frame.end_colno or 0) if same else len(line)
            return Place(shown(file), frame.lineno, start + 1, max(1, end - start))
    return None


def _characters(line: str, offset: int) -> int:
    return len(line.encode()[:offset].decode(errors="ignore"))
