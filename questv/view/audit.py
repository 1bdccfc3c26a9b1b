"""An audit: what was looked at, what holds, and who may do what."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from questv.audit.model import Audit, Check, Violation, Walked, after_takeover
from questv.view.rights import Party, Piece, PieceTable
from questv.view.terminal import (
    heading,
    indented,
    printable,
    sandbox_colour,
    sandbox_symbol,
    table,
)
from questv.view.units import count

_MONITOR = "m"  # before a sandbox's symbol, in the column of its monitor
_TAKEOVER = "t"  # likewise, of what it reaches after a takeover


def audit_view(audit: Audit) -> RenderableType:
    """All of an audit: the checks, the pages, the map of rights, violations, and the verdict."""
    return Group(*_sections(audit))


def _sections(audit: Audit) -> Iterator[RenderableType]:
    of = "an image" if audit.of == "image" else "a running machine"
    yield Text.assemble((printable(audit.name), "bold"), f": audit of {of}")
    yield Text(f"image: SHA-256 {audit.image}")
    yield ""
    yield heading("What was looked at")
    yield indented(_checks(audit))
    yield ""
    yield heading("Pages found by walking the tables, and the tables")
    yield indented(_pages(audit))
    yield ""
    yield _map(audit)
    for violation in audit.violations:
        yield ""
        yield _violation(violation)
    yield ""
    yield _verdict(audit)
    if audit.unbounded:
        yield Text(
            f"not held by this: {', '.join(audit.unbounded)}, trusted with the DMA of a device, "
            "which reaches all memory",
            "yellow",
        )


def _checks(audit: Audit) -> Table:
    made = table("check", "looked at", "verdict", "what is to hold", numbers=("looked at",))
    for check in audit.checks:
        looked = "-" if check.count is None else f"{check.count:,} {check.unit}"
        made.add_row(check.name, looked, _outcome(check), check.note or check.proves)
    return made


def _outcome(check: Check) -> Text:
    if check.violations:
        return Text(count(check.violations, "violation"), "bold red")
    return Text("not here", "yellow") if check.count is None else Text("holds", "green")


def _pages(audit: Audit) -> Table:
    columns = ("view", "kernel", "monitor")
    made = table("symbol", "sandbox", *columns, numbers=columns)
    for index, pages in enumerate(audit.sandboxes):
        walked = (_walked(each) for each in (pages.view, pages.kernel, pages.monitor))
        name = Text(pages.sandbox, sandbox_colour(index))
        made.add_row(sandbox_symbol(index), name, *walked)
    return made


def _walked(walked: Walked | None) -> str:
    return f"{walked.pages:,} in {walked.tables}" if walked else "its own"


def _map(audit: Audit) -> PieceTable:
    sandboxes = [pages.sandbox for pages in audit.sandboxes]
    known = {name: ("", index) for index, name in enumerate(sandboxes)}
    known |= {f"monitor of {name}": (_MONITOR, index) for index, name in enumerate(sandboxes)}
    known |= {after_takeover(name): (_TAKEOVER, index) for index, name in enumerate(sandboxes)}
    parties = []
    for name in audit.parties:
        mark, index = known[name]
        parties.append(Party(name, mark + sandbox_symbol(index), sandbox_colour(index)))
    pieces = [
        Piece(piece.start, piece.size, piece.whose, piece.parts, piece.rights)
        for piece in audit.map
    ]
    return PieceTable(parties, pieces)


def _violation(violation: Violation) -> Text:
    made = Text(no_wrap=True, overflow="ignore")
    made.append(f"violation: {printable(violation.message)}", "bold red")
    if violation.declared:
        made.append(f"\n  declared: {printable(violation.declared)}")
    entry = violation.entry
    if entry is not None:
        where = f"entry {entry.index} of the table at {entry.table:#x}"
        made.append(f"\n  found in: {where}, {entry.value:#018x}")
    return made


def _verdict(audit: Audit) -> Text:
    total = sum(check.violations for check in audit.checks)
    if not total:
        return Text("proven: all of this is as declared, and nothing else is allowed", "bold green")
    kept = len(audit.violations)
    more = f"; {count(total - kept, 'more is', 'more are')} not shown" if total > kept else ""
    return Text(f"violated: {count(total, 'violation')}{more}", "bold red")
