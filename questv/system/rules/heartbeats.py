"""Rules on heartbeats: whoever watches somebody can tell in time that he has hung."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, Located, heartbeat
from questv.system.model import Heartbeat, Sandbox
from questv.system.units import format_duration, format_size
from questv.system.wording import suggest

WATCHED_MAXIMUM = 8
CHECKED_MAXIMUM = 4096
_WORD = 8
_PERIODS = 2


def _all(draft: Draft) -> Iterator[tuple[Located[Sandbox], Located[Heartbeat]]]:
    """The sandboxes that show that they live."""
    for sandbox in draft.sandboxes:
        own = heartbeat(sandbox)
        if own is not None:
            yield sandbox, own


def heartbeat_foreign(draft: Draft) -> Iterator[Diagnostic]:
    """A foreign kernel knows nothing of heartbeats."""
    for sandbox, own in _all(draft):
        if sandbox.item.kernel is not None:
            yield Diagnostic(
                own.key(),
                f'"{sandbox.item.name}" has a foreign kernel, which has no heartbeat',
                "remove [sandbox.heartbeat]",
                "heartbeat-foreign",
            )


def heartbeat_watches(draft: Draft) -> Iterator[Diagnostic]:
    """Who is watched is another sandbox, which has a heartbeat, and is named once."""
    beating = {sandbox.item.name for sandbox, _ in _all(draft)}
    for sandbox, own in _all(draft):
        for index, name in enumerate(own.item.watches):
            if name not in draft.sandbox_names:
                what = f'there is no sandbox "{name}"'
                fix = suggest(name, sorted(beating), "add a [[sandbox]] of this name")
            elif name == sandbox.item.name:
                what, fix = f'"{name}" is the sandbox itself', "remove the name"
            elif name not in beating:
                what = f'"{name}" has no heartbeat'
                fix = f'give "{name}" a [sandbox.heartbeat], with period = "1 ms"'
            elif name in own.item.watches[:index]:
                what, fix = f'"{name}" is named twice', "remove one of the two"
            elif index >= WATCHED_MAXIMUM:
                what = f"it can watch {WATCHED_MAXIMUM} sandboxes at most"
                fix = "let another sandbox watch some"
            else:
                continue
            yield Diagnostic(
                own.value("watches", index),
                f'"{sandbox.item.name}" can\'t watch it: {what}',
                fix,
                "heartbeat-watches",
            )


def heartbeat_deadline(draft: Draft) -> Iterator[Diagnostic]:
    """A sign of life may come late by almost a period, without anything being wrong."""
    for sandbox, own in _all(draft):
        if own.item.patience < _PERIODS * own.item.period:
            yield Diagnostic(
                own.value("deadline"),
                f'"{sandbox.item.name}" shows that it lives each '
                f"{format_duration(own.item.period)}, and has hung after "
                f"{format_duration(own.item.patience)}",
                f"write a deadline of {_PERIODS} periods or more",
                "heartbeat-deadline",
            )


def heartbeat_late(draft: Draft) -> Iterator[Diagnostic]:
    """Who looks seldom finds a hang late: by half of the deadline at most."""
    patience = {sandbox.item.name: own.item.patience for sandbox, own in _all(draft)}
    for sandbox, own in _all(draft):
        for index, name in enumerate(own.item.watches):
            if name in patience and 2 * own.item.period > patience[name]:
                yield Diagnostic(
                    own.value("watches", index),
                    f'"{sandbox.item.name}" looks each {format_duration(own.item.period)}, too '
                    f'seldom for "{name}", which has hung after {format_duration(patience[name])}',
                    "write a period of half of that at most, or give the other a longer deadline",
                    "heartbeat-late",
                )


def heartbeat_checks(draft: Draft) -> Iterator[Diagnostic]:
    """Checks are made word by word, by an interrupt that is not to take long."""
    for sandbox, own in _all(draft):
        size = own.item.checks
        if size is not None and (size % _WORD or not _WORD <= size <= CHECKED_MAXIMUM):
            yield Diagnostic(
                own.value("checks"),
                f'"{sandbox.item.name}" can\'t check {size} bytes each period',
                f"write a multiple of {_WORD} B, {format_size(CHECKED_MAXIMUM)} at most",
                "heartbeat-checks",
            )


def heartbeat_unused(draft: Draft) -> Iterator[Diagnostic]:
    """A heartbeat costs time: somebody should look at it."""
    watched = {name for _, own in _all(draft) for name in own.item.watches}
    for sandbox, own in _all(draft):
        uses = own.item.watches or own.item.checks is not None
        if sandbox.item.name not in watched and not uses:
            yield Diagnostic(
                own.key(),
                f'nobody watches "{sandbox.item.name}", it watches nobody and checks nothing',
                "let another sandbox's heartbeat name it in watches, or remove this one",
                "heartbeat-unused",
            )


RULES = (
    heartbeat_foreign,
    heartbeat_watches,
    heartbeat_deadline,
    heartbeat_late,
    heartbeat_checks,
    heartbeat_unused,
)
