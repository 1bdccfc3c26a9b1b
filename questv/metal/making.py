"""Takes a module through the front end: from its definitions to IR and what others need of it."""

from __future__ import annotations

from questv.metal import tree, worker
from questv.metal.cache import key_of
from questv.metal.check.signatures import definition_line, signature, static_type
from questv.metal.definitions import MetalFunction, StaticKind
from questv.metal.emit import data
from questv.metal.emit.module import CheckedModule, ModuleEmitter
from questv.metal.front import Front, FunctionFacts
from questv.metal.frontend import FrontEnd


def make_front(module: str, *, checks: bool, level: int) -> tuple[Front, str]:
    """What becomes of an imported module, and its IR; raises DiagnosticsError."""
    end = FrontEnd(module)
    checked = end.check()
    emitter = ModuleEmitter(checked, checks=checks)
    ir = emitter.emit()
    front = Front(
        key_of(worker.version(), str(level), ir),
        _facts(checked),
        _addresses(checked),
        tuple(sorted(emitter.uses)),
        sorted(end.dependencies, key=lambda part: (part.module, part.expression)),
    )
    return front, ir


def _with_inlined(checked: CheckedModule, function: tree.Function) -> list[tree.Function]:
    """A function and the inline functions that end up inside it."""
    trees = {own.definition: own for own in checked.functions} | checked.inlined
    found, waiting = [function], [function]
    while waiting:
        for called in waiting.pop().calls:
            if called.inline and trees[called] not in found:
                found.append(trees[called])
                waiting.append(trees[called])
    return found


def _facts(checked: CheckedModule) -> tuple[FunctionFacts, ...]:
    facts = []
    for function in checked.functions:
        parts = _with_inlined(checked, function)
        calls = {called.symbol for part in parts for called in part.calls if not called.inline}
        types = {str(type_) for part in parts for type_ in part.pointer_calls}
        facts.append(
            FunctionFacts(
                function.definition.symbol,
                function.definition.name,
                function.line,
                tuple(sorted(calls)),
                tuple(sorted(types)),
                pushes=max(part.pushes for part in parts),
            )
        )
    for assembled in checked.assembly_functions:
        facts.append(
            FunctionFacts(
                assembled.symbol,
                assembled.name,
                definition_line(assembled),
                stack=assembled.stack,
            )
        )
    return tuple(facts)


def _addresses(checked: CheckedModule) -> tuple[tuple[str, str], ...]:
    """Every function whose address the unit takes, with its type."""
    taken = {
        function
        for part in [*checked.functions, *checked.inlined.values()]
        for function in part.addresses_taken
    }
    for variable in checked.statics:
        if variable.kind is not StaticKind.EXTERNAL:
            _, addresses = data.initial_contents(static_type(variable), variable.initial)
            taken |= {part for part in addresses.values() if isinstance(part, MetalFunction)}
    return tuple(sorted((function.symbol, str(signature(function).type)) for function in taken))
