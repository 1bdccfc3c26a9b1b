"""Calls compiled metal functions from ordinary Python.

The objects are the very ones that a bare-machine program is linked from. Each ``Jit`` has its own
copy of every module-level variable. Compiled code can do anything to the process it runs in: run
what may fail in a child (``questv.metal.isolate``).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from elftools.elf.elffile import ELFFile

from questv.metal.check.signatures import signature, static_type
from questv.metal.definitions import DEFINITIONS, MetalFunction, StaticKind, StaticVariable
from questv.metal.emit.ir import symbol
from questv.metal.link import LinkError
from questv.metal.structs import ArrayView, Struct, read_value
from questv.metal.types import (
    BOOL,
    NEVER,
    NONE,
    TEXT,
    EnumType,
    FloatType,
    IntType,
    Type,
    is_aggregate,
)
from questv.metal.units import Unit, UnitCompiler

_INTEGERS = {
    (8, False): ctypes.c_uint8,
    (16, False): ctypes.c_uint16,
    (32, False): ctypes.c_uint32,
    (64, False): ctypes.c_uint64,
    (8, True): ctypes.c_int8,
    (16, True): ctypes.c_int16,
    (32, True): ctypes.c_int32,
    (64, True): ctypes.c_int64,
}
_LARGEST_FUNCTION = 1 << 16
_LIBRARY_NUMBERS = itertools.count()


LOADED: weakref.WeakSet[Jit] = weakref.WeakSet()
"""Every ``Jit`` that is alive, for telling where a fault happened."""


@functools.cache
def _engine() -> llvm.LLJIT:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.create_lljit_compiler()


class Jit:
    """Compiled functions, loaded into this process."""

    def __init__(
        self,
        *wanted: MetalFunction | Any,
        checks: bool = True,
        level: int = 2,
        directory: Path | None = None,
    ) -> None:
        """Compile and load the modules of ``wanted`` (functions or modules) and all they use.

        ``checks`` is a debug build. Raises DiagnosticsError.
        """
        modules = {
            part.module if isinstance(part, MetalFunction) else str(part.__name__)
            for part in wanted
        }
        compiler = UnitCompiler(checks=checks, level=level, directory=directory)
        self.units = compiler.compile(sorted(modules))
        self._addresses = self._load(self.units)
        self._callables: dict[MetalFunction, Callable[..., Any]] = {}
        LOADED.add(self)

    def _load(self, units: dict[str, Unit]) -> dict[str, int]:
        builder = llvm.JITLibraryBuilder()
        names = set()
        sizes: dict[str, int] = {}
        for unit in units.values():
            builder.add_object_img(unit.object)
            names |= {facts.symbol for facts in unit.functions}
            for static in DEFINITIONS[unit.module].statics:
                names.add(static.symbol)
                if static.kind is StaticKind.EXTERNAL:
                    size = static_type(static).size
                    sizes[static.symbol] = max(size, sizes.get(static.symbol, 0))
        if sizes:
            own = set().union(*(_defined(unit.object) for unit in units.values()))
            builder.add_ir(_reserve({name: sizes[name] for name in sizes if name not in own}))
        for name in names:
            builder.export_symbol(name)
        try:
            self._library = builder.link(_engine(), f"metal-{next(_LIBRARY_NUMBERS)}")
        except RuntimeError as error:
            raise _link_error(units.values(), sizes, error) from error
        return {name: self._library[name] for name in names}

    def address(self, definition: MetalFunction | StaticVariable) -> int:
        """Where a function or variable was loaded."""
        return self._addresses[definition.symbol]

    def locate(self, address: int) -> tuple[str, int] | None:
        """The symbol of the function that holds an address, and the offset in it."""
        starts = {
            self._addresses[facts.symbol]: facts.symbol
            for unit in self.units.values()
            for facts in unit.functions
        }
        start = max((start for start in starts if start <= address), default=None)
        if start is None or address - start > _LARGEST_FUNCTION:
            return None
        return starts[start], address - start

    def variable(self, static: Any) -> Any:
        """A module-level variable: a view if it is an aggregate or cell, else its value."""
        assert isinstance(static, StaticVariable)
        type_ = static_type(static)
        return read_value(type_, _memory(self.address(static), type_.size, self), 0)

    def __getitem__(self, function: Any) -> Callable[..., Any]:
        """A metal function as a Python callable.

        Integers are checked against their types; structs, arrays, bytearrays and None go in
        where references and pointers are taken, strings where strings are. References come back
        as views, pointers as integers.
        """
        assert isinstance(function, MetalFunction)
        if function not in self._callables:
            self._callables[function] = self._wrap(function)
        return self._callables[function]

    def _wrap(self, function: MetalFunction) -> Callable[..., Any]:
        shape = signature(function)
        types = [type_ for _, type_ in shape.parameters]
        prototype = ctypes.CFUNCTYPE(_c_type(shape.result), *map(_c_type, types))
        native = prototype(self.address(function))

        def call(*arguments: Any) -> Any:
            if len(arguments) != len(types):
                raise TypeError(f"{function.name} takes {len(types)} arguments")
            alive: list[Any] = []
            given = [
                self._to_native(type_, argument, alive)
                for type_, argument in zip(types, arguments, strict=True)
            ]
            result = native(*given)
            if is_aggregate(shape.result):
                memory = _memory(result, shape.result.size, (self, arguments, alive))
                return read_value(shape.result, memory, 0)
            return _from_native(shape.result, result)

        return call

    def _to_native(self, type_: Type, value: Any, alive: list[Any]) -> Any:
        if isinstance(type_, IntType):
            return type_(value)
        if isinstance(type_, EnumType):
            return type_.base(int(value))
        if type_ == BOOL or isinstance(type_, FloatType):
            return value
        if type_ == TEXT:
            encoded = value.encode()
            text = len(encoded).to_bytes(8, "little") + encoded
            alive.append(ctypes.create_string_buffer(text))
            return ctypes.addressof(alive[-1])
        if isinstance(value, MetalFunction | StaticVariable):
            return self.address(value)
        if isinstance(value, Struct | ArrayView):
            return value.host_address
        if isinstance(value, bytearray | memoryview):
            alive.append((ctypes.c_char * len(value)).from_buffer(value))
            return ctypes.addressof(alive[-1])
        return 0 if value is None else int(value)

    def close(self) -> None:
        """Unload the code; nothing of it may be called or viewed afterwards."""
        LOADED.discard(self)
        with contextlib.suppress(RuntimeError):
            self._library.close()


def _reserve(sizes: dict[str, int]) -> str:
    """Zeroed memory for what only a linker script would place, as IR; aligned to a page.

    It is loaded with the code, since the code reaches no further than two gigabytes.
    """
    return "\n".join(
        f"{symbol(name)} = global [{size} x i8] zeroinitializer, align 4096"
        for name, size in sorted(sizes.items())
    )


def _defined(contents: bytes) -> set[str]:
    """The global symbols that an object defines."""
    return {name for name, here in _globals(contents) if here}


def _globals(contents: bytes) -> Iterator[tuple[str, bool]]:
    """The global symbols of an object, and whether it defines them."""
    table: Any = ELFFile(io.BytesIO(contents)).get_section_by_name(".symtab")
    for entry in table.iter_symbols():
        if entry["st_info"]["bind"] == "STB_GLOBAL":
            yield entry.name, entry["st_shndx"] != "SHN_UNDEF"


def _link_error(units: Iterable[Unit], reserved: Iterable[str], error: Exception) -> LinkError:
    """What is wrong with units that LLVM refused to link, as the linker would tell it."""
    symbols = [part for unit in units for part in _globals(unit.object)]
    missing = {name for name, _ in symbols} - {name for name, here in symbols if here}
    names = ", ".join(sorted(missing.difference(reserved)))
    if not names:
        return LinkError(f"linking failed: {error}", "mend what LLVM complains about")
    return LinkError(f"nothing defines {names}", "define it, or import the module that does")


def _c_type(type_: Type) -> Any:
    if isinstance(type_, EnumType):
        type_ = type_.base
    if isinstance(type_, IntType):
        return _INTEGERS[type_.bits, type_.signed]
    if type_ == BOOL:
        return ctypes.c_bool
    if isinstance(type_, FloatType):
        return ctypes.c_float if type_.bits == 32 else ctypes.c_double
    return None if type_ in (NONE, NEVER) else ctypes.c_void_p


def _from_native(type_: Type, value: Any) -> Any:
    if isinstance(type_, EnumType):
        with contextlib.suppress(ValueError):
            return type_.python(value)
        return value
    if type_.size and not isinstance(type_, IntType | FloatType) and type_ != BOOL:
        return value or 0
    return value


def _memory(address: int, size: int, owner: object) -> memoryview:
    """The bytes at an address; views of them keep ``owner`` alive, whose memory it may be."""
    memory = (ctypes.c_char * size).from_address(address)
    memory.owner = owner  # type: ignore[attr-defined]
    return memoryview(memory).cast("B")
