"""One compile unit as LLVM text: a module's functions, variables, strings and assembly."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass

from questv.metal import tree
from questv.metal.check.signatures import signature, static_type
from questv.metal.definitions import (
    AssemblyFunction,
    MetalFunction,
    StaticKind,
    StaticVariable,
)
from questv.metal.emit import data, statements
from questv.metal.emit.debuginfo import DebugInfo
from questv.metal.emit.ir import parameter_type, register_type, result_type, string, symbol
from questv.metal.emit.writer import FunctionWriter
from questv.metal.source import import_name
from questv.metal.types import NONE

ATTRIBUTES = (
    'noredzone nounwind null_pointer_is_valid "no-builtins" "frame-pointer"="all" '
    '"target-cpu"="x86-64" "target-features"='
)
"""No red zone, since interrupts push on the stack they find; frame pointers for stack traces and
stack depths; page zero is an address like others; no call is taken for the C library's."""

WITHOUT_FLOATS, WITH_FLOATS = '"-x87,-mmx,-sse"', '"-x87,-mmx,+sse,+sse2"'


@dataclass
class CheckedModule:
    """All that one unit is made of; ``inlined`` are functions copied in from other modules."""

    name: str
    functions: list[tree.Function]
    inlined: dict[MetalFunction, tree.Function]
    assembly_functions: list[AssemblyFunction]
    statics: list[StaticVariable]
    assembly: list[str]


