"""Lets mypy check metal code: bare numbers take the width that is asked for, arrays have lengths.

The integer types of metal are classes of their own to mypy, so that widths never mix. This plugin
makes a plain ``int`` acceptable where one of them is wanted, as a literal is in metal, and reads
``Array[u8, 64]`` as an array of ``u8``. The compiler itself checks both exactly.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import TypeInfo
from mypy.plugin import AnalyzeTypeContext, ClassDefContext, Plugin
from mypy.types import Instance, Type

_LANG = "questv.metal.lang"
_INTEGERS = {f"{_LANG}.{name}" for name in ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64")}
_FLOATS = {f"{_LANG}.f32", f"{_LANG}.f64"}


class MetalPlugin(Plugin):
    """Hooks for the types of metal."""

    def get_customize_class_mro_hook(
        self, fullname: str
    ) -> Callable[[ClassDefContext], None] | None:
        """When the stub is read: let int (and float) be promoted to the type."""
        return _promote_at_definition if fullname in _INTEGERS | _FLOATS else None

    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        """When the type is used: the same, for runs that take the stub from mypy's cache."""
        if fullname in _INTEGERS | _FLOATS:
            return _promote_at_use
        return _analyze_array if fullname == f"{_LANG}.Array" else None


def _promote(number: TypeInfo, wanted: TypeInfo) -> None:
    known = [part.type for part in number._promote if isinstance(part, Instance)]
    if wanted not in known:
        number._promote = [
            part
            for part in number._promote
            if not (isinstance(part, Instance) and part.type.fullname == wanted.fullname)
        ]
        number._promote.append(Instance(wanted, []))


def _numbers(fullname: str) -> tuple[str, ...]:
    return ("builtins.int", "builtins.float") if fullname in _FLOATS else ("builtins.int",)


def _promote_at_definition(context: ClassDefContext) -> None:
    wanted = context.cls.info
    for name in _numbers(wanted.fullname):
        _promote(context.api.named_type(name).type, wanted)


def _promote_at_use(context: AnalyzeTypeContext) -> Type:
    name = context.type.name.rpartition(".")[2]
    wanted = context.api.named_type(f"{_LANG}.{name}", [])
    for number in _numbers(wanted.type.fullname):
        _promote(context.api.named_type(number, []).type, wanted.type)
    return wanted


def _analyze_array(context: AnalyzeTypeContext) -> Type:
    """``Array[element, length]``: the length is any expression and not mypy's concern."""
    element = context.api.analyze_type(context.type.args[0])
    return context.api.named_type(f"{_LANG}.Array", [element])


def plugin(_version: str) -> type[Plugin]:
    """What mypy calls."""
    return MetalPlugin
