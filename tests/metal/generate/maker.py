"""Draws random programs that are valid metal and that a model can follow."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from random import Random
from typing import Any

from . import expressions as ex
from . import statements as st
from .model import (
    BOOL,
    I16,
    I64,
    INTEGERS,
    U8,
    U64,
    UNSIGNED,
    Boolean,
    Int,
    Pointer,
    Record,
    Scalar,
    Table,
    Type,
)
from .program import Function, Program, Variable

INNER = Record("Inner", (("a", U8), ("b", I64), ("c", Table(I16, 3))))
ORDERS = ("RELAXED", "ACQUIRE", "RELEASE", "ACQ_REL", "SEQ_CST")
ARITHMETIC = ("+", "-", "*", "&", "|", "^", "//", "%", "<<", ">>")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@dataclass
class Scope:
    """What the statement that is being made has in view."""

    names: list[tuple[str, Type]]
    loops: int = 0
    depth: int = 0

    def inner(self, *, loop: bool = False) -> Scope:
        return Scope(list(self.names), self.loops + loop, self.depth + 1)


@functools.cache
def reaches(type_: Type, wanted: Type) -> bool:
    """Whether fields and elements lead from a value to one of the type that is wanted."""
    if type_ == wanted:
        return True
    if isinstance(type_, Record):
        return any(reaches(part, wanted) for _, part in type_.fields)
    if isinstance(type_, Table):
        return reaches(type_.element, wanted)
    return isinstance(type_, Pointer) and reaches(type_.target, wanted)


def make_program(random: Random, entries: int) -> Program:
    """A program with some number of functions to call, and helpers that these use."""
    maker = Maker(random)
    maker.helpers()
    for _ in range(entries):
        given = [maker.scalar() for _ in range(random.randint(1, 4))]
        maker.program.entries.append(maker.function("entry", given, maker.scalar(), 5))
    return maker.program


def make_inputs(random: Random, function: Function, count: int) -> list[list[int]]:
    """Arguments to call an entry with."""
    types = [type_ for _, type_ in function.parameters]
    assert all(isinstance(type_, Int | Boolean) for type_ in types)
    return [[any_value(random, type_) for type_ in types] for _ in range(count)]  # type: ignore[arg-type]


def any_value(random: Random, type_: Scalar) -> int:
    """A boundary, a small number, or any number."""
    kind = random.random()
    if isinstance(type_, Boolean):
        return kind < 0.5
    if kind < 0.4:
        return random.choice(type_.boundaries())
    if kind < 0.7:
        return random.randint(-8 if type_.signed else 0, 20)
    return random.randint(type_.low, type_.high)


class Maker:
    """Makes one program, drawing from ``random``."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._count = 0
        self._outer = self._record()
        self.program = Program([INNER, self._outer])
        self._variables()

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def scalar(self) -> Scalar:
        return BOOL if self._chance(0.1) else self.random.choice(INTEGERS)

    # ---- structs and variables ---------------------------------------------------------------

    def _record(self) -> Record:
        parts: list[tuple[str, Scalar | Table | Record]] = []
        for index in range(self.random.randint(4, 8)):
            scalar = self.scalar()
            choices = (scalar, scalar, Table(scalar, self.random.randint(1, 9)), INNER)
            parts.append((f"f{index}", self.random.choice((*choices, Table(INNER, 2)))))
        return Record("Outer", tuple(parts))

    def _variables(self) -> None:
        random = self.random
        types: list[tuple[str, Type, str]] = [(f"s_{part.name}", part, "") for part in INTEGERS]
        types.append(("s_bool", BOOL, ""))
        lengths = (1, 2, 4, 5, 8)
        for index in range(3):
            types.append((f"t{index}", Table(self.scalar(), random.choice(lengths)), ""))
        types += [("r0", self._outer, ""), ("r1", self._outer, ""), ("r2", INNER, "")]
        types += [(f"atomic_{part.name}", part, "Atomic") for part in random.sample(INTEGERS, 2)]
        alone = random.choice(INTEGERS)
        types.append((f"volatile_{alone.name}", alone, "Volatile"))
        self.program.variables.append(Variable("trace", U64, [0]))
        for name, type_, cell in types:
            self.program.variables.append(Variable(name, type_, self._memory(type_), cell))
        self._roots = [(v.name, v.type) for v in self.program.variables[1:] if not v.cell]
        self._cells = [variable for variable in self.program.variables if variable.cell]
        elements = [part.element for _, part in self._roots if isinstance(part, Table)]
        self._pointees: list[Int | Record] = [INNER, self._outer, *random.sample(INTEGERS, 2)]
        self._pointees += [part for part in elements if isinstance(part, Int)]

    def _memory(self, type_: Type) -> Any:
        """Memory of the model with values to start from."""
        if isinstance(type_, Record):
            return {name: self._memory(part) for name, part in type_.fields}
        if isinstance(type_, Table) and isinstance(type_.element, Record):
            return [self._memory(type_.element) for _ in range(type_.length)]
        length = type_.length if isinstance(type_, Table) else 1
        element = type_.element if isinstance(type_, Table) else type_
        assert isinstance(element, Int | Boolean)
        return [any_value(self.random, element) for _ in range(length)]

    # ---- functions ---------------------------------------------------------------------------

    def helpers(self) -> None:
        """Functions that only other functions call, and tables of functions."""
        random = self.random
        for type_ in random.sample(INTEGERS, 2):
            made = [
                self.function("operation", [type_, type_], type_, 1)
                for _ in range(random.choice((2, 3, 4)))
            ]
            self.program.functions += made
            self.program.tables[f"table_{type_.name}"] = made
        tables = [type_ for _, type_ in self._roots if isinstance(type_, Table)]
        choices: list[Type] = [self._outer, INNER, *tables]
        choices += [Pointer(part) for part in self._pointees]
        for _ in range(5):
            given: list[Type] = [self.scalar() for _ in range(random.randint(1, 2))]
            given += [random.choice(choices) for _ in range(random.randint(0, 2))]
            inline = self._chance(0.4)
            self.program.functions.append(
                self.function("helper", given, self.scalar(), 2, inline=inline)
            )
        for record in (INNER, self._outer):
            given = [record, self.scalar()]
            method = self.function(
                "method", given, self.scalar(), 2, inline=self._chance(0.4), method=record
            )
            self.program.functions.append(method)

    def function(
        self,
        kind: str,
        given: list[Type],
        result: Scalar,
        size: int,
        *,
        inline: bool = False,
        method: Record | None = None,
    ) -> Function:
        parameters = [(f"p{index}", type_) for index, type_ in enumerate(given)]
        if method is not None:
            parameters[0] = ("self", method)
        made = Function(self._name(kind), parameters, result, inline, method)
        scope = Scope(list(parameters))
        scalars = [name for name, type_ in self._roots if isinstance(type_, Int | Boolean)]
        made.body.append(st.Global(scalars))
        for _ in range(self.random.randint(0, size)):
            made.body.append(self._definition(scope))
        body, ended = self._block(scope, result, self.random.randint(1, size + 1))
        made.body += body
        if not ended:
            made.body.append(st.Return(self.expression(scope, result, 3)))
        return made

    # ---- expressions -------------------------------------------------------------------------

    def expression(self, scope: Scope, type_: Type, depth: int) -> ex.Expression:
        """Any expression of a type."""
        match type_:
            case Boolean():
                return self._boolean(scope, depth)
            case Int():
                return self._integer(scope, type_, depth)
            case Pointer():
                return self._pointer(scope, type_, depth)
        place = self._place(scope, type_, 1)
        if isinstance(type_, Record) and self._chance(0.1):
            other = self._place(scope, type_, 1)
            return ex.Conditional(type_, self._boolean(scope, 1), place, other)
        return place

    def _literal(self, type_: Int, value: int | None = None) -> ex.Literal:
        random = self.random
        if value is None:
            value = any_value(random, type_)
        spelling = str(value)
        if self._chance(0.1):
            part = random.randint(-1000, 1000)
            spelling = f"({value - part} + {part})"
        elif self._chance(0.1):
            spelling = f"{type_.name}.{'MAX' if self._chance(0.5) else 'MIN'}"
            value = type_.high if spelling.endswith("MAX") else type_.low
        elif value >= 0 and self._chance(0.2):
            spelling = hex(value)
        return ex.Literal(type_, value, self._chance(0.7), spelling)

    def _fixed(self, type_: Int, value: int) -> ex.Literal:
        """A literal of exactly this value."""
        return ex.Literal(type_, value, self._chance(0.7), str(value))

    def _typed(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        """An expression other than a literal."""
        made = self._integer(scope, type_, depth)
        return self._leaf(scope, type_) if isinstance(made, ex.Literal) else made

    def _leaf(self, scope: Scope, type_: Scalar) -> ex.Expression:
        return self._place(scope, type_, 0)

    def _integer(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        random = self.random
        if depth <= 0:
            return self._literal(type_) if self._chance(0.3) else self._leaf(scope, type_)
        kinds = {
            self._binary: 40,
            self._unary: 6,
            self._cast: 14,
            self._choice: 8,
            self._minimum: 5,
            self._intrinsic: 8,
            self._call: 8,
            self._table_call: 4,
            self._cell: 4,
            self._note: 8,
            self._simple: 12,
        }
        maker = random.choices(list(kinds), list(kinds.values()))[0]
        return maker(scope, type_, depth - 1)

    def _simple(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        return self._integer(scope, type_, 0)

    def _binary(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        sign = self.random.choice(ARITHMETIC)
        left = self._integer(scope, type_, depth)
        return ex.Binary(type_, sign, left, self._right(scope, type_, sign, depth))

    def _right(self, scope: Scope, type_: Int, sign: str, depth: int) -> ex.Expression:
        """A right operand that mostly does not trap, and never does for sure."""
        if sign in ("<<", ">>"):
            if self._chance(0.3):
                return self._fixed(type_, self.random.randint(0, type_.bits - 1))
            count = self._typed(scope, type_, depth)
            mask = self._fixed(type_, type_.bits - 1)
            return count if self._chance(0.05) else ex.Binary(type_, "&", count, mask)
        if sign in ("//", "%"):
            if self._chance(0.4):
                value = any_value(self.random, type_)
                return self._fixed(type_, value or 1)
            divisor = self._typed(scope, type_, depth)
            one = self._fixed(type_, 1)
            return divisor if self._chance(0.05) else ex.Binary(type_, "|", divisor, one)
        return self._integer(scope, type_, depth)

    def _unary(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        sign = self.random.choice(("-", "~", "+"))
        return ex.Unary(type_, sign, self._typed(scope, type_, depth))

    def _cast(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        found = self.scalar()
        if isinstance(found, Boolean):
            return ex.Cast(type_, self._boolean(scope, depth), self._chance(0.5))
        value = self._typed(scope, found, depth)
        lossless = type_.fits(found.low) and type_.fits(found.high)
        if lossless or self._chance(0.05):
            return ex.Cast(type_, value, exact=self._chance(0.7))
        if self._chance(0.5):
            return ex.Cast(type_, value, exact=False)
        low = self._fixed(found, self.random.randint(0, min(found.high, type_.high)))
        return ex.Cast(type_, ex.Binary(found, "&", value, low), exact=True)

    def _choice(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        test = self._boolean(scope, depth)
        chosen, other = (self._integer(scope, type_, depth) for _ in "ab")
        return ex.Conditional(type_, test, chosen, other)

    def _minimum(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        values = [self._typed(scope, type_, depth), self._integer(scope, type_, depth)]
        self.random.shuffle(values)
        return ex.Intrinsic(type_, self.random.choice(("min", "max")), values)

    def _intrinsic(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        if type_ not in UNSIGNED:
            return self._unary(scope, type_, depth)
        name = self.random.choice(list(ex.INTRINSICS))
        values = [self._typed(scope, type_, depth)]
        if ex.INTRINSICS[name][0] == 2:
            values.append(self._integer(scope, type_, depth))
        return ex.Intrinsic(type_, name, values)

    def _call(self, scope: Scope, type_: Int | Boolean, depth: int) -> ex.Expression:
        functions = [part for part in self.program.functions if part.result == type_]
        if not functions:
            return self._leaf(scope, type_)
        return self._call_of(scope, self.random.choice(functions), depth)

    def _call_of(self, scope: Scope, function: Function, depth: int) -> ex.Call:
        given = [self.expression(scope, kind, min(depth, 1)) for _, kind in function.parameters]
        return ex.Call(function.result, function, given)

    def _table_call(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        functions = self.program.tables.get(f"table_{type_.name}")
        if functions is None:
            return self._binary(scope, type_, depth)
        given = [self._integer(scope, type_, depth) for _ in "ab"]
        if self._chance(0.3):
            chosen, other = (self.random.choice(functions) for _ in "ab")
            return ex.ChosenCall(type_, self._boolean(scope, depth), chosen, other, given)
        index = self._index(scope, len(functions), depth)
        return ex.TableCall(type_, f"table_{type_.name}", functions, index, given)

    def _cell(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        cells = [cell for cell in self._cells if cell.type == type_]
        if not cells:
            return self._note(scope, type_, depth)
        cell = self.random.choice(cells)
        if cell.cell == "Volatile":
            return ex.CellCall(type_, cell.name, "read", [], "")
        names = ("load", "swap", "compare_swap", "add", "subtract", "and_", "or_", "xor")
        name = self.random.choice(names)
        count = {"load": 0, "compare_swap": 2}.get(name, 1)
        given = [self._integer(scope, type_, depth) for _ in range(count)]
        orders = ("RELAXED", "ACQUIRE", "SEQ_CST") if name == "load" else ORDERS
        return ex.CellCall(type_, cell.name, name, given, self.random.choice(orders))

    def _note(self, scope: Scope, type_: Int, depth: int) -> ex.Expression:
        return ex.Note(type_, self.random.randint(1, 99), self._integer(scope, type_, depth))

    # ---- truth values ------------------------------------------------------------------------

    def _boolean(self, scope: Scope, depth: int) -> ex.Expression:
        if depth <= 0:
            return self._leaf(scope, BOOL)
        kind = self.random.random()
        if kind < 0.6:
            return self._comparison(scope, depth - 1)
        if kind < 0.8:
            count = self.random.choice((2, 2, 3, 4))
            parts = [self._boolean(scope, depth - 1) for _ in range(count)]
            return ex.Logic(BOOL, self._chance(0.5), parts)
        if kind < 0.88:
            return ex.Not(BOOL, self._boolean(scope, depth - 1))
        if kind < 0.92:
            return self._call(scope, BOOL, depth - 1)
        if kind < 0.95:
            parts = [self._boolean(scope, depth - 1) for _ in range(3)]
            return ex.Conditional(BOOL, *parts)
        if kind < 0.97:
            pointer = self._pointer(scope, Pointer(self.random.choice(self._pointees)), depth - 1)
            return ex.IsNull(BOOL, pointer)
        return self._leaf(scope, BOOL)

    def _comparison(self, scope: Scope, depth: int) -> ex.Expression:
        type_ = self.random.choice(INTEGERS)
        count = self.random.choice((2, 2, 2, 3, 4))
        first = self._typed(scope, type_, depth)
        rest = [self._integer(scope, type_, depth) for _ in range(count - 1)]
        signs = [self.random.choice(COMPARISONS) for _ in rest]
        return ex.Compare(BOOL, [first, *rest], signs)

    # ---- places ------------------------------------------------------------------------------

    def _place(
        self, scope: Scope, wanted: Type, depth: int
    ) -> ex.Local | ex.Static | ex.Member | ex.Element:
        """Something in memory of the type that is wanted, or a local of it."""
        locals_ = [(n, t) for n, t in scope.names if reaches(t, wanted) and not _fuel(n)]
        statics = [(n, t) for n, t in self._roots if reaches(t, wanted)]
        made: ex.Local | ex.Static | ex.Member | ex.Element
        if locals_ and (not statics or self._chance(0.7)):
            name, type_ = self.random.choice(locals_)
            made = ex.Local(type_, name)
        else:
            name, type_ = self.random.choice(statics)
            made = ex.Static(type_, name)
        while made.type != wanted:
            made = self._step(scope, made, wanted, depth)
        return made

    def _step(
        self, scope: Scope, base: ex.Expression, wanted: Type, depth: int
    ) -> ex.Member | ex.Element:
        type_ = base.type
        if isinstance(type_, Record):
            parts = [(n, part) for n, part in type_.fields if reaches(part, wanted)]
            name, part = self.random.choice(parts)
            return ex.Member(part, base, name)
        if isinstance(type_, Table):
            return ex.Element(type_.element, base, self._index(scope, type_.length, depth))
        assert isinstance(type_, Pointer)
        index = self._fixed(U64, 1 if self._chance(0.05) else 0)
        return ex.Element(type_.target, base, index)

    def _index(self, scope: Scope, length: int, depth: int) -> ex.Expression:
        """An index that mostly lies within an array."""
        type_ = self.random.choice(UNSIGNED)
        if depth <= 0 and self._chance(0.7):
            return self._fixed(type_, self.random.randrange(length))
        value = self._typed(scope, type_, depth - 1)
        if self._chance(0.03):
            return value
        if length & (length - 1) == 0 and self._chance(0.5):
            return ex.Binary(type_, "&", value, self._fixed(type_, length - 1))
        return ex.Binary(type_, "%", value, self._fixed(type_, length))

    def _pointer(self, scope: Scope, type_: Pointer, depth: int) -> ex.Expression:
        kind = self.random.random()
        known = [name for name, found in scope.names if found == type_]
        if known and kind < 0.4:
            return ex.Local(type_, self.random.choice(known))
        if depth > 0 and kind < 0.5:
            parts = [self._pointer(scope, type_, 0) for _ in "ab"]
            return ex.Conditional(type_, self._boolean(scope, depth - 1), *parts)
        if self._chance(0.02):
            return ex.Null(type_)
        return ex.PointerTo(type_, self._place(scope, type_.target, depth))

    # ---- statements --------------------------------------------------------------------------

    def _definition(self, scope: Scope) -> st.Statement:
        """A new local."""
        name = self._name("v")
        kind = self.random.random()
        if kind < 0.1:
            reserved: Table | Record = self.random.choice(
                (INNER, self._outer, Table(self.scalar(), self.random.randint(1, 8)))
            )
            scope.names.append((name, reserved))
            return st.Reserve(name, reserved)
        type_: Type = self.scalar()
        if kind < 0.2:
            type_ = Pointer(self.random.choice(self._pointees))
        elif kind < 0.3:
            type_ = self.random.choice((INNER, self._outer))
        value = self.expression(scope, type_, 3)
        annotated = self._chance(0.6) and not isinstance(type_, Record)
        scope.names.append((name, type_))
        return st.Define(name, type_, value, annotated)

    def _block(self, scope: Scope, result: Scalar, count: int) -> tuple[list[st.Statement], bool]:
        """Statements, and whether control never comes to their end."""
        made: list[st.Statement] = []
        for _ in range(count):
            statement, ended = self._statement(scope, result)
            made += statement
            if ended:
                return made, True
        return made, False

    def _statement(self, scope: Scope, result: Scalar) -> tuple[list[st.Statement], bool]:
        kind = self.random.random()
        nested = scope.depth < 3
        if kind < 0.2:
            return [self._definition(scope)], False
        if kind < 0.42:
            return [self._assignment(scope)], False
        if kind < 0.55:
            return [self._update(scope)], False
        if kind < 0.68 and nested:
            return self._if(scope, result)
        if kind < 0.78 and nested and scope.loops < 2:
            return self._loop(scope, result), False
        if kind < 0.84 and nested:
            return self._match(scope, result)
        if kind < 0.9:
            return [self._effect(scope)], False
        if kind < 0.93:
            return [self._bulk(scope)], False
        if kind < 0.96 and scope.loops:
            return [st.Break() if self._chance(0.5) else st.Continue()], True
        if kind < 0.98 and scope.depth:
            return [st.Return(self.expression(scope, result, 3))], True
        if kind < 0.985 and scope.depth:
            return [st.Stop()], True
        return [st.Check(self._boolean(scope, 2))] if self._chance(0.2) else [], False

    def _assignment(self, scope: Scope) -> st.Statement:
        if self._chance(0.1):
            references = [(n, t) for n, t in scope.names if isinstance(t, Pointer)]
            if references:
                name, type_ = self.random.choice(references)
                return st.Assign(ex.Local(type_, name), self.expression(scope, type_, 2))
        if self._chance(0.1):
            cell = self.random.choice(self._cells)
            assert isinstance(cell.type, Int)
            order = "" if cell.cell == "Volatile" else self.random.choice(ORDERS[::2])
            order = {"ACQUIRE": "RELEASE"}.get(order, order)
            return st.CellStore(cell.name, self._integer(scope, cell.type, 2), order)
        type_ = self.scalar()
        place = self._place(scope, type_, 2)
        return st.Assign(place, self.expression(scope, type_, 3))

    def _update(self, scope: Scope) -> st.Statement:
        type_ = self.random.choice(INTEGERS)
        place = self._place(scope, type_, 2)
        sign = self.random.choice(ARITHMETIC)
        return st.Update(place, sign, self._right(scope, type_, sign, 2))

    def _effect(self, scope: Scope) -> st.Statement:
        functions = self.program.functions
        if functions and self._chance(0.7):
            return st.Evaluate(self._call_of(scope, self.random.choice(functions), 1))
        return st.Evaluate(self._note(scope, self.random.choice(INTEGERS), 2))

    def _bulk(self, scope: Scope) -> st.Statement:
        type_: Type = self.random.choice((INNER, self._outer))
        to, source = self._place(scope, type_, 1), self._place(scope, type_, 1)
        return st.Clear(to) if self._chance(0.2) else st.Copy(to, source)

    def _if(self, scope: Scope, result: Scalar) -> tuple[list[st.Statement], bool]:
        test = self._boolean(scope, 3)
        body, ended = self._block(scope.inner(), result, self.random.randint(1, 3))
        orelse: list[st.Statement] = []
        other_ended = False
        if self._chance(0.5):
            orelse, other_ended = self._block(scope.inner(), result, self.random.randint(1, 3))
        return [st.If(test, body, orelse)], ended and other_ended

    def _match(self, scope: Scope, result: Scalar) -> tuple[list[st.Statement], bool]:
        type_ = self.random.choice(INTEGERS)
        subject = self._typed(scope, type_, 2)
        if self._chance(0.7):
            subject = ex.Binary(type_, "&", subject, self._fixed(type_, 7))
        values = sorted({any_value(self.random, type_) for _ in range(8)} | set(range(4)))
        self.random.shuffle(values)
        cases: list[tuple[list[int], list[st.Statement]]] = []
        ended = []
        for _ in range(self.random.randint(1, 5)):
            taken = [values.pop() for _ in range(min(len(values), self.random.choice((1, 1, 2))))]
            body, end = self._block(scope.inner(), result, self.random.randint(1, 2))
            if taken:
                cases.append((taken, body))
                ended.append(end)
        default = self._chance(0.6)
        if default:
            body, end = self._block(scope.inner(), result, self.random.randint(1, 2))
            cases.append(([], body))
            ended.append(end)
        return [st.Match(subject, cases)], default and all(ended)

    def _loop(self, scope: Scope, result: Scalar) -> list[st.Statement]:
        if self._chance(0.4):
            return self._while(scope, result)
        type_ = self.random.choice(INTEGERS)
        start, stop, step = self._range(scope, type_)
        name = self._name("turn")
        inner = scope.inner(loop=True)
        known = [n for n, t in scope.names if t == type_ and not _fuel(n)]
        if known and self._chance(0.3):
            name = self.random.choice(known)
        else:
            inner.names.append((name, type_))
        body, _ = self._block(inner, result, self.random.randint(1, 3))
        return [st.For(name, type_, start, stop, step, body)]

    def _range(self, scope: Scope, type_: Int) -> tuple[ex.Expression | None, ex.Expression, int]:
        random = self.random
        kind = random.random()
        if kind < 0.4:  # from zero, a few times
            limit = self._fixed(type_, random.randint(0, 9))
            return None, ex.Binary(type_, "&", self._typed(scope, type_, 1), limit), 1
        if kind < 0.7:  # at the very ends of the type
            step = random.choice((1, 2, 3, 7, 100, 1000, 2**40, type_.high))
            near, far = type_.high - random.randint(0, 20), type_.high - random.randint(0, 3)
            if self._chance(0.5):
                step = -step
                near, far = type_.low + random.randint(0, 20), type_.low + random.randint(0, 3)
            return self._fixed(type_, near), self._fixed(type_, far), step
        # any bounds, with a step that makes few turns
        step = (type_.high - type_.low) // random.randint(2, 30)
        if self._chance(0.5):
            step = -step
        return self._integer(scope, type_, 1), self._typed(scope, type_, 1), step

    def _while(self, scope: Scope, result: Scalar) -> list[st.Statement]:
        fuel = self._name("fuel")
        limit = self.random.randint(1, 6)
        spent = ex.Compare(
            BOOL, [ex.Local(U8, fuel), ex.Literal(U8, limit, True, str(limit))], [">="]
        )
        counted = st.Update(ex.Local(U8, fuel), "+", ex.Literal(U8, 1, True, "1"))
        body, _ = self._block(scope.inner(loop=True), result, self.random.randint(1, 3))
        guarded = [st.If(spent, [st.Break()], []), counted, *body]
        test = self._boolean(scope, 2) if self._chance(0.7) else None
        start = st.Define(fuel, U8, ex.Literal(U8, 0, True, "0"), True)
        return [start, st.While(test, guarded)]


def _fuel(name: str) -> bool:
    """Whether a local bounds a loop and must be left alone."""
    return name.startswith("fuel")
