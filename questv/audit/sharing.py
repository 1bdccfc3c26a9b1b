"""Who may do what with each page, all parties beside each other."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from questv.audit.declared import APIC, Declared
from questv.audit.model import PAGE, Piece, Violation
from questv.audit.walk import Leaf
from questv.plan.model import Region


@dataclass(frozen=True)
class Span:
    """Physical memory [start, end) in which one party has one set of rights."""

    start: int
    end: int
    rights: str


def spans(leaves: Sequence[Leaf]) -> list[Span]:
    """What a party may do, by physical address; what is seen at several places adds up."""
    cuts = sorted({edge for leaf in leaves for edge in (leaf.physical, leaf.physical + leaf.size)})
    begins: dict[int, list[Leaf]] = {}
    for leaf in leaves:
        begins.setdefault(leaf.physical, []).append(leaf)
    found: list[Span] = []
    active: list[Leaf] = []
    for start, end in pairwise(cuts):
        active = [leaf for leaf in active if leaf.physical + leaf.size > start]
        active += begins.get(start, [])
        if not active:
            continue
        rights = "".join(right for right in "rwx" if any(right in leaf.rights for leaf in active))
        if found and found[-1].end == start and found[-1].rights == rights:
            found[-1] = Span(found[-1].start, end, rights)
        else:
            found.append(Span(start, end, rights))
    return found


class Rights:
    """The rights of all parties, found by walking their tables."""

    def __init__(self, parties: Mapping[str, list[Span]]) -> None:
        """``parties`` have their spans in order of address."""
        self.parties = tuple(parties)
        edges = {
            edge for found in parties.values() for span in found for edge in (span.start, span.end)
        }
        self._edges = sorted(edges)
        self._at = {
            name: {start: span.rights for span in found for start in self._edges_in(span)}
            for name, found in parties.items()
        }

    def _edges_in(self, span: Span) -> list[int]:
        return self._edges[
            bisect_left(self._edges, span.start) : bisect_left(self._edges, span.end)
        ]

    def stretches(self) -> Iterator[tuple[int, int, dict[str, str]]]:
        """Memory that anybody sees, as (start, end, rights by party), in order."""
        for start, end in pairwise(self._edges):
            rights = {name: at[start] for name, at in self._at.items() if start in at}
            if rights:
                yield start, end, rights

    def check(self, declared: Declared) -> Iterator[Violation]:
        """No page is written by two parties, or written by one and executed by any.

        But the kernels between which a task moves share its memory and its sides of channels, and
        a foreign kernel may write and execute its own memory, alone. The APIC's page is left out:
        each core has its own behind it.
        """
        for start, end, rights in self.stretches():
            if start >= APIC and end <= APIC + PAGE:
                continue
            writers = [name for name, right in rights.items() if "w" in right]
            runners = [name for name, right in rights.items() if "x" in right]
            where = f"the page at {start:#x}"
            if len(writers) > 1 and not set(writers) <= set(declared.sharers(start)):
                yield Violation(
                    writers[0], f"{' and '.join(writers)} may all write {where}", "one writer",
                    start, "w",
                )  # fmt: skip
            own = writers == runners and all(map(declared.may_write_code, writers))
            if writers and runners and not own:
                yield Violation(
                    runners[0],
                    f"{runners[0]} may execute {where}, which {writers[0]} may write",
                    "nothing that is both written and executed",
                    start,
                    "x",
                )

    def pieces(self, declared: Declared) -> Iterator[Piece]:
        """All memory that is somebody's, cut where rights change, with what it belongs to."""
        last: Piece | None = None
        for start, end, rights in self._cut(declared.plan.regions):
            piece = Piece(
                start=start,
                size=end - start,
                whose=declared.whose(start),
                parts=declared.parts(start, end),
                rights=tuple(rights.get(name, "") for name in self.parties),
            )
            if last is not None and _continues(last, piece):
                last = _joined(last, piece)
                continue
            if last is not None:
                yield last
            last = piece
        if last is not None:
            yield last

    def _cut(self, regions: Sequence[Region]) -> Iterator[tuple[int, int, dict[str, str]]]:
        """The regions, cut where rights change, and what is seen outside of them."""
        edges = {edge for region in regions for edge in (region.start, region.end)}
        starts = {start: rights for start, _, rights in self.stretches()}
        owned = sorted((region.start, region.end) for region in regions)
        rights: dict[str, str] = {}
        seen_until = 0
        ends = {start: end for start, end, _ in self.stretches()}
        for start, end in pairwise(sorted(edges | set(self._edges))):
            if start in starts:
                rights, seen_until = starts[start], ends[start]
            elif start >= seen_until:
                rights = {}
            if rights or any(first <= start < last for first, last in owned):
                yield start, end, rights


def _continues(first: Piece, second: Piece) -> bool:
    return (
        first.start + first.size == second.start
        and first.whose == second.whose
        and first.rights == second.rights
    )


def _joined(first: Piece, second: Piece) -> Piece:
    parts = tuple(dict.fromkeys([*first.parts, *second.parts]))
    return first.model_copy(update={"size": first.size + second.size, "parts": parts})
