"""No plan that the rules allow breaks isolation; and real plans are plans that the rules allow.

z3 looks for a plan against a claim, among all with so many regions, of any kinds, sizes, owners and
places, and any number of sandboxes, whoever looks at whichever page. That it finds none is a proof
about the rules as ``symbolic`` states them. What the code makes of the rules is compared for random
systems: their real regions must be one of the symbolic plans, and the rights that the audit finds
by walking their images' tables must be those that the rules give, to every part of every region.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import pytest
import z3
from hypothesis import HealthCheck, given, settings

from questv.audit.model import Audit
from questv.plan.build import BuiltSystem, build
from questv.plan.model import Owner, Plan, SandboxPlan
from questv.plan.model import Region as RealRegion
from tests.plan.systems import TASKS, descriptions
from tests.running import write_system

from .subjects import HELLO, PAGE, audited, built
from .symbolic import (
    CLAIMS,
    Claim,
    Kind,
    Party,
    Region,
    Rules,
    World,
    counterexample,
    executes,
    nothing_written_is_executed,
    one_writer,
    privacy,
    reads,
    sides,
    symbolic_party,
    symbolic_region,
    walls,
    writes,
)

REGIONS = 1 + 3 * 7 + 3 * 2 + 3
"""Those of a plan of three sandboxes, three channels and three inputs."""

RULES = Rules()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_no_plan_breaks_it(claim: Claim) -> None:
    for count in (1, 2, 3, REGIONS):
        assert counterexample(claim, count) is None


@pytest.mark.long
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_no_large_plan_breaks_it(claim: Claim) -> None:
    assert counterexample(claim, 4 * REGIONS) is None


# ---- that this could fail ------------------------------------------------------------------------


def test_there_are_plans_with_everything_in_them() -> None:
    """The claims are not true for want of plans: every kind at once, every right given."""
    world = World(len(Kind))
    one, page = symbolic_party("one"), z3.Int("page")
    for rule in (reads, writes, executes):
        for is_monitor in (True, False):
            solver = z3.Solver()
            solver.add(*world.constraints())
            solver.add(*(region.kind == kind for region, kind in zip(world.regions, Kind)))  # noqa: B905
            solver.add(world.may(rule, one, page), one.is_monitor == is_monitor)
            assert solver.check() == z3.sat


def _or(rule: Any, more: Callable[[Region, Party, Any], Any]) -> Any:
    return lambda region, party, page: z3.Or(rule(region, party, page), more(region, party, page))


BROKEN = {
    "regions that overlap": (Rules(follows=lambda one, other: other.start >= one.start), privacy),
    "the last page is the next one's first": (
        Rules(follows=lambda one, other: other.start >= one.end - 1),
        one_writer,
    ),
    "both parties write a channel": (
        Rules(writes=_or(writes, lambda r, p, _: z3.And(
            r.kind == Kind.CHANNEL, z3.Not(p.is_monitor), r.reader == p.number))),
        sides,
    ),
    "code is written": (
        Rules(writes=_or(writes, lambda r, p, page: z3.And(
            r.kind == Kind.MEMORY, z3.Not(p.is_monitor), r.of == p.number, r.part(page) == 0))),
        nothing_written_is_executed,
    ),
    "data is executed": (
        Rules(executes=_or(executes, lambda r, p, page: z3.And(
            r.kind == Kind.MEMORY, z3.Not(p.is_monitor), r.of == p.number, r.part(page) == 4))),
        nothing_written_is_executed,
    ),
    "a sandbox reads its tables": (
        Rules(reads=_or(reads, lambda r, p, _: z3.And(
            r.kind == Kind.HARDWARE, z3.Not(p.is_monitor), r.of == p.number))),
        walls,
    ),
    "a sandbox reads its monitor's public page": (
        Rules(reads=_or(reads, lambda r, p, page: z3.And(
            r.kind == Kind.MONITOR, z3.Not(p.is_monitor), r.of == p.number, r.part(page) == 4))),
        walls,
    ),
    "a monitor reads a sandbox's memory": (
        Rules(reads=_or(reads, lambda r, p, _: z3.And(r.kind == Kind.MEMORY, p.is_monitor))),
        privacy,
    ),
    "all monitors write public pages": (
        Rules(writes=_or(writes, lambda r, p, page: z3.And(
            r.kind == Kind.MONITOR, p.is_monitor, r.part(page) == 4))),
        one_writer,
    ),
    "anybody reads inputs": (
        Rules(reads=_or(reads, lambda r, p, _: r.kind == Kind.INPUT)),
        privacy,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rules_are_found_out(name: str) -> None:
    rules, claim = BROKEN[name]
    assert counterexample(claim, 4, rules) is not None


# ---- real plans ----------------------------------------------------------------------------------


ANY_REGION, ANYBODY, ANY_PAGE = symbolic_region(0), symbolic_party("anybody"), z3.Int("page")
RIGHTS = {
    letter: rule(ANY_REGION, ANYBODY, ANY_PAGE)
    for letter, rule in (("r", RULES.reads), ("w", RULES.writes), ("x", RULES.executes))
}
"""What the rules give, of which ``Real`` puts numbers in place of everything that is open."""


def _terms(of: Region | Party) -> list[Any]:
    found = []
    for field in dataclasses.fields(of):
        value = getattr(of, field.name)
        found += value if isinstance(value, tuple) else [value]
    return found


class Real:
    """A real plan as one of the symbolic ones: numbers for everything that is open there."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._numbers = {each.name: number for number, each in enumerate(plan.sandboxes)}
        ordered = sorted(plan.regions, key=lambda region: region.start)
        self.regions = [self._region(region) for region in ordered]
        self._starts = [region.start // PAGE for region in ordered]

    def party(self, name: str) -> Party:
        sandbox = name.removeprefix("monitor of ")
        return Party(z3.BoolVal(sandbox != name), z3.IntVal(self._numbers[sandbox]))

    def _region(self, region: RealRegion) -> Region:
        start, end = region.start // PAGE, region.end // PAGE
        kind, of, reader = Kind.HARDWARE, self._numbers.get(region.of, 0), -1
        cuts = (start,) * 5
        match region.owner:
            case Owner.BOOT:
                kind = Kind.BOOT
            case Owner.MONITOR:
                kind, cuts = Kind.MONITOR, _monitor_cuts(self.plan.sandbox(region.of))
            case Owner.SANDBOX:
                sandbox = self.plan.sandbox(region.of)
                if sandbox.foreign is None:
                    kind, cuts = Kind.MEMORY, (*_memory_cuts(sandbox), end)
                else:
                    kind, told = Kind.FOREIGN, sandbox.info // PAGE
                    cuts = (told, told + 1, end, end, end)
            case Owner.CHANNEL:
                kind = Kind.CHANNEL
                channel = next(each for each in self.plan.channels if each.name == region.of)
                parties = (channel.sender, channel.receiver)
                if region.start != channel.sender_area:
                    assert region.start == channel.receiver_area
                    parties = (channel.receiver, channel.sender)
                of, reader = (self._numbers[each] for each in parties)
            case Owner.INPUT:
                kind = Kind.INPUT
                owner = next(
                    sandbox
                    for sandbox in self.plan.sandboxes
                    if region.of in {each.name for each in sandbox.inputs}
                )
                of = self._numbers[owner.name]
        return Region(*map(z3.IntVal, (start, end, kind, of, reader)), tuple(map(z3.IntVal, cuts)))

    def is_a_symbolic_plan(self) -> bool:
        """Whether all that is assumed of plans holds of this one."""
        world = World(len(self.regions), RULES)
        solver = z3.Solver()
        solver.add(*world.constraints())
        for open_, real in zip(world.regions, self.regions, strict=True):
            pairs = zip(_terms(open_), _terms(real), strict=True)
            solver.add(*(term == number for term, number in pairs))
        return bool(solver.check() == z3.sat)

    def rights(self, party: Party, page: int) -> str:
        """What the rules give to a page."""
        region = self.regions[bisect_right(self._starts, page) - 1]
        numbers = list(zip(_terms(ANY_REGION), _terms(region), strict=True))
        numbers += zip(_terms(ANYBODY), _terms(party), strict=True)
        numbers.append((ANY_PAGE, z3.IntVal(page)))
        return "".join(
            letter
            for letter, rule in RIGHTS.items()
            if z3.is_true(z3.simplify(z3.substitute(rule, *numbers)))
        )


def _memory_cuts(sandbox: SandboxPlan) -> tuple[int, ...]:
    """Where constants, data, what a kernel is told, and the rest of its memory begin."""
    parts = {window.name: window for window in sandbox.kernel_windows}
    constants = parts["text"].physical + parts["text"].size
    data = constants + (parts["rodata"].size if "rodata" in parts else 0)
    told = parts["info"].physical
    return tuple(at // PAGE for at in (constants, data, told, told + parts["info"].size))


def _monitor_cuts(sandbox: SandboxPlan) -> tuple[int, ...]:
    """Likewise a monitor's constants, data, plan, public page, and the rest."""
    parts = {window.name: window for window in sandbox.monitor_windows}
    constants = parts["text"].physical + parts["text"].size
    data = constants + parts["rodata"].size
    public = parts["public"]
    places = (constants, data, parts["plan"].physical, public.physical, public.physical + PAGE)
    return tuple(at // PAGE for at in places)


def agrees(system: BuiltSystem) -> None:
    """The real plan is a symbolic one, and what is found in its image is what the rules give."""
    real = Real(system.plan)
    assert real.is_a_symbolic_plan()
    audit: Audit = audited(system)
    parties = {name: real.party(name) for name in audit.parties}
    for piece in audit.map:
        if system.plan.region_at(piece.start) is None:
            assert piece.whose == "the local APIC"
            continue
        for page in {piece.start // PAGE, (piece.start + piece.size) // PAGE - 1}:
            given_ = tuple(real.rights(parties[name], page) for name in audit.parties)
            assert given_ == piece.rights, (piece, page)


def test_the_examples() -> None:
    for name in ("hello", "demo", "foreign"):
        agrees(built(HELLO.parent / name))


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=descriptions(recovers=False))
def test_random_systems(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    agrees(build(write_system(tmp_path_factory.mktemp("system"), text, TASKS)))


def test_a_plan_that_is_none() -> None:
    """A page of two regions: no symbolic plan has that."""
    plan = built(HELLO).plan
    first, *others = plan.regions
    grown = first.model_copy(update={"size": first.size + PAGE})
    assert not Real(plan.model_copy(update={"regions": (grown, *others)})).is_a_symbolic_plan()
