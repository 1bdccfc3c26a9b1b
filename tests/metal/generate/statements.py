"""Statement nodes: each can write itself, indented, and run itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import expressions as ex
from .model import (
    Again,
    Boolean,
    Frame,
    Int,
    Leave,
    Pointer,
    Record,
    Result,
    Table,
    Trap,
    Type,
    overwrite,
    zero,
)

Place = ex.Local | ex.Static | ex.Member | ex.Element


@dataclass(frozen=True, eq=False)
class Statement:
    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self, frame: Frame) -> None:
        raise NotImplementedError


Body = Sequence[Statement]


def block(body: Body) -> list[str]:
    """The lines of a body, indented."""
    lines = [f"    {line}" for statement in body for line in statement.lines()]
    return lines or ["    pass"]


def run_all(body: Body, frame: Frame) -> None:
    for statement in body:
        frame.machine.step()
        statement.run(frame)


@dataclass(frozen=True, eq=False)
class Define(Statement):
    """A new local with its first value, annotated or not."""

    name: str
    type: Type
    value: ex.Expression
    annotated: bool

    def lines(self) -> list[str]:
        annotation = f": {self.type.name}" if self.annotated else ""
        return [f"{self.name}{annotation} = {self.value.text(self.annotated)}"]

    def run(self, frame: Frame) -> None:
        frame.values[self.name] = self.value.run(frame)


@dataclass(frozen=True, eq=False)
class Reserve(Statement):
    """``name: T = local()``: the same zeroed memory each time."""

    name: str
    type: Table | Record

    def lines(self) -> list[str]:
        return [f"{self.name}: {self.type.name} = local()"]

    def run(self, frame: Frame) -> None:
        memory = frame.values.setdefault(self.name, zero(self.type))
        overwrite(memory, zero(self.type))


@dataclass(frozen=True, eq=False)
class Assign(Statement):
    """``place = value``; the value comes first, as in Python."""

    place: Place
    value: ex.Expression

    def lines(self) -> list[str]:
        return [f"{self.place.text(False)} = {self.value.text(True)}"]

    def run(self, frame: Frame) -> None:
        value = self.value.run(frame)
        container, key = self.place.place(frame)
        container[key] = value


@dataclass(frozen=True, eq=False)
class Update(Statement):
    """``place op= value``: the place is read before the value is worked out, as in Python."""

    place: Place
    sign: str
    value: ex.Expression

    def lines(self) -> list[str]:
        return [f"{self.place.text(False)} {self.sign}= {self.value.text(True)}"]

    def run(self, frame: Frame) -> None:
        assert isinstance(self.place.type, Int)
        container, key = self.place.place(frame)
        before = container[key]
        value = self.value.run(frame)
        constant = isinstance(self.value, ex.Literal)
        container[key] = ex.apply(frame, self.place.type, self.sign, before, value, constant)


@dataclass(frozen=True, eq=False)
class Evaluate(Statement):
    """A call for its effects."""

    value: ex.Expression

    def lines(self) -> list[str]:
        return [self.value.text(True)]

    def run(self, frame: Frame) -> None:
        self.value.run(frame)


@dataclass(frozen=True, eq=False)
class CellStore(Statement):
    """``cell.store(value, order)``, or ``cell.write(value)`` without an order."""

    cell: str
    value: ex.Expression
    order: str

    def lines(self) -> list[str]:
        if self.order:
            return [f"{self.cell}.store({self.value.text(True)}, {self.order})"]
        return [f"{self.cell}.write({self.value.text(True)})"]

    def run(self, frame: Frame) -> None:
        frame.machine.statics[self.cell][0] = self.value.run(frame)


@dataclass(frozen=True, eq=False)
class Copy(Statement):
    """``copy(to, source)``."""

    to: ex.Expression
    source: ex.Expression

    def lines(self) -> list[str]:
        return [f"copy({self.to.text(False)}, {self.source.text(False)})"]

    def run(self, frame: Frame) -> None:
        to, source = self.to.run(frame), self.source.run(frame)
        overwrite(to, source)


@dataclass(frozen=True, eq=False)
class Clear(Statement):
    """``clear(place)`` of an aggregate."""

    place: ex.Expression

    def lines(self) -> list[str]:
        return [f"clear({self.place.text(False)})"]

    def run(self, frame: Frame) -> None:
        assert not isinstance(self.place.type, Int | Boolean | Pointer)
        overwrite(self.place.run(frame), zero(self.place.type))


@dataclass(frozen=True, eq=False)
class If(Statement):
    """A branch."""

    test: ex.Expression
    body: Body
    orelse: Body

    def lines(self) -> list[str]:
        lines = [f"if {self.test.text(False)}:", *block(self.body)]
        if self.orelse:
            lines += ["else:", *block(self.orelse)]
        return lines

    def run(self, frame: Frame) -> None:
        run_all(self.body if self.test.run(frame) else self.orelse, frame)


def _turn(body: Body, frame: Frame) -> bool:
    """One turn of a loop; whether it goes on."""
    frame.machine.step()
    try:
        run_all(body, frame)
    except Again:
        return True
    except Leave:
        return False
    return True


@dataclass(frozen=True, eq=False)
class While(Statement):
    """A loop with a test; None stands for ``True``."""

    test: ex.Expression | None
    body: Body

    def lines(self) -> list[str]:
        test = "True" if self.test is None else self.test.text(False)
        return [f"while {test}:", *block(self.body)]

    def run(self, frame: Frame) -> None:
        while self.test is None or self.test.run(frame):
            if not _turn(self.body, frame):
                break


@dataclass(frozen=True, eq=False)
class For(Statement):
    """``for name in range(...)``."""

    name: str
    type: Int
    start: ex.Expression | None
    stop: ex.Expression
    step: int
    body: Body

    def lines(self) -> list[str]:
        given = [self.stop.text(False)]
        if self.start is not None:
            given = list(ex.both(self.start, self.stop))
        if self.step != 1:
            given.append(str(self.step))
        return [f"for {self.name} in range({', '.join(given)}):", *block(self.body)]

    def run(self, frame: Frame) -> None:
        start = 0 if self.start is None else self.start.run(frame)
        for value in range(start, self.stop.run(frame), self.step):
            frame.values[self.name] = value
            if not _turn(self.body, frame):
                break


@dataclass(frozen=True, eq=False)
class Match(Statement):
    """``match`` over an integer; the case without values is the last, ``case _``."""

    subject: ex.Expression
    cases: Sequence[tuple[Sequence[int], Body]]

    def lines(self) -> list[str]:
        lines = [f"match {self.subject.text(False)}:"]
        for values, body in self.cases:
            pattern = " | ".join(map(str, values)) or "_"
            lines += [f"    case {pattern}:", *(f"    {line}" for line in block(body))]
        return lines

    def run(self, frame: Frame) -> None:
        subject = self.subject.run(frame)
        for values, body in self.cases:
            if not values or subject in values:
                run_all(body, frame)
                return


@dataclass(frozen=True, eq=False)
class Check(Statement):
    """``assert``, in every build."""

    test: ex.Expression

    def lines(self) -> list[str]:
        return [f"assert {self.test.text(False)}"]

    def run(self, frame: Frame) -> None:
        if not self.test.run(frame):
            raise Trap("ASSERTION")


@dataclass(frozen=True, eq=False)
class Stop(Statement):
    """``trap()``."""

    def lines(self) -> list[str]:
        return ["trap()"]

    def run(self, frame: Frame) -> None:
        raise Trap("TRAP")


@dataclass(frozen=True, eq=False)
class Break(Statement):
    """``break``."""

    def lines(self) -> list[str]:
        return ["break"]

    def run(self, frame: Frame) -> None:
        raise Leave


@dataclass(frozen=True, eq=False)
class Continue(Statement):
    """``continue``."""

    def lines(self) -> list[str]:
        return ["continue"]

    def run(self, frame: Frame) -> None:
        raise Again


@dataclass(frozen=True, eq=False)
class Return(Statement):
    """``return value``."""

    value: ex.Expression

    def lines(self) -> list[str]:
        return [f"return {self.value.text(True)}"]

    def run(self, frame: Frame) -> None:
        raise Result(self.value.run(frame))


@dataclass(frozen=True, eq=False)
class Global(Statement):
    """``global``: lets a function set the module's variables."""

    names: Sequence[str]

    def lines(self) -> list[str]:
        return [f"global {', '.join(self.names)}"]

    def run(self, frame: Frame) -> None:
        pass
