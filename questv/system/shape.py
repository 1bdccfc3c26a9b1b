"""From plain values to the typed models, or to findings about keys, types and spelling."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.system.document import Document, DocumentPath
from questv.system.model import FORMAT_VERSION, TABLES, System, Table, keys
from questv.system.wording import suggest


def parse_system(document: Document) -> System:
    """The models for what ``document`` says.

    Raises DiagnosticsError with every fault of shape: keys, types, choices and spelling. A
    description of another version is refused for that alone.
    """
    version = document.values.get("version")
    if isinstance(version, int) and version != FORMAT_VERSION:
        raise DiagnosticsError([version_unknown(document, version)])
    try:
        return System.model_validate(document.values)
    except ValidationError as error:
        faults = [(details["type"], _fault(document, details)) for details in error.errors()]
    raise DiagnosticsError(_RULES_BY_TYPE.get(type_, type_wrong)(fault) for type_, fault in faults)


@dataclass(frozen=True)
class Fault:
    """One thing that the validation refused, in terms of the document.

    ``error`` is the type of pydantic's error and ``context`` what it says besides; ``path``
    addresses the part at fault, ``table`` is the path in TABLES of the table around it, and
    ``found`` the value.
    """

    document: Document
    error: str
    context: Mapping[str, object]
    path: DocumentPath
    table: tuple[str, ...]
    found: object

    @property
    def key(self) -> str:
        """The innermost key around the part at fault."""
        return self.keys[-1]

    @property
    def keys(self) -> list[str]:
        """The path without indices."""
        return [part for part in self.path if isinstance(part, str)]

    @property
    def header(self) -> str:
        """What stands in the file above the table around the part at fault."""
        if self.error == "union_tag_not_found":
            return f"[[{'.'.join(self.keys[:-1])}]]"
        return self.model.header

    @property
    def model(self) -> type[Table]:
        """The model of the table around the part at fault."""
        return TABLES[self.table]


_SOME_KIND = {("channel",): "ring", ("device",): "uart", ("sandbox", "vcpu"): "main"}
"""The tables of which there are several kinds, each with one of them."""


def _fault(document: Document, details: ErrorDetails) -> Fault:
    location, found, context = details["loc"], details["input"], details.get("ctx", {})
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        # Without a known kind no model can be picked, and pydantic finds fault with the table as a
        # whole. The key at fault is "kind", which the table of any kind has.
        location = (*location, _SOME_KIND[_table(location)], "kind")
        found = context.get("tag")
    table = _table(location[:-1])
    for path in _SOME_KIND:
        if table[: len(path)] == path:
            # Within such a table, the kind is a step of pydantic's path, but not the document's.
            steps = 2 * len(path)
            location = location[:steps] + location[steps + 1 :]
    return Fault(document, details["type"], context, location, table, found)


def _table(location: DocumentPath) -> tuple[str, ...]:
    """A path without indices."""
    return tuple(part for part in location if isinstance(part, str))


def version_unknown(document: Document, version: int) -> Diagnostic:
    """Another version of the format has other keys and rules, so nothing is guessed from it."""
    return Diagnostic(
        document.value("version"),
        f"version {version} of the format is not known here",
        f"write version = {FORMAT_VERSION} and what that means, or use another release of Quest-V",
        "version-unknown",
    )


def key_missing(fault: Fault) -> Diagnostic:
    """Some keys have no default that would be right for every system."""
    description = fault.model.model_fields[keys(fault.model)[fault.key]].description or ""
    choice = re.search(r"`([a-z-]+)`", description)  # the first that it names, if it names some
    value = _EXAMPLES.get(fault.key, f'"{choice[1]}"' if choice else _NAME)
    return Diagnostic(
        fault.document.key(*fault.path[:-1]),
        f'{fault.header} lacks the key "{fault.key}"',
        f"add {fault.key} = {value}: {description[:1].lower()}{description[1:].rstrip('.')}",
        "key-missing",
    )


_NAME = '"..."'
_EXAMPLES = {
    "version": str(FORMAT_VERSION),
    "memory": '"512 KiB"',
    "run": '"tasks:work"',
    "budget": '"100 us"',
    "period": '"1 ms"',
    "utilization": "0.05",
    "hold": '"5 us"',
    "tasks": '["sensor.sample", "controller.step"]',
    "latency": '"5 ms"',
    "size": '"64 KiB"',
    "message": "64",
    "slot": "8",
    "first": "0x300",
    "last": "0x307",
    "number": "0xC0000103",
    "access": '"r"',
}
"""How the values of keys that must be there are written; of all others a name is the value."""


def key_unknown(fault: Fault) -> Diagnostic:
    """A key that nothing reads is a slip of the pen, and what it should say would be lost."""
    return Diagnostic(
        fault.document.key(*fault.path),
        f'{fault.header} has no key "{fault.key}"',
        _elsewhere(fault) or suggest(fault.key, keys(fault.model), "remove it"),
        "key-unknown",
    )


def _elsewhere(fault: Fault) -> str | None:
    """The fix for a table that stands in another table than its own, as ``[[task]]`` does."""
    if isinstance(fault.found, dict | list):
        for table in TABLES.values():
            header = table.header.partition(" ")[0]
            if fault.key == header.strip("[]").rpartition(".")[2]:
                return f"did you mean {header}?"
    return None


def type_wrong(fault: Fault) -> Diagnostic:
    """Each key has a type, and nothing is converted silently: "10" is not the number 10."""
    expected, fix = _expectation(fault)
    element = "an element of " if isinstance(fault.path[-1], int) else ""
    return Diagnostic(
        fault.document.value(*fault.path),
        f'{element}"{fault.key}" is {_type_of(fault.found)}, but should be {expected}',
        f"write {fix}",
        "type-wrong",
    )


def choice_unknown(fault: Fault) -> Diagnostic:
    """The key has a fixed list of values, and this is none of them."""
    choices = str(fault.context.get("expected") or fault.context["expected_tags"])
    return Diagnostic(
        fault.document.value(*fault.path),
        f'"{fault.key}" can\'t be {_quoted(fault.found)}',
        suggest(str(fault.found), choices.split("'")[1::2], "remove it"),
        "choice-unknown",
    )


def name_syntax(fault: Fault) -> Diagnostic:
    """Names appear in commands, files and reports, so they are plain, short and look alike."""
    return Diagnostic(
        fault.document.value(*fault.path),
        f"{_quoted(fault.found)} is not a name",
        'write a small letter, then at most 30 small letters, digits and "-"',
        "name-syntax",
    )


def function_syntax(fault: Fault) -> Diagnostic:
    """A function is found by its module, a file of the folder, and its name in that file."""
    return Diagnostic(
        fault.document.value(*fault.path),
        f"{_quoted(fault.found)} does not name a function",
        f'write "module:function", e.g. {fault.key} = "tasks:work" for work() in tasks.py',
        "function-syntax",
    )


def size_invalid(fault: Fault) -> Diagnostic:
    """A size is a number of bytes, with a unit that leaves no doubt, that a machine can have."""
    return Diagnostic(
        fault.document.value(*fault.path),
        str(fault.context["reason"]),
        'write an integer and B, KiB, MiB or GiB, e.g. "64 KiB"; or bytes as a plain integer',
        "size-invalid",
    )


def task_syntax(fault: Fault) -> Diagnostic:
    """Tasks of several sandboxes are told apart by the sandbox's name before their own."""
    return Diagnostic(
        fault.document.value(*fault.path),
        f"{_quoted(fault.found)} does not name a task",
        'write "sandbox.task", the names of the two with a point between',
        "task-syntax",
    )


