"""The task functions of a folder, for its description: what they take, and that they exist."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import FunctionType

from questv import process
from questv.api import TASK
from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.inputs import Input
from questv.kernel.streams import Stream
from questv.metal.check.signatures import (
    SignatureError,
    definition_line,
    part_node,
    signature,
)
from questv.metal.definitions import MetalFunction, forget
from questv.metal.importing import import_module
from questv.metal.source import shown, source_of
from questv.metal.types import IntType, StructType, Type
from questv.system.model import Isolation
from questv.system.tasks import (
    FunctionMissing,
    ModuleMissing,
    ParameterKind,
    TaskInvalid,
    TaskProblem,
    TaskSignature,
)

_KINDS: dict[type, ParameterKind] = {
    Sender: ParameterKind.SENDER,
    Receiver: ParameterKind.RECEIVER,
    Writer: ParameterKind.WRITER,
    Reader: ParameterKind.READER,
    Input: ParameterKind.INPUT,
    Stream: ParameterKind.STREAM,
}
_PROCESS_KINDS: dict[type, ParameterKind] = {
    process.Sender: ParameterKind.SENDER,
    process.Receiver: ParameterKind.RECEIVER,
    process.Writer: ParameterKind.WRITER,
    process.Reader: ParameterKind.READER,
    process.Input: ParameterKind.INPUT,
}
_ROLES = {TASK: Isolation.KERNEL, process.PROCESS: Isolation.PROCESS}


_WHAT_TASKS_TAKE = {
    Isolation.KERNEL: "a task takes ends of channels (Sender, Receiver, Writer, Reader), "
    "Inputs, Streams, and integers",
    Isolation.PROCESS: "a process takes integers, and of questv.process ends of channels (Sender, "
    "Receiver, Writer, Reader) and Inputs",
}


class FolderTasks:
    """The task functions in one folder. Of all folders, one at a time is loaded."""

    _loaded: set[str] = set()  # noqa: RUF012 - shared: Python has one set of modules
    _folder: Path | None = None

    def __init__(self, folder: Path) -> None:
        """Make the modules of ``folder`` importable, and forget those of any other."""
        self._problems: dict[str, tuple[Diagnostic, ...]] = {}
        self._path = folder.resolve()
        for name in FolderTasks._loaded:
            sys.modules.pop(name, None)
            forget(name)
        FolderTasks._loaded = set()
        if FolderTasks._folder is not None and str(FolderTasks._folder) in sys.path:
            sys.path.remove(str(FolderTasks._folder))
        sys.path.append(str(self._path))  # last: nothing here may take the place of a library
        FolderTasks._folder = self._path
        importlib.invalidate_caches()

    def find(self, run: str) -> TaskSignature | TaskProblem:
        """What ``module:function`` names."""
        module, _, name = run.partition(":")
        if not (self._path / f"{module}.py").is_file():
            return ModuleMissing()
        findings = self._import(module)
        if findings:
            return TaskInvalid(findings)
        functions = {
            name: value
            for name, value in vars(sys.modules[module]).items()
            if isinstance(value, MetalFunction) and value.role in _ROLES
        }
        if name not in functions:
            unmarked = vars(sys.modules[module]).get(name)
            return _missing(module, tuple(sorted(functions)), unmarked)
        return _signature(functions[name])

    @property
    def modules(self) -> list[str]:
        """The modules that ``find`` has looked for and could import."""
        return sorted(module for module, problems in self._problems.items() if not problems)

    def function(self, run: str) -> MetalFunction:
        """The function that ``run`` names; ``find`` has found it to be a task."""
        module, _, name = run.partition(":")
        found = vars(sys.modules[module])[name]
        assert isinstance(found, MetalFunction)
        return found

    def _import(self, module: str) -> tuple[Diagnostic, ...]:
        if module not in self._problems:
            before = set(sys.modules)
            try:
                self._problems[module] = self._import_new(module)
            finally:
                FolderTasks._loaded |= {
                    name
                    for name in set(sys.modules) - before
                    if _is_below(getattr(sys.modules[name], "__file__", None), self._path)
                }
        return self._problems[module]

    def _import_new(self, module: str) -> tuple[Diagnostic, ...]:
        file = self._path / f"{module}.py"
        try:
            file.open("rb").close()
        except OSError as error:
            return (
                Diagnostic(
                    Place(shown(file)),
                    f"this module can't be read: {error.strerror}",
                    "make it a plain file that you may read",
                    "module-unreadable",
                ),
            )
        try:
            imported = import_module(module)
        except DiagnosticsError as error:
            return tuple(error.diagnostics)
        found = getattr(imported, "__file__", None)
        if not _is_below(found, self._path):
            where = f"at {found}" if found else "built into Python"
            return (
                Diagnostic(
                    Place(shown(file)),
                    f"there is another module named '{module}', {where}",
                    "give the file another name",
                    "module-name-taken",
                ),
            )
        return ()


def _missing(module: str, functions: tuple[str, ...], unmarked: object) -> FunctionMissing:
    """Tell of a function that is no task; ``unmarked`` is what the module has by its name."""
    compiled = isinstance(unmarked, MetalFunction)
    python = unmarked.python if isinstance(unmarked, MetalFunction) else unmarked
    if not isinstance(python, FunctionType) or python.__module__ != module:
        return FunctionMissing(functions)
    source = source_of(module)
    node = source.functions.get(python.__code__.co_firstlineno, source.tree)
    return FunctionMissing(functions, source.place(node), compiled)


def _is_below(file: str | None, folder: Path) -> bool:
    return file is not None and Path(file).resolve().is_relative_to(folder)


def _signature(function: MetalFunction) -> TaskSignature | TaskProblem:
    source = source_of(function.module)
    node = source.functions[definition_line(function)]
    try:
        shape = signature(function)
    except SignatureError as error:
        place = source.place(part_node(node, error.parameter))
        return TaskInvalid((Diagnostic(place, str(error), error.fix, error.rule),))
    assert function.role is not None, "only tasks are asked for"
    isolation = _ROLES[function.role]
    kinds: dict[str, ParameterKind] = {}
    integers: dict[str, range] = {}
    for name, type_ in shape.parameters:
        kind = _kind(type_, isolation)
        if kind is None:
            return TaskInvalid(
                (
                    Diagnostic(
                        source.place(part_node(node, name)),
                        f"parameter '{name}' of task {function.name} is {type_}",
                        _WHAT_TASKS_TAKE[isolation],
                        "task-parameter",
                    ),
                )
            )
        kinds[name] = kind
        if isinstance(type_, IntType):
            integers[name] = range(type_.MIN, type_.MAX + 1)
    if shape.result.size:
        return TaskInvalid(
            (
                Diagnostic(
                    source.place(part_node(node, "return")),
                    f"task {function.name} returns {shape.result}",
                    "a task returns nothing: declare it -> None",
                    "task-result",
                ),
            )
        )
    return TaskSignature(
        function.name, source.place(node), kinds, integers, function.floats, isolation
    )


def _kind(type_: Type, isolation: Isolation) -> ParameterKind | None:
    if isinstance(type_, IntType):
        return ParameterKind.INTEGER
    kinds = _KINDS if isolation is Isolation.KERNEL else _PROCESS_KINDS
    return kinds.get(type_.python) if isinstance(type_, StructType) else None
