"""Calls the function that says what was expected of a run."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

from questv.diagnostics import Diagnostic, DiagnosticsError, Place, source_line
from questv.expect import Expectation, RunResult
from questv.inspect.report import ExpectationReport
from questv.interrupted import Interrupted


def check_expectations(
    folder: Path, expect: str, result: RunResult
) -> tuple[ExpectationReport, ...]:
    """What ``expect``, a function ``module:function`` in ``folder``, expects of a run.

    An error in it is an expectation that was not met. What it prints goes to standard error.
    """
    module, _, function = expect.partition(":")
    file = folder.resolve() / f"{module}.py"
    found: list[ExpectationReport] = []
    with redirect_stdout(sys.stderr), _importable(folder):
        try:
            check = getattr(_load(file), function)
            for each in check(result):
                found.append(_report(each, expect))
        except Interrupted:
            raise
        except BaseException as error:  # whatever it raises, the run's results count
            found.append(_failure(expect, file, error))
    return tuple(found)


def require_check(folder: Path, expect: str) -> None:
    """Import the module of ``expect``, and see that its function takes a run.

    Raises DiagnosticsError: what is known before a run should not fail after it.
    """
    module, _, function = expect.partition(":")
    file = folder / f"{module}.py"
    with redirect_stdout(sys.stderr), _importable(folder):
        try:
            check = getattr(_load(file.resolve()), function)
        except Interrupted:
            raise
        except BaseException as error:
            message = f"importing {file.name} fails here: {type(error).__name__}: {error}"
            line = _line_in(file.resolve(), error) or 0
            raise _invalid(file, line, message, "mend this: it is imported before a run") from error
    try:
        inspect.signature(check).bind(None)
    except TypeError as error:
        line = getattr(getattr(check, "__code__", None), "co_firstlineno", 0)
        fix = f"declare it: def {function}(run: RunResult) -> Iterator[Expectation]"
        raise _invalid(file, line, f"{function} does not take a run alone", fix) from error


def _invalid(file: Path, line: int, message: str, fix: str) -> DiagnosticsError:
    text = source_line(file, line) or ""
    start = len(text) - len(text.lstrip())
    place = Place(file, line, start + 1, max(1, len(text.rstrip()) - start))
    return DiagnosticsError([Diagnostic(place, _text(message), fix, "expect-invalid")])


def _report(each: object, expect: str) -> ExpectationReport:
    if not isinstance(each, Expectation):
        raise TypeError(f"{expect} gives a {type(each).__name__}, not an Expectation")
    return ExpectationReport(name=_text(each.name), met=bool(each.met), detail=_text(each.detail))


def _text(value: object) -> str:
    """What can be written to any file: of the bytes of a file's name not every one can."""
    return str(value).encode(errors="backslashreplace").decode()


def _failure(expect: str, file: Path, error: BaseException) -> ExpectationReport:
    """What Python says of a check that failed, and the last line of ``file`` that it was in."""
    line = _line_in(file, error)
    where = f" ({file.name}:{line})" if line else ""
    return ExpectationReport(
        name=expect, met=False, detail=_text(f"{type(error).__name__}: {error}{where}")
    )


def _line_in(file: Path, error: BaseException) -> int | None:
    """The last line of ``file`` that ``error`` came through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file]
    return lines[-1] if lines else None


def _load(file: Path) -> ModuleType:
    """The module in ``file``, whatever else has its name."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """In this block modules of ``folder`` can be imported; afterwards those are forgotten."""
    before = dict(sys.modules)
    path = str(folder.resolve())
    sys.path.insert(0, path)
    try:
        yield
    finally:
        sys.path.remove(path)
        for name in set(sys.modules) - set(before):
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and Path(file).is_relative_to(path):
                del sys.modules[name]
        sys.modules.update(before)