def duration_invalid(fault: Fault) -> Diagnostic:
    """A duration is a whole number of nanoseconds, with a unit, and neither nothing nor endless."""
    return Diagnostic(
        fault.document.value(*fault.path),
        str(fault.context["reason"]),
        'write a number and ns, us, ms or s, e.g. "1.5 ms"; or nanoseconds as a plain integer',
        "duration-invalid",
    )


_RULES_BY_TYPE: dict[str, Callable[[Fault], Diagnostic]] = {
    "missing": key_missing,
    "union_tag_not_found": key_missing,
    "extra_forbidden": key_unknown,
    "enum": choice_unknown,
    "literal_error": choice_unknown,
    "union_tag_invalid": choice_unknown,
    "name_syntax": name_syntax,
    "function_syntax": function_syntax,
    "size_invalid": size_invalid,
    "task_syntax": task_syntax,
    "duration_invalid": duration_invalid,
}

_EXPECTATIONS = {
    "int_type": ("an integer", "a plain number, e.g. 10 or 0x70"),
    "string_type": ("a string", "text in quotes"),
    "size_type": ("a size", 'a size, e.g. "64 KiB", or bytes as a plain integer'),
    "duration_type": ("a duration", 'a duration, e.g. "1 ms", or nanoseconds as a plain integer'),
    "number_type": ("a number", "a plain number, e.g. 0.05"),
    "argument_type": (
        "a name or a number",
        "the name of a channel, input, device or mutex, or a number",
    ),
    "dict_type": ("a table", 'parameters and what they stand for, e.g. { out = "results" }'),
}


def _expectation(fault: Fault) -> tuple[str, str]:
    """What a value of a wrong type should be, and how to write it."""
    if fault.path == ("run", "until"):
        return "an array of names", 'the names in brackets, e.g. until = ["report"]'
    if fault.table == ("chain",) and fault.key == "tasks" and fault.error == "tuple_type":
        return "an array of tasks", f"the tasks in brackets, e.g. tasks = {_EXAMPLES['tasks']}"
    header = ".".join(fault.keys)
    if fault.error == "tuple_type":
        return "an array of tables", f"[[{header}]], in double brackets, for each"
    if fault.error in ("model_type", "model_attributes_type"):
        is_element = isinstance(fault.path[-1], int)
        return "a table", f"[[{header}]]" if is_element else f"[{header}], in single brackets"
    return _EXPECTATIONS[fault.error]


def _type_of(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    return (names | {list: "an array", dict: "a table"}).get(type(value), "a date or time")


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as TOML writes it
    return f'"{value}"' if isinstance(value, str) else str(value)


SHAPE_RULES = (
    version_unknown,
    key_missing,
    key_unknown,
    type_wrong,
    choice_unknown,
    name_syntax,
    function_syntax,
    size_invalid,
    task_syntax,
    duration_invalid,
)
"""How keys and values must look, each by itself."""
