"""Structs: one Python class for the compiled code, for tests and for tools that read memory.

On the host, an instance is a view over bytes: over its own (``Message()``), or over anybody's
buffer (``Message.view(buffer, offset)``): a dump, a test's memory, a live machine.
"""

from __future__ import annotations

import ctypes
import enum
import inspect
import itertools
import struct as packing
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.metal.source import source_of
from questv.metal.types import (
    MAX_SIZE,
    U64,
    ArrayType,
    BoolType,
    CellKind,
    CellType,
    EnumType,
    Field,
    FloatType,
    FunctionType,
    IntType,
    LayoutError,
    PointerType,
    StructType,
    TextType,
    Type,
    Widths,
    as_type,
    brief,
    evaluate,
    lay_out,
    require_complete,
)

E = TypeVar("E", bound=enum.Enum)


@dataclass(frozen=True)
class _Offset:
    value: int


def at(offset: int) -> Any:
    """A field's explicit byte offset: ``rip: u64 = at(0x178)``.

    Raises LayoutError if it is no offset.
    """
    if not isinstance(offset, int) or not 0 <= offset <= MAX_SIZE:
        raise LayoutError(
            "field-offset",
            f"a field can't lie at offset {brief(offset)}",
            "give its distance in bytes from the start of the struct",
        )
    return _Offset(offset)


