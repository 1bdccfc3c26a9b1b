"""Weakens the memory orders that the source names, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from questv.metal.interpret.events import Site
from questv.metal.interpret.program import Program
from questv.metal.lang import Order
from questv.metal.source import source_of

_WEAKER: dict[Order, tuple[Order | None, ...]] = {
    Order.RELAXED: (),
    Order.ACQUIRE: (Order.RELAXED,),
    Order.RELEASE: (Order.RELAXED,),
    Order.SEQ_CST: (Order.ACQ_REL, None),  # of fences: the model has no other SC
}


@dataclass(frozen=True)
class Weakening:
    """One order that the source names, and a weaker one; None for a fence that is left out."""

    site: Site
    text: str
    weaker: Order | None

    def __str__(self) -> str:
        function = self.site.function.removeprefix("questv.channel.")
        weaker = "nothing" if self.weaker is None else self.weaker.name
        return f"{function}: {self.text} -> {weaker}"


def weakenings(program: Program, *modules: ModuleType) -> Iterator[Weakening]:
    """Every order that modules name, with everything that it can be weakened to."""
    for module in modules:
        lines = source_of(module.__name__).text.split("\n")
        for site, order in program.orders(module.__name__).items():
            text = lines[site.line - 1].partition("#")[0].strip()
            for weaker in _WEAKER[order]:
                yield Weakening(site, text, weaker)
