"""The rules by which memory is given out and seen, for z3: all plans of a bounded size at once.

A plan is a row of regions. Each begins where the one before has ended, or later; that is all that
is taken of how memory is given out. Of what kind a region is, whose, how large, and where its parts
begin, is left open: a number that can be any. So are who looks, and at which page.

The rules are those of docs/reference.md and docs/boot.md, written down once more. What they give is
compared with real plans in ``test_symbolic``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any

import z3

Number = Any  # of z3
Truth = Any

PARTS = 6


class Kind(IntEnum):
    """What a region is for."""

    BOOT = 0
    MONITOR = 1  # of a sandbox; its parts: text, constants, data, plan, public page, the rest
    HARDWARE = 2  # tables, permission maps, host save areas
    MEMORY = 3  # of a sandbox; its parts: text, constants, data, what it is told, the rest
    CHANNEL = 4  # a side of one: ``of`` writes it, ``reader`` reads it
    INPUT = 5  # of a sandbox
    FOREIGN = 6  # a foreign kernel's memory; its parts: all that is its own, what it is told, data


@dataclass(frozen=True)
class Region:
    """Pages [start, end) with a kind and an owner; all parts but the first begin at ``cuts``."""

    start: Number
    end: Number
    kind: Number
    of: Number
    reader: Number
    cuts: tuple[Number, ...]

    def holds(self, page: Number) -> Truth:
        return z3.And(self.start <= page, page < self.end)

    def part(self, page: Number) -> Number:
        return z3.Sum([z3.If(page >= cut, 1, 0) for cut in self.cuts])


@dataclass(frozen=True)
class Party:
    """The sandbox, or the monitor of the sandbox, of this number."""

    is_monitor: Truth
    number: Number

    def is_other_than(self, other: Party) -> Truth:
        return z3.Or(self.is_monitor != other.is_monitor, self.number != other.number)


def symbolic_party(name: str) -> Party:
    return Party(z3.Bool(f"{name} is a monitor"), z3.Int(f"{name}"))


# ---- the rules -------------------------------------------------------------------------------

Rule = Callable[[Region, Party, Number], Truth]


def _own(region: Region, party: Party) -> Truth:
    """A sandbox's own memory, or a monitor's own."""
    return z3.And(
        region.of == party.number,
        z3.If(
            party.is_monitor,
            region.kind == Kind.MONITOR,
            z3.Or(region.kind == Kind.MEMORY, region.kind == Kind.FOREIGN),
        ),
    )


def writes(region: Region, party: Party, page: Number) -> Truth:
    """Data of one's own, a foreign kernel all of its own, and one's own side of a channel."""
    part = region.part(page)
    data = z3.If(
        region.kind == Kind.FOREIGN,
        part != 1,
        z3.Or(part == 2, part == 4, z3.And(party.is_monitor, part == 5)),
    )
    side = z3.And(region.kind == Kind.CHANNEL, z3.Not(party.is_monitor), region.of == party.number)
    return z3.Or(z3.And(_own(region, party), data), side)


def executes(region: Region, party: Party, page: Number) -> Truth:
    """Code of one's own."""
    return z3.And(_own(region, party), region.part(page) == 0)


def reads(region: Region, party: Party, page: Number) -> Truth:
    """All of one's own, channels, inputs; a monitor, every monitor's public page."""
    sandbox = z3.Not(party.is_monitor)
    return z3.Or(
        _own(region, party),
        z3.And(
            sandbox,
            region.kind == Kind.CHANNEL,
            z3.Or(region.of == party.number, region.reader == party.number),
        ),
        z3.And(sandbox, region.kind == Kind.INPUT, region.of == party.number),
        z3.And(party.is_monitor, region.kind == Kind.MONITOR, region.part(page) == 4),
    )


@dataclass(frozen=True)
class Rules:
    """How regions follow each other, and what is given to whom."""

    writes: Rule = writes
    executes: Rule = executes
    reads: Rule = reads
    follows: Callable[[Region, Region], Truth] = lambda one, other: other.start >= one.end


# ---- all plans of a size -----------------------------------------------------------------------


class World:
    """All plans with so many regions."""

    def __init__(self, count: int, rules: Rules = Rules()) -> None:
        self.rules = rules
        self.regions = [symbolic_region(index) for index in range(count)]

    def constraints(self) -> list[Truth]:
        """What holds of every plan."""
        found = []
        for region in self.regions:
            found += [region.start >= 0, region.end > region.start]
            found += [region.kind >= min(Kind), region.kind <= max(Kind)]
            edges = [region.start, *region.cuts, region.end]
            found += [one <= other for one, other in pairwise(edges)]
            found.append(z3.Implies(region.kind == Kind.CHANNEL, region.of != region.reader))
        for one, other in pairwise(self.regions):
            found.append(self.rules.follows(one, other))
        return found

    def may(self, rule: Rule, party: Party, page: Number) -> Truth:
        """Whether some region gives a party this right to a page."""
        return z3.Or(
            [z3.And(region.holds(page), rule(region, party, page)) for region in self.regions]
        )

    def is_in(self, page: Number, condition: Callable[[Region], Truth]) -> Truth:
        """Whether the page is in a region of which ``condition`` holds."""
        return z3.Or([z3.And(region.holds(page), condition(region)) for region in self.regions])


