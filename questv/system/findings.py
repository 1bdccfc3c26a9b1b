"""Findings that several rules have in common, but for whom they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from questv.diagnostics import Diagnostic
from questv.system.draft import Located, repeated
from questv.system.model import Sandbox


class Named(Protocol):
    """A table with a name."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


N = TypeVar("N", bound=Named)
T = TypeVar("T")


def names_taken(
    items: Iterable[Located[N]], what: str, rule: str, inside: Located[Sandbox] | None = None
) -> Iterator[Diagnostic]:
    """For each of ``items`` with an earlier one's name; they may all be ``inside`` a sandbox."""
    where = f', in the same sandbox "{inside.item.name}",' if inside else ""
    for first, again in repeated(items, lambda each: each.item.name):
        yield Diagnostic(
            again.value("name"),
            f'the {what} at line {first.line}{where} is called "{again.item.name}" too',
            "give one of the two another name",
            rule,
        )


def too_many(
    sandbox: Located[Sandbox],
    items: Sequence[Located[T]],
    maximum: int,
    what: str,
    fix: str,
    rule: str,
) -> Iterator[Diagnostic]:
    """If a sandbox has more ``items`` than its kernel has room for; ``what`` says how many."""
    if len(items) > maximum:
        yield Diagnostic(
            items[maximum].key(),
            f'sandbox "{sandbox.item.name}" has {what}, and a kernel has room for {maximum}',
            fix,
            rule,
        )
