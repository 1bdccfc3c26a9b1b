"""The task functions of a folder, for its description: what they take, and that they exist."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

from questv import process
from questv.api import InitializeRole, State, TaskRole
from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.inputs import Input
from questv.kernel.mutexes import Mutex
from questv.kernel.streams import Stream
from questv.metal.check.signatures import (
    Signature,
    SignatureError,
    definition_line,
    part_node,
    signature,
)
from questv.metal.definitions import DEFINITIONS, MetalFunction, forget
from questv.metal.importing import import_module
from questv.metal.source import Source, shown, source_of
from questv.metal.types import FloatType, IntType, StructType, Type
from questv.plan.virtual import StateShape
from questv.system.model import Isolation
from questv.system.tasks import (
    FunctionMissing,
    ModuleMissing,
    ParameterKind,
    Periodic,
    TaskInvalid,
    TaskProblem,
    TaskSignature,
)
from questv.system.units import parse_duration

_KINDS: dict[type, ParameterKind] = {
    Sender: ParameterKind.SENDER,
    Receiver: ParameterKind.RECEIVER,
    Writer: ParameterKind.WRITER,
    Reader: ParameterKind.READER,
    Input: ParameterKind.INPUT,
    Stream: ParameterKind.STREAM,
    Mutex: ParameterKind.MUTEX,
}
_PROCESS_KINDS: dict[type, ParameterKind] = {
    process.Sender: ParameterKind.SENDER,
    process.Receiver: ParameterKind.RECEIVER,
    process.Writer: ParameterKind.WRITER,
    process.Reader: ParameterKind.READER,
    process.Input: ParameterKind.INPUT,
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
            if isinstance(value, MetalFunction) and isinstance(value.role, TaskRole)
        }
        if name not in functions:
            unmarked = vars(sys.modules[module]).get(name)
            return _missing(module, tuple(sorted(functions)), unmarked)
        return _signature(functions[name], _initializers(module).get(functions[name]))

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

    def functions(self, run: str) -> list[MetalFunction]:
        """The function that ``run`` names, and then the one that is called before, if there is."""
        function = self.function(run)
        initializer = _initializers(function.module).get(function)
        return [function] if initializer is None else [function, initializer]

    def states(self, run: str) -> dict[str, Type]:
        """The type of each State that the function which ``run`` names has as a parameter."""
        return {
            name: type_
            for name, type_ in signature(self.function(run)).parameters
            if _kind(type_) is ParameterKind.STATE
        }

    def state_shapes(self, run: str) -> dict[str, StateShape]:
        """What is known of each of these."""
        return {name: _shape(type_) for name, type_ in self.states(run).items()}

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
        return tuple(_initializer_findings(module))


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


def _initializers(module: str) -> dict[MetalFunction, MetalFunction]:
    """The functions of a module that are called before its tasks, by the task."""
    return {
        function.role.body: function
        for function in reversed(DEFINITIONS[module].functions)
        if isinstance(function.role, InitializeRole)
        and isinstance(function.role.body, MetalFunction)
    }


def _initializer_findings(module: str) -> Iterator[Diagnostic]:
    """What is wrong with functions that are called before a module's tasks, as such."""
    source = source_of(module)
    first = _initializers(module)
    for function in DEFINITIONS[module].functions:
        if not isinstance(function.role, InitializeRole):
            continue
        body = function.role.body
        place = source.place(source.functions[definition_line(function)])
        if (
            not isinstance(body, MetalFunction)
            or not isinstance(body.role, TaskRole)
            or body.module != module
        ):
            yield Diagnostic(
                place,
                f"{function.name} initializes what is no task of this module",
                "name a function with @task or @periodic that stands above: @initialize(step)",
                "initialize-body",
            )
        elif first[body] is not function:
            line = definition_line(first[body])
            yield Diagnostic(
                place,
                f"{body.name} is initialized twice: by {first[body].name} (line {line}) too",
                "let one of the two do what both do",
                "initialize-repeated",
            )


def _signature(
    function: MetalFunction, initializer: MetalFunction | None
) -> TaskSignature | TaskProblem:
    source = source_of(function.module)
    node = source.functions[definition_line(function)]
    try:
        return _read_signature(function, initializer, source)
    except SignatureError as error:
        place = source.place(part_node(node, error.parameter))
        return TaskInvalid((Diagnostic(place, str(error), error.fix, error.rule),))
    except DiagnosticsError as error:
        return TaskInvalid(tuple(error.diagnostics))


