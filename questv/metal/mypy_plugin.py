"""Lets mypy check metal code: bare numbers take the width that is asked for, arrays have lengths.

The integer types of metal are classes of their own to mypy, so that widths never mix. This plugin
makes a plain ``int`` acceptable where one of them is wanted, as a literal is in metal, and reads
``Array[u8, 64]`` as an array of ``u8``. The compiler itself checks both exactly.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import TypeInfo
from mypy.plugin import AnalyzeTypeContext, FunctionSigContext, Plugin
from mypy.types import AnyType, FunctionLike, Instance, Type, TypeOfAny

_LANG = "questv.metal.lang"
_INTEGERS = {f"{_LANG}.{name}" for name in ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64")}
_FLOATS = {f"{_LANG}.f32", f"{_LANG}.f64"}


class MetalPlugin(Plugin):
    """Hooks for the types of metal.

    mypy keeps its knowledge of the stub from run to run but not what a plugin did to it, so the
    promotions are made again at whatever is met first: a type's use, a call or an attribute.
    """

    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        """Where a type is used; an array's length is none of mypy's business."""
        if fullname in _INTEGERS | _FLOATS:
            return _promote_at_use
        return _analyze_array if fullname == f"{_LANG}.Array" else None

    def get_function_signature_hook(
        self, fullname: str
    ) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """Where a function is called; an enum is made from any integer of metal."""
        self._promote_loaded()
        found = self.lookup_fully_qualified(fullname)
        if found is not None and isinstance(found.node, TypeInfo):
            bases = {base.fullname for base in found.node.mro}
            if bases & {"enum.IntEnum", "enum.IntFlag"}:
                return _take_any_number
        return None

    def get_method_signature_hook(self, _fullname: str) -> None:
        """Where a method is called, an operator among them."""
        self._promote_loaded()

    def get_attribute_hook(self, _fullname: str) -> None:
        """Where an attribute is read or set."""
        self._promote_loaded()

    def _promote_loaded(self) -> None:
        found = {
            name: self.lookup_fully_qualified(name)
            for name in ("builtins.int", "builtins.float", *_INTEGERS, *_FLOATS)
        }
        types = {
            name: entry.node
            for name, entry in found.items()
            if entry is not None and isinstance(entry.node, TypeInfo)
        }
        for name in (_INTEGERS | _FLOATS) & types.keys():
            for number in _numbers(name):
                _promote(types[number], types[name])


def _promote(number: TypeInfo, wanted: TypeInfo) -> None:
    """Let mypy accept ``number`` where ``wanted`` is asked for."""
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


def _promote_at_use(context: AnalyzeTypeContext) -> Type:
    name = context.type.name.rpartition(".")[2]
    wanted = context.api.named_type(f"{_LANG}.{name}", [])
    for number in _numbers(wanted.type.fullname):
        _promote(context.api.named_type(number, []).type, wanted.type)
    return wanted


def _take_any_number(context: FunctionSigContext) -> FunctionLike:
    signature = context.default_signature
    anything: list[Type] = [AnyType(TypeOfAny.special_form) for _ in signature.arg_types]
    return signature.copy_modified(arg_types=anything)


def _analyze_array(context: AnalyzeTypeContext) -> Type:
    """``Array[element, length]``: the length is any expression and not mypy's concern."""
    element = context.api.analyze_type(context.type.args[0])
    return context.api.named_type(f"{_LANG}.Array", [element])


def plugin(_version: str) -> type[Plugin]:
    """What mypy calls."""
    return MetalPlugin
