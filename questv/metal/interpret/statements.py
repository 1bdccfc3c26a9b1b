"""Statements, and where control goes."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from questv.metal import tree
from questv.metal.interpret.events import FenceReached, Steps
from questv.metal.interpret.expressions import address, binary, evaluate, value
from questv.metal.interpret.faults import UnsupportedError
from questv.metal.interpret.frame import Frame
from questv.metal.tree import TrapKind


class Jump(enum.Enum):
    """A way out of a loop's body."""

    BREAK = enum.auto()
    CONTINUE = enum.auto()


@dataclass(frozen=True)
class Returned:
    """The way out of a function, with its value."""

    value: int | None


Outcome = Jump | Returned | None
"""How statements ended; None if they came to their end."""


def run(f: Frame, body: tuple[tree.Statement, ...]) -> Steps[Outcome]:
    """Run statements in order until one of them leaves."""
    for node in body:
        f.domain.count(f, node)
        outcome = yield from _run(f, node)
        if outcome is not None:
            return outcome
    return None


def _run(f: Frame, node: tree.Statement) -> Steps[Outcome]:
    match node:
        case tree.Assign():
            made = yield from value(f, node.value)
            where = yield from address(f, node.place)
            yield from f.write(node, node.place.type, where, made)
        case tree.Update():
            yield from _update(f, node)
        case tree.Copy():
            to = yield from address(f, node.to)
            source = yield from address(f, node.source)
            size = node.to.type.size
            contents = yield from f.read_bytes(node, source, size)
            yield from f.write_bytes(node, to, size, contents)
        case tree.Clear():
            where = yield from address(f, node.place)
            yield from f.write_bytes(node, where, node.place.type.size, 0)
        case tree.Evaluate():
            yield from evaluate(f, node.value)
        case tree.Fence():
            yield FenceReached(f.site(node), node.order)
        case tree.Trap():
            raise f.trap(node.kind, node)
        case tree.Check():
            if not (yield from value(f, node.test)):
                raise f.trap(TrapKind.ASSERTION, node)
        case tree.If():
            test = yield from value(f, node.test)
            return (yield from run(f, node.body if test else node.orelse))
        case tree.While():
            return (yield from _while(f, node))
        case tree.ForRange():
            return (yield from _for(f, node))
        case tree.Match():
            return (yield from _match(f, node))
        case tree.Return():
            return Returned(None if node.value is None else (yield from value(f, node.value)))
        case tree.Break():
            return Jump.BREAK
        case tree.Continue():
            return Jump.CONTINUE
        case tree.Pass():
            pass
        case _:
            raise UnsupportedError(f"{type(node).__name__}: {f.site(node)}")
    return None


def _update(f: Frame, node: tree.Update) -> Steps[None]:
    where = yield from address(f, node.place)
    before = yield from f.read(node, node.place.type, where)
    operand = yield from value(f, node.value)
    after = binary(f, node, node, before, operand)
    yield from f.write(node, node.place.type, where, after)


def _while(f: Frame, node: tree.While) -> Steps[Outcome]:
    while (yield from value(f, node.test)):
        f.domain.count(f, node)
        outcome = yield from run(f, node.body)
        if outcome is Jump.BREAK:
            break
        if isinstance(outcome, Returned):
            return outcome
    return None


def _for(f: Frame, node: tree.ForRange) -> Steps[Outcome]:
    start = yield from value(f, node.start)
    stop = yield from value(f, node.stop)
    for number in range(start, stop, node.step):
        f.domain.count(f, node)
        f.set_local(node.target, number)
        outcome = yield from run(f, node.body)
        if outcome is Jump.BREAK:
            break
        if isinstance(outcome, Returned):
            return outcome
    return None


def _match(f: Frame, node: tree.Match) -> Steps[Outcome]:
    subject = yield from value(f, node.subject)
    for case in node.cases:
        if not case.values or subject in case.values:  # the case without values is the last
            return (yield from run(f, case.body))
    return None
