"""The types of a description's values: how names, functions, sizes, times and numbers are spelt."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, PlainValidator, StrictStr
from pydantic_core import PydanticCustomError

from questv.system.units import parse_duration, parse_size

_NAME_PATTERN = "[a-z][a-z0-9-]{0,30}"
_NAME = re.compile(_NAME_PATTERN)
_TASK_PATH = re.compile(rf"{_NAME_PATTERN}\.{_NAME_PATTERN}")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*")


def _spelt(pattern: re.Pattern[str], fault: str) -> AfterValidator:
    """A check that a text is spelt as ``pattern`` has it; ``fault`` is what pydantic calls it."""

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise PydanticCustomError(fault, "not spelt so")
        return value

    return AfterValidator(check)


def _measured(what: str, parse: Callable[[str | int], int]) -> PlainValidator:
    """What reads a ``what``, an integer or a text, with ``parse``."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise PydanticCustomError(f"{what}_type", "of another type")
        try:
            return parse(value)
        except ValueError as error:
            reason = {"reason": str(error)}
            raise PydanticCustomError(f"{what}_invalid", "{reason}", reason) from None

    return PlainValidator(check)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_type", "not a number")
    return value


def _argument(value: object) -> str | int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise PydanticCustomError("argument_type", "not a name or a number")
    return value


@dataclass(frozen=True)
class Described:
    """What the documentation calls a type of values."""

    words: str


Name = Annotated[StrictStr, _spelt(_NAME, "name_syntax"), Described("name")]
SandboxName = Annotated[StrictStr, Described("name of a sandbox")]
VcpuName = Annotated[StrictStr, Described("name of a VCPU")]
FunctionName = Annotated[
    StrictStr, _spelt(_FUNCTION, "function_syntax"), Described("`module:function`")
]
TaskPath = Annotated[StrictStr, _spelt(_TASK_PATH, "task_syntax"), Described("`sandbox.task`")]
Size = Annotated[int, _measured("size", parse_size), Described("size")]
Duration = Annotated[int, _measured("duration", parse_duration), Described("duration")]
Number = Annotated[float, PlainValidator(_number), Described("number")]
Argument = Annotated[str | int | float, PlainValidator(_argument), Described("name or number")]