class Struct:
    """Base of every metal struct; fields are the class's annotations, in order.

    ``class Header(Struct)`` has C's layout, ``packed=True`` leaves no gaps, ``size=n`` says how
    long the whole is; ``at(offset)`` places each field by hand. ``abstract=True`` makes a base for
    structs of one kind: it has no fields and no layout, and they are no other for having it. What
    it has of methods they have too, but for those in ``__absent__``, which says of each what would
    give it to the struct.
    """

    __metal_type__: ClassVar[StructType]
    __absent__: ClassVar[Mapping[str, str]] = {}
    _buffer: memoryview
    _start: int

    def __init_subclass__(
        cls,
        *,
        packed: bool = False,
        size: int | None = None,
        abstract: bool = False,
        **others: object,
    ) -> None:
        """Lay the class out; raises DiagnosticsError at the field that is wrong."""
        super().__init_subclass__()
        _require_no_options(cls, others)
        if abstract:
            _require_no_fields(cls)
            return
        names = {**_definer_locals(), cls.__name__: cls}
        try:
            if cls.__bases__ != (Struct,) and not _is_abstract(cls.__bases__):
                raise LayoutError(
                    "struct-base",
                    f"{cls.__name__} has another base than Struct",
                    "derive it from Struct alone, and make what they share a field",
                )
            annotations = inspect.get_annotations(cls)
            cls.__metal_type__ = StructType(cls, packed)  # fields may point to the struct itself
            if not annotations:
                raise LayoutError(
                    "empty-struct",
                    f"{cls.__name__} has no fields",
                    "declare one, for example value: u32",
                )
            declared = [_declared(cls, name, annotations[name], names) for name in annotations]
            lay_out(cls.__metal_type__, declared, size=size)
            for field in cls.__metal_type__.fields.values():
                _require_complete(field)
                setattr(cls, field.name, _FieldAccess(field))
        except LayoutError as error:
            raise DiagnosticsError(
                [Diagnostic(_place(cls, error.field), str(error), error.fix, error.rule)]
            ) from error

    def __init__(self, **values: object) -> None:
        """A zeroed struct in memory of its own, then the given fields set."""
        self._buffer = memoryview(bytearray(self.__metal_type__.size))
        self._start = 0
        for name, value in values.items():
            setattr(self, name, value)

    if not TYPE_CHECKING:  # to a type checker it would mean that any name can be set

        def __setattr__(self, name: str, value: object) -> None:
            if name not in self.__metal_type__.fields and name not in ("_buffer", "_start"):
                raise AttributeError(f"{type(self).__name__} has no field '{name}'")
            object.__setattr__(self, name, value)

    @classmethod
    def view(cls, buffer: Any, offset: int = 0) -> Self:
        """The struct that lies at ``offset`` in ``buffer``; nothing is copied.

        Raises ValueError if the buffer ends before the struct does.
        """
        whole = memoryview(buffer).cast("B")
        if offset < 0 or offset + cls.__metal_type__.size > len(whole):
            raise ValueError(
                f"{cls.__name__} ({cls.__metal_type__.size} bytes) at {offset:#x} does not lie "
                f"within {len(whole):#x} bytes"
            )
        made = cls.__new__(cls)
        made._buffer = whole
        made._start = offset
        return made

    @property
    def host_address(self) -> int:
        """Where the struct lies in this process; its buffer must be writable."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self._buffer, self._start))

    def __bytes__(self) -> bytes:
        return bytes(self._buffer[self._start : self._start + self.__metal_type__.size])

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and bytes(self) == bytes(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__metal_type__.fields)
        return f"{type(self).__name__}({', '.join(shown)})"


_RESERVED = {"view", "host_address", "_buffer", "_start"}


def _definer_locals() -> dict[str, Any]:
    """The names where a class is being defined; a base of its kind may stand in between."""
    frame = sys._getframe(1)
    while frame.f_code.co_name == "__init_subclass__" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_locals


def _require_no_options(cls: type[Struct], options: Mapping[str, object]) -> None:
    """Refuse options of a class that no struct has."""
    for name in options:
        fix = "a struct has packed, size and abstract"
        if name == "version":
            fix = f"only a task's state has one: class {cls.__name__}(State, version=1)"
        raise DiagnosticsError(
            [
                Diagnostic(
                    _place(cls),
                    f"the struct {cls.__name__} can't have '{name}'",
                    fix,
                    "struct-option",
                )
            ]
        )


def _require_no_fields(cls: type[Struct]) -> None:
    """What has no layout has no fields; raises DiagnosticsError."""
    for name in inspect.get_annotations(cls):
        if name.startswith("__"):
            continue  # no field can have such a name: it is of Python's
        raise DiagnosticsError(
            [
                Diagnostic(
                    _place(cls, name),
                    f"{cls.__name__} is abstract and has the field '{name}'",
                    "declare it in each struct that derives from it",
                    "abstract-fields",
                )
            ]
        )


def _is_abstract(bases: tuple[type, ...]) -> bool:
    """Whether what a class derives from is one base for structs of a kind."""
    return (
        len(bases) == 1 and issubclass(bases[0], Struct) and "__metal_type__" not in vars(bases[0])
    )


def _declared(
    cls: type, name: str, annotation: Any, names: dict[str, Any]
) -> tuple[str, Type, int | None]:
    """A field's name, type and explicit offset, if it has one."""
    if name.startswith("__") or name in _RESERVED:
        raise LayoutError(
            "reserved-name",
            f"'{name}' can't be a field's name: every struct has it already",
            "choose another name",
            name,
        )
    try:
        type_ = evaluate(annotation, vars(sys.modules[cls.__module__]), names)
    except LayoutError as error:
        error.field = name
        raise
    if type_.size == 0:
        fix = "use a type that has a size"
        if type_ is cls.__dict__["__metal_type__"]:
            fix = f"a struct can't hold itself, only a pointer: {name}: Ptr[{cls.__name__}]"
        raise LayoutError("field-type", f"a field can't be {type_}", fix, name)
    place = cls.__dict__.get(name)
    if place is not None and not isinstance(place, _Offset):
        raise LayoutError(
            "field-default",
            f"field '{name}' has a default value",
            "fields start as zero; set them where the struct is made",
            name,
        )
    return name, type_, place.value if place else None


def _require_complete(field: Field) -> None:
    try:
        require_complete(field.type)
    except LayoutError as error:
        error.field = field.name
        raise