class ModuleEmitter:
    """Emits one module; ``checks`` adds what a debug build checks.

    After ``emit``, ``uses`` names the other modules that it refers to.
    """

    def __init__(self, module: CheckedModule, *, checks: bool) -> None:
        """Prepare the emission."""
        self.module = module
        self.checks = checks
        self.debug = DebugInfo(import_name(sys.modules[module.name]))
        self._defined = {function.definition for function in module.functions}
        self._own_symbols = {
            variable.symbol
            for variable in module.statics
            if variable.kind is not StaticKind.EXTERNAL
        }
        self._declared: dict[str, str] = {}
        self._intrinsics: dict[str, None] = {}
        self._texts: dict[bytes, str] = {}
        self._wanted: list[MetalFunction] = []
        self.uses: set[str] = set()

    def emit(self) -> str:
        """The whole unit."""
        bodies = [self._function(function) for function in self.module.functions]
        done: set[MetalFunction] = set()
        while self._wanted:
            definition = self._wanted.pop()
            if definition not in done:
                done.add(definition)
                bodies.append(self._function(self.module.inlined[definition]))
        variables = []
        for variable in self.module.statics:
            if variable.kind is StaticKind.EXTERNAL:
                self._declare_static(variable)
            else:
                variables.append(self._static(variable))
        texts = [self._text(value, name) for value, name in self._texts.items()]
        parts = [
            'target triple = "x86_64-unknown-none-elf"',
            *self._assembly(),
            *variables,
            *texts,
            *(self._declared[name] for name in sorted(self._declared)),
            *self._intrinsics,
            *bodies,
            f"attributes #0 = {{ {ATTRIBUTES}{WITHOUT_FLOATS} }}",
            f"attributes #1 = {{ {ATTRIBUTES}{WITH_FLOATS} }}",
            self.debug.text(),
        ]
        return "\n".join(parts) + "\n"

    # ---- what functions use ------------------------------------------------------------------

    def use_function(self, function: MetalFunction) -> str:
        """The symbol of a function; declared, or copied in if it is inline, where need be."""
        if function in self._defined:
            return function.symbol
        if function in self.module.inlined:
            self._wanted.append(function)
            return function.symbol
        self.uses.add(function.module)
        shape = signature(function)
        parameters = ", ".join(parameter_type(type_) for _, type_ in shape.parameters)
        self._declared[function.symbol] = (
            f"declare dso_local {result_type(shape.result)} {symbol(function.symbol)}"
            f"({parameters}) {_group(function)}"
        )
        return function.symbol

    def use_static(self, variable: StaticVariable) -> str:
        """The symbol of a variable, declared if it lies elsewhere."""
        if variable.module != self.module.name:
            self._declare_static(variable)
        return variable.symbol

    def _declare_static(self, variable: StaticVariable) -> None:
        if variable.module != self.module.name:
            self.uses.add(variable.module)
        if variable.symbol in self._own_symbols or variable.symbol in self._declared:
            return  # the former where another module's external() names what this one defines
        kind = "constant" if variable.kind is StaticKind.CONSTANT else "global"
        type_ = static_type(variable)
        described = ""
        if variable.kind is StaticKind.EXTERNAL:  # whoever defines it may know no types
            described = f", !dbg {self.debug.external(variable.name, type_)}"
        self._declared[variable.symbol] = (
            f"{symbol(variable.symbol)} = external dso_local {kind} i8, "
            f"align {type_.align}{described}"
        )

    def use_text(self, value: bytes) -> str:
        """The symbol of a constant string."""
        if value not in self._texts:
            self._texts[value] = f".text.{len(self._texts)}"
        return self._texts[value]

    def use_intrinsic(self, declaration: str) -> None:
        """Declare an LLVM intrinsic."""
        self._intrinsics[declaration] = None

    # ---- parts -------------------------------------------------------------------------------

    def _function(self, function: tree.Function) -> str:
        definition = function.definition
        file = import_name(sys.modules[definition.module])
        scope = self.debug.function(function, file)
        w = FunctionWriter(self, function, scope, file)
        w.at(tree.Node(function.line, 1))
        parameters = []
        for local in function.parameters:
            parameters.append(f"{parameter_type(local.type)} %p{local.parameter}")
        for local in function.locals:
            self._reserve(w, local)
        statements.emit_all(w, function.body)
        if not w.terminated:
            w.at(tree.Node(function.line, 1))
            if function.result == NONE:
                w.end("ret void")
            else:
                w.trap(tree.TrapKind.TRAP)  # the checker has shown that nothing comes here
        own = definition in self._defined
        inline = " alwaysinline" if definition.inline else ""
        linkage = f"dso_local {result_type(function.result)} {symbol(definition.symbol)}"
        if own:
            head = f"define {linkage}({', '.join(parameters)}) {_group(definition)}"
            head += f'{inline} section ".text.{definition.symbol}"'
        else:
            head = f"define internal {linkage}({', '.join(parameters)}) {_group(definition)}"
            head += inline
        return f"{head} !dbg {scope} {{\n{w.text()}\n}}"

    def _reserve(self, w: FunctionWriter, local: tree.Local) -> None:
        """A local's memory; the optimizer turns most of it into registers."""
        if local.storage:
            slot = w.stack_slot(f"[{local.type.size} x i8]", max(8, local.type.align))
        else:
            spelt = register_type(local.type)
            memory = "i8" if spelt == "i1" else spelt
            slot = w.stack_slot(memory, 8 if spelt == "ptr" else local.type.size)
        w.slots[local] = slot
        variable = self.debug.local(local, w.scope, w.file)
        where = self.debug.location(local.line, 1, w.scope)
        w.entry.append(f"    #dbg_declare(ptr {slot}, {variable}, !DIExpression(), {where})")
        if local.parameter is not None:
            value = f"%p{local.parameter}"
            spelt = register_type(local.type)
            if spelt == "i1":
                value = w.let(f"zext i1 {value} to i8")
                spelt = "i8"
            w.run(f"store {spelt} {value}, ptr {slot}")

    def _static(self, variable: StaticVariable) -> str:
        type_ = static_type(variable)
        name = symbol(variable.symbol)
        align = max(8, type_.align)
        contents, addresses = data.initial_contents(type_, variable.initial)
        symbols = {offset: self._use_target(target) for offset, target in addresses.items()}
        constant = variable.kind is StaticKind.CONSTANT
        empty = data.is_zero(contents) and not addresses
        section = "rodata" if constant else "bss" if empty else "data"
        described = self.debug.variable(variable.name, variable.line, type_)
        return (
            f"{name} = dso_local {'constant' if constant else 'global'} "
            f'{data.spell(contents, symbols)}, section ".{section}.{variable.symbol}", '
            f"align {align}, !dbg {described}"
        )

    def _use_target(self, target: data.Target) -> str:
        if isinstance(target, MetalFunction):
            return self.use_function(target)
        if isinstance(target, StaticVariable):
            return self.use_static(target)
        return self.use_text(target.encode())

    def _text(self, value: bytes, name: str) -> str:
        digest = hashlib.sha256(value).hexdigest()[:16]
        return (
            f"{symbol(name)} = private unnamed_addr constant <{{ i64, [{len(value)} x i8] }}> "
            f'<{{ i64 {len(value)}, [{len(value)} x i8] c"{string(value)}" }}>, '
            f'section ".rodata.text.{digest}", align 8'
        )

    def _assembly(self) -> list[str]:
        texts = [assembly_function_text(function) for function in self.module.assembly_functions]
        whole = "\n".join([*texts, *self.module.assembly])
        if not whole:
            return []
        lines = [".intel_syntax noprefix", *whole.splitlines(), ".att_syntax prefix", ".text"]
        return [f'module asm "{string(line.encode())}"' for line in lines]


def assembly_function_text(function: AssemblyFunction) -> str:
    """An assembly function with its section, symbol and size."""
    name = f'"{function.symbol}"'
    return "\n".join(
        [
            f'.section ".text.{function.symbol}","ax",@progbits',
            f".globl {name}",
            f".type {name},@function",
            ".p2align 4",
            f"{name}:",
            function.text,
            f".size {name}, . - {name}",
        ]
    )


def _group(function: MetalFunction) -> str:
    return "#1" if function.floats else "#0"
