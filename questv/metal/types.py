"""The types of metal and how they lie in memory.

Layout is owned here and nowhere else: the emitter addresses every field by the byte offset that
these classes say, host views read by the same offsets, and debug information describes them.
Sizes, offsets and alignments are in bytes.
"""

from __future__ import annotations

import enum
import operator
import struct as packing
from collections.abc import Callable as AbstractCallable
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

from questv.metal.naming import name_fix


class Type:
    """A type of metal: a size and an alignment in bytes, and a name as users write it."""

    @property
    def size(self) -> int:
        raise NotImplementedError

    @property
    def align(self) -> int:
        raise NotImplementedError

    @property
    def name(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, repr=False)
class IntType(Type):
    """An integer of a fixed width and sign; on the host, calling it checks a Python integer."""

    bits: int
    signed: bool

    @property
    def name(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"

    @property
    def size(self) -> int:
        return self.bits // 8

    @property
    def align(self) -> int:
        return self.size

    @property
    def MIN(self) -> int:  # noqa: N802 - read as a constant: u8.MIN
        """The smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def MAX(self) -> int:  # noqa: N802 - read as a constant: u8.MAX
        """The largest value."""
        return (1 << (self.bits - self.signed)) - 1

    def fits(self, value: int) -> bool:
        """Whether ``value`` can be held without loss."""
        return self.MIN <= value <= self.MAX

    def wrap(self, value: int) -> int:
        """``value`` modulo two to the width, in this type's range."""
        value = operator.index(value) & ((1 << self.bits) - 1)
        return value - (1 << self.bits) if self.signed and value > self.MAX else value

    def __call__(self, value: int) -> int:
        """On the host, a cast: what does not fit is an error, as in a debug build."""
        value = operator.index(value)
        if not self.fits(value):
            raise OverflowError(f"{value} does not fit {self.name}")
        return value


F32_DIGITS = 24
"""The binary digits that an ``f32`` keeps."""


@dataclass(frozen=True, repr=False)
class FloatType(Type):
    """An IEEE 754 binary float of 32 or 64 bits."""

    bits: int

    @property
    def name(self) -> str:
        return f"f{self.bits}"

    @property
    def size(self) -> int:
        return self.bits // 8

    @property
    def align(self) -> int:
        return self.size

    def __call__(self, value: float) -> float:
        return float(value)

    def nearest(self, value: float) -> float:
        """The float of this type that is nearest to a number; raises OverflowError."""
        if self.bits == 64:
            return float(value)
        if isinstance(value, int):  # Python would round it to 53 bits first, and then once more
            excess = max(0, value.bit_length() - F32_DIGITS)
            value = round(Fraction(value, 1 << excess)) << excess
        nearest: float = packing.unpack("<f", packing.pack("<f", value))[0]
        return nearest


@dataclass(frozen=True, repr=False)
class BoolType(Type):
    """A truth value, one byte in memory; any byte but zero reads as true."""

    name: str = "bool"
    size: int = 1
    align: int = 1


@dataclass(frozen=True, repr=False)
class NoneType(Type):
    """What a function returns that returns nothing."""

    name: str = "None"
    size: int = 0
    align: int = 1


@dataclass(frozen=True, repr=False)
class NeverType(Type):
    """What a function returns that never comes back (``NoReturn``)."""

    name: str = "NoReturn"
    size: int = 0
    align: int = 1


@dataclass(frozen=True, repr=False)
class TextType(Type):
    """A constant string: a pointer to its length (8 bytes) followed by its UTF-8 bytes."""

    name: str = "str"
    size: int = 8
    align: int = 8


@dataclass(frozen=True, repr=False)
class EnumType(Type):
    """A Python ``IntEnum`` or ``IntFlag`` with the integer type that holds it."""

    python: type[enum.IntEnum] | type[enum.IntFlag]
    base: IntType

    @property
    def name(self) -> str:
        return self.python.__name__

    @property
    def size(self) -> int:
        return self.base.size

    @property
    def align(self) -> int:
        return self.base.align

    @property
    def is_flag(self) -> bool:
        """Whether members combine with ``|``, ``&``, ``^`` and ``~``."""
        return issubclass(self.python, enum.IntFlag)


@dataclass(frozen=True, repr=False)
class PointerType(Type):
    """A pointer, which may be null, to one or more values of a type.

    The target is resolved when it is asked for, so that a struct may point to itself.
    """

    declared: Any
    size: int = 8
    align: int = 8

    @property
    def target(self) -> Type:
        """The type pointed to."""
        return as_type(self.declared)

    @property
    def name(self) -> str:
        declared = self.declared
        return f"Ptr[{declared.__name__ if isinstance(declared, type) else declared}]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PointerType) and self.target == other.target

    def __hash__(self) -> int:
        return hash((PointerType, self.name))


@dataclass(frozen=True, repr=False)
class ArrayType(Type):
    """A fixed number of values side by side."""

    element: Type
    length: int

    @property
    def name(self) -> str:
        return f"Array[{self.element}, {self.length}]"

    @property
    def size(self) -> int:
        return self.element.size * self.length

    @property
    def align(self) -> int:
        return self.element.align


@dataclass(frozen=True, repr=False)
class FunctionType(Type):
    """The address of a function with this signature."""

    parameters: tuple[Type, ...]
    result: Type
    size: int = 8
    align: int = 8

    @property
    def name(self) -> str:
        return f"Callable[[{', '.join(map(str, self.parameters))}], {self.result}]"


class CellKind(enum.Enum):
    """Why a scalar in memory may not be read and written plainly."""

    ATOMIC = "Atomic"
    SHARED = "Shared"
    VOLATILE = "Volatile"
    REGISTER = "Register"


@dataclass(frozen=True, repr=False)
class CellType(Type):
    """A scalar in memory that is reached only through methods, each exactly one access.

    ATOMIC names a memory order at each access. SHARED is atomic memory that a hostile party can
    write: what is loaded must land in a local. VOLATILE is memory that changes by itself.
    REGISTER is a device's: each access is one ``mov``.
    """

    kind: CellKind
    value: Type

    @property
    def name(self) -> str:
        return f"{self.kind.value}[{self.value}]"

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def align(self) -> int:
        return self.value.align


@dataclass(frozen=True)
class Field:
    """One field of a struct, at its byte offset."""

    name: str
    type: Type
    offset: int


@dataclass(eq=False, repr=False)
class StructType(Type):
    """A struct: one Python class, one layout."""

    python: type
    packed: bool
    fields: dict[str, Field] = field(default_factory=dict)
    size: int = 0
    align: int = 1

    @property
    def name(self) -> str:
        return self.python.__name__


class LayoutError(Exception):
    """A struct or a type that can't be laid out; the message says why, ``fix`` how to mend it.

    ``field`` names the field of a struct that is wrong; empty if it is the struct as a whole.
    """

    def __init__(self, rule: str, message: str, fix: str, field: str = "") -> None:
        """Carry the rule's name, what is wrong, how to mend it and where."""
        self.rule = rule
        self.fix = fix
        self.field = field
        super().__init__(message)


def lay_out(
    struct: StructType,
    declared: Iterable[tuple[str, Type, int | None]],
    *,
    size: int | None = None,
) -> None:
    """Lay out an empty ``struct`` from its fields' (name, type, explicit offset or None).

    Without explicit offsets the layout is C's on x86-64, or without any padding if it is packed.
    With explicit offsets every field has one, fields neither overlap nor go backwards, and
    ``size`` is the whole struct's (default: up to the end of the last field, rounded up to its
    alignment).

    Raises LayoutError.
    """
    fields = list(declared)
    python, packed = struct.python, struct.packed
    explicit = [offset is not None for _, _, offset in fields]
    if any(explicit) and not all(explicit):
        missing = next(name for name, _, offset in fields if offset is None)
        raise LayoutError(
            "offset-missing",
            f"field '{missing}' of {python.__name__} has no offset, though others have",
            f"give it one: {missing}: ... = at(0x...)",
            missing,
        )
    end = 0
    for name, type_, offset in fields:
        align = 1 if packed else type_.align
        start = -(-end // align) * align if offset is None else offset
        if start < end:
            raise LayoutError(
                "fields-overlap",
                f"field '{name}' of {python.__name__} at {start:#x} overlaps the field before it, "
                f"which ends at {end:#x}",
                f"place it at {end:#x} or later; fields stand in the order of their offsets",
                name,
            )
        if start % type_.align and has_atomic(type_):
            raise LayoutError(
                "atomic-packed",
                f"field '{name}' of {python.__name__} holds an atomic at {start:#x}, where it is "
                "not aligned",
                f"an atomic access needs natural alignment: place it at a multiple of "
                f"{type_.align}, or use C's layout",
                name,
            )
        struct.fields[name] = Field(name, type_, start)
        struct.align = max(struct.align, align)
        end = start + type_.size
    if size is not None and not end <= size <= MAX_SIZE:
        raise LayoutError(
            "struct-size",
            f"{python.__name__} is declared {size:#x} bytes long but its fields end at {end:#x}",
            f"declare size={end:#x} or more, up to {MAX_SIZE:#x}",
        )
    if packed and has_atomic(struct):
        raise LayoutError(
            "atomic-packed",
            f"{python.__name__} is packed and holds an atomic field",
            "a packed struct may lie anywhere and an atomic may not: drop packed=True",
            next(name for name, member in struct.fields.items() if has_atomic(member.type)),
        )
    struct.size = size if size is not None else -(-end // struct.align) * struct.align
    if struct.size % struct.align and has_atomic(struct):
        raise LayoutError(
            "atomic-packed",
            f"{python.__name__} holds an atomic and is {struct.size:#x} bytes long: the next one "
            "in an array would not be aligned",
            f"declare a size that is a multiple of {struct.align}",
        )


def has_atomic(type_: Type) -> bool:
    """Whether a value of ``type_`` holds an atomic or shared cell anywhere inside."""
    if isinstance(type_, CellType):
        return type_.kind in (CellKind.ATOMIC, CellKind.SHARED)
    if isinstance(type_, ArrayType):
        return has_atomic(type_.element)
    if isinstance(type_, StructType):
        return any(has_atomic(member.type) for member in type_.fields.values())
    return False


def has_cell(type_: Type) -> bool:
    """Whether a value of ``type_`` holds a cell of any kind anywhere inside."""
    if isinstance(type_, ArrayType):
        return has_cell(type_.element)
    if isinstance(type_, StructType):
        return any(has_cell(member.type) for member in type_.fields.values())
    return isinstance(type_, CellType)


def is_shared(type_: Type) -> bool:
    """Whether a value of ``type_`` is shared cells and nothing else."""
    if isinstance(type_, ArrayType):
        return is_shared(type_.element)
    if isinstance(type_, StructType):
        return all(is_shared(member.type) for member in type_.fields.values())
    return isinstance(type_, CellType) and type_.kind is CellKind.SHARED


U8, U16, U32, U64 = (IntType(bits, signed=False) for bits in (8, 16, 32, 64))
I8, I16, I32, I64 = (IntType(bits, signed=True) for bits in (8, 16, 32, 64))
F32, F64 = FloatType(32), FloatType(64)
BOOL, NONE, NEVER, TEXT = BoolType(), NoneType(), NeverType(), TextType()

INTEGERS: tuple[IntType, ...] = (U8, U16, U32, U64, I8, I16, I32, I64)


def brief(value: object) -> str:
    """A value for a message: not at length, and whatever its ``repr`` does."""
    try:
        shown = repr(value)
    except Exception:
        return f"a value of type {type(value).__name__}"
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def one_line(text: object) -> str:
    """A text for a message, which has one line: what it quotes may have more, or none at all."""
    try:
        return " ".join(str(text).split("\n"))
    except Exception:
        return f"a {type(text).__name__} that does not say what it is"


def is_scalar(type_: Type) -> bool:
    """Whether values of ``type_`` live in a machine register."""
    return isinstance(
        type_,
        IntType | FloatType | BoolType | EnumType | PointerType | FunctionType | TextType,
    )


def is_aggregate(type_: Type) -> bool:
    """Whether a name of ``type_`` is a reference to a place and never a copy."""
    return isinstance(type_, StructType | ArrayType)


class _PointerMaker:
    """``Ptr[T]``."""

    def __getitem__(self, target: Any) -> PointerType:
        return PointerType(target)


class _ArrayMaker:
    """``Array[T, length]``."""

    def __getitem__(self, arguments: tuple[Any, int]) -> ArrayType:
        if not (isinstance(arguments, tuple) and len(arguments) == 2):
            raise LayoutError(
                "array-form",
                "an array needs an element type and a length",
                "write Array[element, length], for example Array[u8, 64]",
            )
        element, length = as_type(arguments[0]), arguments[1]
        if not isinstance(length, int) or isinstance(length, bool) or length < 1:
            raise LayoutError(
                "array-length",
                f"an array's length is a whole number of at least 1, not {brief(length)}",
                "give the number of elements",
            )
        if element.size == 0:
            fix = "use a type that has a size"
            if isinstance(element, StructType):
                fix = f"a struct can't hold itself, only a pointer: Ptr[{element}]"
            raise LayoutError("element-type", f"an array can't hold {element}", fix)
        if element.size * length > MAX_SIZE:
            raise LayoutError(
                "array-length",
                f"{brief(length)} elements of {element} are more than an address can tell apart",
                f"an array has at most {MAX_SIZE:#x} bytes",
            )
        return ArrayType(element, int(length))


@dataclass(frozen=True)
class _CellMaker:
    """``Atomic[T]``, ``Shared[T]``, ``Volatile[T]``, ``Register[T]``."""

    kind: CellKind

    def __getitem__(self, value: Any) -> CellType:
        type_ = as_type(value)
        if not isinstance(type_, IntType | BoolType | EnumType | PointerType):
            raise LayoutError(
                "cell-type",
                f"{self.kind.value}[{type_}] is not possible: it holds integers, booleans, enums "
                "and pointers",
                f"put the {self.kind.value} on the scalars inside",
            )
        return CellType(self.kind, type_)


MAX_SIZE = (1 << 47) - 1
"""The most bytes that anything in memory can have: half of the addresses of x86-64."""

POINTER = _PointerMaker()
ARRAY = _ArrayMaker()
CELLS = {kind: _CellMaker(kind) for kind in CellKind}


class Widths:
    """The integer type of each enum class that has been given one with ``width``."""

    of: ClassVar[dict[type, EnumType]] = {}


def as_type(annotation: Any) -> Type:
    """The metal type that an evaluated annotation stands for.

    Raises LayoutError if it stands for none.
    """
    if isinstance(annotation, Type):
        return annotation
    if annotation is None or annotation is type(None):
        return NONE
    if annotation is bool:
        return BOOL
    if annotation is str:
        return TEXT
    if isinstance(annotation, type):
        struct = annotation.__dict__.get("__metal_type__")
        if isinstance(struct, StructType):
            return struct
        if annotation in Widths.of:
            return Widths.of[annotation]
        if issubclass(annotation, enum.Enum):
            raise LayoutError(
                "enum-width",
                f"{annotation.__name__} has no width",
                "decorate it with @width(u32) or another integer type",
            )
        if annotation is int:
            raise LayoutError(
                "bare-int",
                "int has no width",
                "use u8, u16, u32, u64, i8, i16, i32 or i64",
            )
        if annotation is float:
            raise LayoutError("bare-float", "float has no width", "use f32 or f64")
    return _special(annotation)


def evaluate(annotation: Any, names: dict[str, Any], own: Mapping[str, Any] | None = None) -> Type:
    """The type that an annotation stands for, whether or not Python evaluated it already.

    ``names`` are its module's, ``own`` those that come before them. Raises LayoutError.
    """
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, names, own)
        except LayoutError:
            raise
        except Exception as error:
            fix = "name a type of metal, or define what it is made of above"
            if isinstance(error, NameError) and error.name:
                fix = name_fix(error.name, {**names, **(own or {})}, fix)
            raise LayoutError(
                "unknown-type",
                f"the type '{one_line(annotation)}' can't be worked out: {one_line(error)}",
                fix,
            ) from error
    return as_type(annotation)


def require_complete(type_: Type) -> None:
    """Resolve what the pointers inside ``type_`` point to, which is left open until it is used.

    Raises LayoutError if one of them points to nothing that can be read.
    """
    if isinstance(type_, PointerType):
        if type_.target.size == 0:
            raise LayoutError(
                "pointer-target",
                f"nothing can be read through {type_}",
                "use Ptr[u8] for bytes of any kind, or u64 for a bare address",
            )
        require_complete(type_.target)
    elif isinstance(type_, ArrayType):
        require_complete(type_.element)
    elif isinstance(type_, CellType):
        require_complete(type_.value)
    elif isinstance(type_, FunctionType):
        for part in type_.parameters:
            require_complete(part)
            if not (is_scalar(part) or is_aggregate(part)):
                raise LayoutError(
                    "parameter-type",
                    f"{type_} can't take {part}",
                    "a function takes scalars, pointers, and references to structs and arrays",
                )
        require_complete(type_.result)


def _special(annotation: Any) -> Type:
    from typing import Never, NoReturn, get_args, get_origin

    if annotation in (Never, NoReturn):
        return NEVER
    if get_origin(annotation) is AbstractCallable:
        arguments = get_args(annotation)
        if isinstance(arguments[0], list):
            return FunctionType(tuple(map(as_type, arguments[0])), as_type(arguments[1]))
    shown = annotation.__name__ if isinstance(annotation, type) else brief(annotation)
    raise LayoutError(
        "unknown-type",
        f"{shown} is not a type of metal",
        "use an integer, bool, f32, f64, str, Ptr[T], Array[T, n], Callable[[...], T], an enum "
        "with a width or a subclass of Struct",
    )
