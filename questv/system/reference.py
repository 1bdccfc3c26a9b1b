"""Writes docs/reference.md from the models and the rules: ``python -m questv.system.reference``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from questv.system.document import READING_RULES
from questv.system.model import TABLES, Table, keys
from questv.system.reserved import RESERVED_MSRS, RESERVED_PORTS, Reserved
from questv.system.rules import RULES, rule_name
from questv.system.shape import SHAPE_RULES
from questv.system.units import format_size
from questv.system.values import Described
from questv.system.wording import one_of

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"

EXAMPLE = """\
version = 1
name = "counter"

[[sandbox]]
name = "count"
memory = "2 MiB"

  [[sandbox.task]]
  name = "count"
  run = "tasks:count"
  priority = 10
  bind = { out = "counts", period = 1000000 }

[[sandbox]]
name = "report"
memory = "2 MiB"

  [[sandbox.task]]
  name = "print"
  run = "tasks:report"
  priority = 10

[[channel]]
name = "counts"
kind = "ring"
from = "count"
to = "report"

[[device]]
name = "com1"
kind = "uart"
owner = "report"
"""

_INTRODUCTION = """\
# The system description

A system is a folder with a file `system.toml`, which describes it, and Python modules with its
tasks. This page is made from the models and rules by `python -m questv.system.reference`.

```toml
{example}```

A **size** is an integer and a unit (`"64 KiB"`; B, KiB, MiB or GiB), or bytes as a plain integer.
A **duration** is a number and a unit (`"1.5 ms"`; ns, us, ms or s), or nanoseconds as a plain
integer; it is whole nanoseconds, at least one and at most an hour.
A **name** is a small letter, then at most 30 small letters, digits and hyphens. A key that
is not listed here is an error.
"""

_RULES = """\
## Rules