def _read_signature(
    function: MetalFunction, initializer: MetalFunction | None, source: Source
) -> TaskSignature:
    """Raises SignatureError, or DiagnosticsError for what only tasks may not have."""
    node = source.functions[definition_line(function)]
    shape = signature(function)
    kinds: dict[str, ParameterKind] = {}
    for name, type_ in shape.parameters:
        kind = _kind(type_)
        if kind is None:
            raise _refusal(
                "task-parameter",
                source.place(part_node(node, name)),
                f"parameter '{name}' of task {function.name} is {type_}",
                "a task takes ends of channels (Sender, Receiver, Writer, Reader), Inputs, "
                "Streams, Mutexes, structs derived from State, integers and floats",
            )
        kinds[name] = kind
    _require_no_result(function, shape, source)
    isolations = {_isolation(type_) for _, type_ in shape.parameters} - {None}
    if len(isolations) > 1:
        raise _refusal(
            "task-parameter",
            source.place(node),
            f"task {function.name} takes what kernels give and what processes are given",
            "import all types from questv.api, or all from questv.process",
        )
    return TaskSignature(
        function.name,
        source.place(node),
        kinds,
        {
            name: range(type_.MIN, type_.MAX + 1)
            for name, type_ in shape.parameters
            if isinstance(type_, IntType)
        },
        function.floats,
        {name: type_.bits for name, type_ in shape.parameters if isinstance(type_, FloatType)},
        _periodic(function, source, node),
        None if initializer is None else _initialize(initializer, function, shape),
        next(iter(isolations), None),
    )


def _require_no_result(function: MetalFunction, shape: Signature, source: Source) -> None:
    if shape.result.size:
        node = source.functions[definition_line(function)]
        raise _refusal(
            "task-result",
            source.place(part_node(node, "return")),
            f"{function.role} {function.name} returns {shape.result}",
            f"a {function.role} returns nothing: declare it -> None",
        )


def _periodic(function: MetalFunction, source: Source, node: ast.FunctionDef) -> Periodic | None:
    """What the decorator says of a periodic function's time."""
    role = function.role
    assert isinstance(role, TaskRole)
    if not role.is_periodic:
        return None
    times: dict[str, int | None] = {"period": None, "budget": None}
    for name in times:
        written = getattr(role, name)
        if written is None:
            continue
        try:
            if isinstance(written, bool) or not isinstance(written, int | str):
                raise ValueError(f"{written!r} is not a duration")
            times[name] = parse_duration(written)
        except ValueError as error:
            raise _refusal(
                "task-duration",
                source.place(_decorators_argument(node, name)),
                f"the {name} of {function.name}: {error}",
                f'write {name}="1.5 ms", with ns, us, ms or s; or nanoseconds as a plain integer',
            ) from None
    return Periodic(times["period"], times["budget"])


def _decorators_argument(node: ast.FunctionDef, name: str) -> ast.AST:
    """Where a decorator of a function is given ``name``, or else the function."""
    calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
    given = [keyword for call in calls for keyword in call.keywords if keyword.arg == name]
    return given[0].value if given else node


def _initialize(
    initializer: MetalFunction, body: MetalFunction, shape: Signature
) -> tuple[str, ...]:
    """The parameters of what is called before a task, which are some of the task's."""
    source = source_of(initializer.module)
    node = source.functions[definition_line(initializer)]
    try:
        own = signature(initializer)
    except SignatureError as error:
        raise _refusal(
            error.rule, source.place(part_node(node, error.parameter)), str(error), error.fix
        ) from error
    _require_no_result(initializer, own, source)
    known = dict(shape.parameters)
    for name, type_ in own.parameters:
        if known.get(name) != type_:
            there = f"as {known[name]}" if name in known else "not at all"
            raise _refusal(
                "initialize-parameter",
                source.place(part_node(node, name)),
                f"parameter '{name}' of {initializer.name} is {type_}, and {body.name} has it "
                f"{there}",
                "take some of the task's parameters, with their names and types",
            )
    return tuple(name for name, _ in own.parameters)


def _refusal(rule: str, place: Place, message: str, fix: str) -> DiagnosticsError:
    return DiagnosticsError([Diagnostic(place, message, fix, rule)])


def _kind(type_: Type) -> ParameterKind | None:
    if isinstance(type_, IntType):
        return ParameterKind.INTEGER
    if isinstance(type_, FloatType):
        return ParameterKind.FLOAT
    if not isinstance(type_, StructType):
        return None
    if issubclass(type_.python, State):
        return ParameterKind.STATE
    return (_KINDS | _PROCESS_KINDS).get(type_.python)


def _shape(type_: Type) -> StateShape:
    assert isinstance(type_, StructType) and issubclass(type_.python, State)
    return StateShape(type_.size, type_.python.__version__)


def _isolation(type_: Type) -> Isolation | None:
    """Where a parameter of this type can be given; None for anywhere."""
    if not isinstance(type_, StructType):
        return None
    if type_.python in _PROCESS_KINDS:
        return Isolation.PROCESS
    return Isolation.KERNEL if type_.python in _KINDS else None