def symbolic_region(index: int) -> Region:
    def number(name: str) -> Number:
        return z3.Int(f"{name}{index}")

    cuts = tuple(number(f"cut{part}of") for part in range(1, PARTS))
    return Region(
        number("start"), number("end"), number("kind"), number("of"), number("reader"), cuts
    )


# ---- what must hold ----------------------------------------------------------------------------

Claim = Callable[[World, Party, Party, Number], Truth]
"""What must hold in a world of any two parties and any page."""


def one_writer(world: World, one: Party, other: Party, page: Number) -> Truth:
    """No page is written by two: nothing that is shared is declared to be."""
    rule = world.rules.writes
    both = z3.And(world.may(rule, one, page), world.may(rule, other, page))
    return z3.Implies(one.is_other_than(other), z3.Not(both))


def nothing_written_is_executed(world: World, one: Party, other: Party, page: Number) -> Truth:
    """Neither by its writer nor by anybody else; a foreign kernel may do so with its own."""
    own = z3.And(
        z3.Not(one.is_other_than(other)),
        z3.Not(one.is_monitor),
        world.is_in(page, lambda region: region.kind == Kind.FOREIGN),
    )
    both = z3.And(
        world.may(world.rules.writes, one, page), world.may(world.rules.executes, other, page)
    )
    return z3.Or(own, z3.Not(both))


def walls(world: World, one: Party, _: Party, page: Number) -> Truth:
    """No sandbox reaches the boot's, a monitor's or the processor's memory; nobody tables."""
    processor = world.is_in(page, lambda region: region.kind == Kind.HARDWARE)
    below = world.is_in(
        page, lambda region: z3.Or(region.kind == Kind.BOOT, region.kind == Kind.MONITOR)
    )
    forbidden = z3.Or(processor, z3.And(z3.Not(one.is_monitor), below))
    return z3.Implies(forbidden, z3.Not(_reaches(world, one, page)))


def privacy(world: World, one: Party, other: Party, page: Number) -> Truth:
    """What is a sandbox's, memory and inputs, nobody else reaches in any way."""
    private = world.is_in(
        page,
        lambda region: z3.And(
            z3.Or(*(region.kind == kind for kind in (Kind.MEMORY, Kind.INPUT, Kind.FOREIGN))),
            region.of == one.number,
        ),
    )
    owner = z3.And(z3.Not(one.is_monitor), private, one.is_other_than(other))
    return z3.Implies(owner, z3.Not(_reaches(world, other, page)))


def sides(world: World, one: Party, _: Party, page: Number) -> Truth:
    """A side of a channel is written by its writer, read by the two parties, and that is all."""
    is_writer = world.is_in(page, lambda region: region.of == one.number)
    is_reader = world.is_in(page, lambda region: region.reader == one.number)
    channel = world.is_in(page, lambda region: region.kind == Kind.CHANNEL)
    sandbox = z3.Not(one.is_monitor)
    rules = world.rules
    return z3.Implies(
        channel,
        z3.And(
            world.may(rules.writes, one, page) == z3.And(sandbox, is_writer),
            world.may(rules.reads, one, page) == z3.And(sandbox, z3.Or(is_writer, is_reader)),
            z3.Not(world.may(rules.executes, one, page)),
        ),
    )


def nothing_else(world: World, one: Party, _: Party, page: Number) -> Truth:
    """What is in no region is nobody's."""
    owned = world.is_in(page, lambda _: z3.BoolVal(True))
    return z3.Or(owned, z3.Not(_reaches(world, one, page)))


def _reaches(world: World, party: Party, page: Number) -> Truth:
    rules = world.rules
    return z3.Or(
        [world.may(rule, party, page) for rule in (rules.reads, rules.writes, rules.executes)]
    )


CLAIMS: tuple[Claim, ...] = (
    one_writer,
    nothing_written_is_executed,
    walls,
    privacy,
    sides,
    nothing_else,
)


def counterexample(claim: Claim, count: int, rules: Rules = Rules()) -> Any | None:
    """A plan with ``count`` regions against which the claim fails; None if there is none."""
    world = World(count, rules)
    solver = z3.Solver()
    solver.add(*world.constraints())
    one, other = symbolic_party("one"), symbolic_party("other")
    solver.add(z3.Not(claim(world, one, other, z3.Int("page"))))
    found = solver.check()
    assert found != z3.unknown
    return solver.model() if found == z3.sat else None