Each finding ends with the name of the rule that was broken, in brackets. Nothing is built while
one rule is broken. Faults of the file hide those of the spelling, and these hide the rest.
Faults in the source of a task break rules of its language, which have
[a list of their own](metal.md#every-rule).
"""

_BUILD_RULES = {
    "module-unreadable": "A module that its reader may not read has no tasks.",
    "module-name-taken": "Of two modules with one name Python knows one, and it is not the task's.",
    "task-parameter": "A task is given what the description names, numbers, and its own state.",
    "task-result": "A kernel calls a task, and has nothing to do with a result.",
    "task-stack-small": "A task's deepest calls and an interrupt on top must fit its stack.",
    "processes-too-many": "Each has a part of the address space to itself.",
    "task-calls": "A process has no functions of its kernel, nor a kernel those of a process.",
    "task-duration": "A duration is one in Python as it is in the description.",
    "initialize-body": "What is called before a task has to have one, beside it in its module.",
    "initialize-repeated": "Of two functions nobody can tell which one is to be called first.",
    "initialize-parameter": "What is called before a task has nothing of its own to be given.",
    "state-version": "A version is compared with that of what was saved, in 32 bits; 0 is none.",
    "state-name": "What a task calls on its state has to be what saves it.",
    "program-too-large": "Code and variables have their place in a kernel's virtual memory.",
    "stacks-too-large": "So have the stacks, with a page of nothing below each.",
    "states-too-large": "So have the tasks' states, and what is kept of them.",
    "stand-in-state": "What survives of a state can be handed to one of the same version and size.",
    "states-too-many": "A kernel keeps a fixed number of states with versions.",
    "kernel-unreadable": "A foreign kernel's file is read when the system is built.",
    "kernel-not-elf": "What is neither ELF nor flat says nowhere where it is to lie and to begin.",
    "kernel-elf-loaded": "Of two places for one kernel nobody can tell which is meant.",
    "kernel-empty": "A kernel without a byte does nothing.",
    "kernel-note": "A PVH entry is code of 32 bits below 4 GiB; another one can't be entered.",
    "kernel-linux-old": "Linux is entered by its 64-bit entry, which old images do not have.",
    "kernel-linux-short": "What is missing of an image would run as zeros.",
    "kernel-outside-memory": "All of a foreign kernel lies in its sandbox's memory.",
    "kernel-entry-outside": "A kernel that begins where it has no code would crash at once.",
    "kernel-segments": "The boot checks each segment's memory, and each byte has one content.",
    "kernel-assembly": "Assembly source must assemble and link; the findings are the tools' own.",
    "sandbox-memory-small": "A kernel, its tasks, stacks and page tables are all in its sandbox.",
    "machine-memory-small": "The boot, the monitors and nested tables take memory besides.",
}
"""Why the build refuses what only shows when tasks are compiled and memory is given out."""


def reference() -> str:
    """The text of docs/reference.md."""
    tables = [_table(model) for model in TABLES.values()]
    topics: dict[str, Iterable[Callable[..., object]]] = {
        "The file": READING_RULES,
        "Keys and values": SHAPE_RULES,
        **RULES,
    }
    rules = [_topic(title, functions) for title, functions in topics.items()]
    built = [(f"`{rule}`", reason) for rule, reason in _BUILD_RULES.items()]
    rules.append(f"### The build\n\n{_rows(('Rule', 'Reason'), built)}")
    reserved = [_reserved("Ports", RESERVED_PORTS), _reserved("MSRs", RESERVED_MSRS)]
    return "\n".join([_INTRODUCTION.format(example=EXAMPLE), *tables, _RULES, *rules, *reserved])


def _topic(title: str, functions: Iterable[Callable[..., object]]) -> str:
    rows = [(f"`{rule_name(each)}`", _reason(each)) for each in functions]
    return f"### {title}\n\n{_rows(('Rule', 'Reason'), rows)}"


def _reason(function: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(function) or "").split())


def _reserved(what: str, reserved: Iterable[Reserved]) -> str:
    rows = [(_numbers(each.numbers), f"{each.what}, {each.danger}") for each in reserved]
    return f"## {what} that no sandbox is given\n\n{_rows(('Numbers', 'Reason'), rows)}"


def _numbers(numbers: range) -> str:
    return " to ".join(f"{number:#x}" for number in dict.fromkeys((numbers[0], numbers[-1])))


def _table(model: type[Table]) -> str:
    fields = [(key, model.model_fields[name]) for key, name in keys(model).items()]
    rows = [
        (f"`{key}`", _type(field.annotation, field.metadata), _default(field), field.description)
        for key, field in fields
    ]
    title = model.header[:1].upper() + model.header[1:]
    return (
        f"## {title}\n\n{inspect.getdoc(model)}\n\n"
        f"{_rows(('Key', 'Type', 'Default', 'Meaning'), rows)}"
    )


def _rows(heads: tuple[str, ...], rows: Iterable[tuple[str | None, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(cell or '' for cell in line)} |\n" for line in lines)


def _type(annotation: Any, metadata: Iterable[object] = ()) -> str:
    """What a person calls the values that a field's annotation and metadata stand for."""
    for each in metadata:
        if isinstance(each, Described):
            return each.words
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        return " or ".join(_type(each) for each in arguments if each is not NoneType)
    if origin is Literal:
        return one_of(arguments)
    if origin is tuple:
        return f"array: {_type(arguments[0])}"
    if origin is dict:
        return f"table: {_type(arguments[1])}"
    if issubclass(annotation, Enum):
        return one_of(each.value for each in annotation)
    if issubclass(annotation, Table):
        return f"`{annotation.header}`"
    return {int: "integer", str: "string"}[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, Enum):
        return f'"{default.value}"'
    if isinstance(default, int):
        return f'"{format_size(default)}"'
    if isinstance(default, tuple | dict):
        return "empty"
    return "optional"


def main() -> None:
    """Write the reference where the documentation is."""
    REFERENCE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
