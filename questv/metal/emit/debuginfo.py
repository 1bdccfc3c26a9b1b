"""Debug information: what lets a debugger show Python source, locals and structs of a kernel.

Plain DWARF metadata in the dialect of C, which every debugger prints: a struct is a struct, a
reference is a pointer, an enum has its members' names.
"""

from __future__ import annotations

from questv.metal.emit.ir import string
from questv.metal.tree import Function, Local
from questv.metal.types import (
    BOOL,
    TEXT,
    U8,
    ArrayType,
    CellType,
    EnumType,
    FloatType,
    FunctionType,
    IntType,
    PointerType,
    StructType,
    Type,
    is_aggregate,
)


class DebugInfo:
    """The metadata of one compile unit; every method returns a reference such as ``!12``."""

    def __init__(self, file: str) -> None:
        """Start the metadata of the module whose source is ``file``."""
        self._lines: list[str] = []
        self._known: dict[str, str] = {}
        self._structs: dict[StructType, str] = {}
        self._variables: list[str] = []
        self.file = self._file(file)
        self.unit = self._add("distinct")  # it names all variables: ``text`` writes it

    def text(self) -> str:
        """All metadata as module-level text."""
        variables = self._add(f"!{{{', '.join(self._variables)}}}")
        self._lines[int(self.unit[1:])] = (
            f"{self.unit} = distinct !DICompileUnit(language: DW_LANG_C99, file: {self.file}, "
            'producer: "metal", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, '
            f"globals: {variables})"
        )
        dwarf = self._add('!{i32 7, !"Dwarf Version", i32 5}')
        version = self._add('!{i32 2, !"Debug Info Version", i32 3}')
        named = [
            f"!llvm.dbg.cu = !{{{self.unit}}}",
            f"!llvm.module.flags = !{{{dwarf}, {version}}}",
        ]
        return "\n".join([*named, *self._lines])

    def _add(self, text: str) -> str:
        if not text.startswith("distinct") and text in self._known:
            return self._known[text]
        reference = f"!{len(self._lines)}"
        self._lines.append(f"{reference} = {text}")
        self._known[text] = reference
        return reference

    def _file(self, file: str) -> str:
        directory, _, name = file.rpartition("/")
        return self._add(f'!DIFile(filename: "{name}", directory: "{directory or "."}")')

    # ---- functions and locals ----------------------------------------------------------------

    def function(self, function: Function, file: str) -> str:
        """A function; code positions and locals are given relative to it."""
        types = ["null" if function.result.size == 0 else self.type(function.result)]
        types += [self.type(local.type) for local in function.parameters]
        signature = self._add(f"!DISubroutineType(types: !{{{', '.join(types)}}})")
        where = self._file(file)
        name = string(function.definition.name.encode())
        return self._add(
            f'distinct !DISubprogram(name: "{name}", scope: {where}, '
            f"file: {where}, line: {function.line}, type: {signature}, "
            f"scopeLine: {function.line}, flags: DIFlagPrototyped, "
            f"spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: {self.unit})"
        )

    def local(self, local: Local, scope: str, file: str) -> str:
        """A parameter or local variable."""
        argument = "" if local.parameter is None else f"arg: {local.parameter + 1}, "
        type_ = self.type(local.type) if not local.storage else self._own_type(local.type)
        return self._add(
            f'!DILocalVariable(name: "{local.name}", {argument}scope: {scope}, '
            f"file: {self._file(file)}, line: {local.line}, type: {type_})"
        )

    def location(self, line: int, column: int, scope: str) -> str:
        """A position in a function."""
        return self._add(f"!DILocation(line: {line}, column: {column}, scope: {scope})")

    def variable(self, name: str, line: int, type_: Type) -> str:
        """A module-level variable; attach it to the global with ``!dbg``."""
        return self._global(name, f"file: {self.file}, line: {line}, ", type_)

    def external(self, name: str, type_: Type) -> str:
        """The same for one that only the linker knows: a definition as far as debuggers care.

        Where it is written is left out, so that code that uses it does not depend on that.
        """
        return self._global(name, "", type_)

    def _global(self, name: str, place: str, type_: Type) -> str:
        variable = self._add(
            f'distinct !DIGlobalVariable(name: "{name}", scope: {self.unit}, {place}'
            f"type: {self._own_type(type_)}, isLocal: false, isDefinition: true)"
        )
        described = f"!DIGlobalVariableExpression(var: {variable}, expr: !DIExpression())"
        self._variables.append(self._add(described))
        return self._variables[-1]

    # ---- types -------------------------------------------------------------------------------

    def type(self, type_: Type) -> str:
        """The type of a name: for an aggregate, a pointer to it."""
        own = self._own_type(type_)
        return self._pointer(own) if is_aggregate(type_) else own

    def _own_type(self, type_: Type) -> str:
        if isinstance(type_, IntType):
            encoding = "DW_ATE_signed" if type_.signed else "DW_ATE_unsigned"
            return self._basic(type_.name, type_.bits, encoding)
        if isinstance(type_, FloatType):
            return self._basic(type_.name, type_.bits, "DW_ATE_float")
        if type_ == BOOL:
            return self._basic("bool", 8, "DW_ATE_boolean")
        if isinstance(type_, EnumType):
            return self._enum(type_)
        if isinstance(type_, CellType):
            return self._own_type(type_.value)
        if isinstance(type_, PointerType):
            return self._pointer(self._own_type(type_.target))
        if isinstance(type_, ArrayType):
            count = self._add(f"!DISubrange(count: {type_.length})")
            return self._add(
                f"!DICompositeType(tag: DW_TAG_array_type, "
                f"baseType: {self._own_type(type_.element)}, size: {type_.size * 8}, "
                f"elements: !{{{count}}})"
            )
        if isinstance(type_, StructType):
            return self._struct(type_)
        if type_ == TEXT:
            return self._pointer(self._own_type(U8))
        assert isinstance(type_, FunctionType)
        return self._pointer("null")

    def _basic(self, name: str, bits: int, encoding: str) -> str:
        return self._add(f'!DIBasicType(name: "{name}", size: {bits}, encoding: {encoding})')

    def _pointer(self, target: str) -> str:
        return self._add(f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: {target}, size: 64)")

    def _enum(self, type_: EnumType) -> str:
        unsigned = "" if type_.base.signed else ", isUnsigned: true"
        members = ", ".join(
            self._add(f'!DIEnumerator(name: "{member.name}", value: {int(member)}{unsigned})')
            for member in type_.python
        )
        return self._add(
            f'!DICompositeType(tag: DW_TAG_enumeration_type, name: "{type_.name}", '
            f"baseType: {self._own_type(type_.base)}, size: {type_.size * 8}, "
            f"elements: !{{{members}}})"
        )

    def _struct(self, type_: StructType) -> str:
        if type_ in self._structs:
            return self._structs[type_]
        # A struct may point to itself: its reference stands before its members are described.
        reference = f"!{len(self._lines)}"
        self._lines.append("")
        self._structs[type_] = reference
        members = ", ".join(
            self._add(
                f'!DIDerivedType(tag: DW_TAG_member, name: "{member.name}", scope: {reference}, '
                f"baseType: {self._own_type(member.type)}, size: {member.type.size * 8}, "
                f"offset: {member.offset * 8})"
            )
            for member in type_.fields.values()
        )
        self._lines[int(reference[1:])] = (
            f"{reference} = distinct !DICompositeType(tag: DW_TAG_structure_type, "
            f'name: "{type_.name}", size: {type_.size * 8}, elements: !{{{members}}})'
        )
        return reference