class _FieldAccess:
    """Reads and writes one field of a struct's view."""

    def __init__(self, field: Field) -> None:
        self.field = field

    def __get__(self, instance: Struct | None, owner: type) -> Any:
        if instance is None:
            return self
        return read_value(self.field.type, instance._buffer, instance._start + self.field.offset)

    def __set__(self, instance: Struct, value: Any) -> None:
        write_value(self.field.type, instance._buffer, instance._start + self.field.offset, value)


class ArrayView:
    """An array in a buffer, seen from the host: it has a length, is indexed and iterated."""

    def __init__(self, type_: ArrayType, buffer: memoryview, start: int) -> None:
        """View the array of ``type_`` that starts at byte ``start`` of ``buffer``."""
        self._type, self._buffer, self._start = type_, buffer, start

    def _place(self, index: int) -> int:
        length = self._type.length
        if not -length <= index < length:
            raise IndexError(f"index {index} is outside {self._type}")
        return self._start + (index % length) * self._type.element.size

    def __len__(self) -> int:
        return self._type.length

    def __getitem__(self, index: int) -> Any:
        return read_value(self._type.element, self._buffer, self._place(index))

    def __setitem__(self, index: int, value: Any) -> None:
        write_value(self._type.element, self._buffer, self._place(index), value)

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __bytes__(self) -> bytes:
        return bytes(self._buffer[self._start : self._start + self._type.size])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bytes):
            return bytes(self) == other
        return isinstance(other, ArrayView | list | tuple) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"[{', '.join(map(repr, self))}]"

    @property
    def host_address(self) -> int:
        """Where the array lies in this process; its buffer must be writable."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self._buffer, self._start))


class CellView:
    """An atomic, shared, volatile or register cell, seen from the host."""

    def __init__(self, type_: CellType, buffer: memoryview, start: int) -> None:
        """View the cell of ``type_`` at byte ``start`` of ``buffer``."""
        self._type, self._buffer, self._start = type_, buffer, start

    def load(self, _order: object = None) -> Any:
        """The value now."""
        return read_value(self._type.value, self._buffer, self._start)

    def store(self, value: Any, _order: object = None) -> None:
        """Set the value."""
        write_value(self._type.value, self._buffer, self._start, value)

    read = load
    write = store

    def __repr__(self) -> str:
        return f"{self._type.kind.value}({self.load()!r})"


def read_value(type_: Type, buffer: memoryview, start: int) -> Any:
    """The value of ``type_`` at byte ``start``: a Python value, or a view of an aggregate or cell.

    Pointers and function addresses read as integers; an enum that holds no member's value reads
    as an integer.
    """
    if isinstance(type_, IntType):
        return int.from_bytes(buffer[start : start + type_.size], "little", signed=type_.signed)
    if isinstance(type_, StructType):
        return type_.python.view(buffer, start)  # type: ignore[attr-defined]
    if isinstance(type_, ArrayType):
        return ArrayView(type_, buffer, start)
    if isinstance(type_, CellType):
        return CellView(type_, buffer, start)
    if isinstance(type_, BoolType):
        return buffer[start] != 0
    if isinstance(type_, EnumType):
        value = read_value(type_.base, buffer, start)
        try:
            return type_.python(value)
        except ValueError:
            return value
    if isinstance(type_, FloatType):
        return packing.unpack_from("<f" if type_.bits == 32 else "<d", buffer, start)[0]
    if isinstance(type_, PointerType | FunctionType | TextType):
        return int.from_bytes(buffer[start : start + 8], "little")
    raise TypeError(f"{type_} can't be read from memory")


def write_value(type_: Type, buffer: memoryview, start: int, value: Any) -> None:
    """Store a Python value of ``type_`` at byte ``start``.

    Arrays take sequences or bytes of their length or shorter, structs take one of their class or
    a dict of fields. Raises OverflowError, TypeError or ValueError if it does not fit.
    """
    if isinstance(type_, IntType):
        buffer[start : start + type_.size] = type_(value).to_bytes(
            type_.size, "little", signed=type_.signed
        )
    elif isinstance(type_, StructType):
        if isinstance(value, dict):
            for name, part in value.items():
                if name not in type_.fields:
                    raise ValueError(f"{type_} has no field {name!r}")
                member = type_.fields[name]
                write_value(member.type, buffer, start + member.offset, part)
        elif isinstance(value, Struct) and type(value) is type_.python:
            buffer[start : start + type_.size] = bytes(value)
        else:
            raise TypeError(f"{value!r} is no {type_}")
    elif isinstance(type_, ArrayType):
        values = list(itertools.islice(value, type_.length + 1))
        if len(values) > type_.length:
            raise ValueError(f"there are more values than {type_} holds")
        for index, part in enumerate(values):
            write_value(type_.element, buffer, start + index * type_.element.size, part)
    elif isinstance(type_, CellType):
        write_value(type_.value, buffer, start, value)
    elif isinstance(type_, BoolType):
        if value not in (False, True):
            raise TypeError(f"{value!r} is no truth value")
        buffer[start] = bool(value)
    elif isinstance(type_, EnumType):
        write_value(type_.base, buffer, start, value)
    elif isinstance(type_, FloatType):
        if not isinstance(value, int | float):
            raise TypeError(f"{value!r} is no number")
        packing.pack_into("<f" if type_.bits == 32 else "<d", buffer, start, type_.nearest(value))
    elif isinstance(type_, PointerType | FunctionType | TextType):
        write_value(U64, buffer, start, value)
    else:
        raise TypeError(f"{type_} can't be written to memory")


def width(base: Any) -> Any:
    """Give an ``IntEnum`` or ``IntFlag`` the integer type that holds it: ``@width(u32)``.

    Raises LayoutError if ``base`` is no integer type, DiagnosticsError if the class is no such
    enum or a member does not fit.
    """
    if not isinstance(base, IntType):
        raise LayoutError(
            "width-form", "an enum's width is an integer type", "write @width(u32) or another"
        )

    def give(python: type[E]) -> type[E]:
        if not issubclass(python, enum.IntEnum | enum.IntFlag):
            raise DiagnosticsError(
                [
                    Diagnostic(
                        _place(python),
                        f"{python.__name__} is neither an IntEnum nor an IntFlag",
                        f"write class {python.__name__}(IntEnum), or IntFlag if members combine",
                        "width-form",
                    )
                ]
            )
        wrong = [
            Diagnostic(
                _place(python, str(member.name)),
                f"{python.__name__}.{member.name} = {int(member)} does not fit {base} "
                f"({base.MIN} to {base.MAX})",
                "choose a wider type for @width",
                "enum-range",
            )
            for member in python
            if not base.fits(int(member))
        ]
        if wrong:
            raise DiagnosticsError(wrong)
        Widths.of[python] = EnumType(python, base)
        return python

    return give


def _place(python: type, name: str = "") -> Place:
    """Where a class, or one name in it, is defined."""
    source = source_of(python.__module__)
    return source.place(source.field(python.__qualname__, name))


def absent_methods(struct: type) -> dict[str, str]:
    """The methods of its base that a struct has not, each with what would give it one."""
    absent: Mapping[str, str] = getattr(struct, "__absent__", {})
    return {name: fix for name, fix in absent.items() if name not in vars(struct)}


def sizeof(type_: Any) -> int:
    """The size of a type in bytes."""
    return as_type(type_).size


def offsetof(struct: type[Struct], name: str) -> int:
    """The byte offset of field ``name`` of ``struct``."""
    return struct.__metal_type__.fields[name].offset


__all__ = [
    "ArrayView",
    "CellKind",
    "CellView",
    "Struct",
    "absent_methods",
    "at",
    "offsetof",
    "read_value",
    "sizeof",
    "width",
    "write_value",
]
