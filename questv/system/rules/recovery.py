"""Rules on recovery: what is declared can be done, and comes to an end."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, Located, recovery
from questv.system.model import OnFault, Recovery, Sandbox
from questv.system.standby import failing
from questv.system.units import format_duration

RESTARTS_MAXIMUM = 16


def _restarts(draft: Draft) -> Iterator[tuple[Located[Sandbox], Located[Recovery]]]:
    """The sandboxes that are to be restarted, and how."""
    for sandbox in draft.sandboxes:
        own = recovery(sandbox)
        if own is not None and own.item.on_fault is OnFault.RESTART:
            yield sandbox, own


def recovery_foreign(draft: Draft) -> Iterator[Diagnostic]:
    """Only of a kernel of ours it is known what it has in its memory, and what its tasks need."""
    for sandbox, own in (*_restarts(draft), *failing(draft)):
        if sandbox.item.kernel is not None:
            yield Diagnostic(
                own.value("on_fault"),
                f'"{sandbox.item.name}" has a foreign kernel, which can\'t '
                f"{_WHAT[own.item.on_fault]}",
                'write on_fault = "stop"',
                "recovery-foreign",
            )


def recovery_migration(draft: Draft) -> Iterator[Diagnostic]:
    """A task that moves is in one kernel at a time: which one, a kernel must not forget."""
    for sandbox, own in (*_restarts(draft), *failing(draft)):
        if sandbox.item.migration is not None:
            yield Diagnostic(
                own.value("on_fault"),
                f'"{sandbox.item.name}" takes part in migration, so it can\'t '
                f"{_WHAT[own.item.on_fault]}",
                'remove [sandbox.migration], or write on_fault = "stop"',
                "recovery-migration",
            )


def recovery_limit(draft: Draft) -> Iterator[Diagnostic]:
    """A monitor remembers when its last restarts were, a few of them."""
    for sandbox, own in _restarts(draft):
        if not 1 <= own.item.limit <= RESTARTS_MAXIMUM:
            yield Diagnostic(
                own.value("limit"),
                f'"{sandbox.item.name}" can\'t be restarted {own.item.limit} times',
                f"write a limit of 1 to {RESTARTS_MAXIMUM}",
                "recovery-limit",
            )


def recovery_back_off(draft: Draft) -> Iterator[Diagnostic]:
    """Times before restarts that are longer than the window would let it end before its limit."""
    for sandbox, own in _restarts(draft):
        if not 1 <= own.item.limit <= RESTARTS_MAXIMUM:
            continue
        longest = own.item.back_off << own.item.limit - 1
        if longest > own.item.window:
            yield Diagnostic(
                own.value("back_off"),
                f'the last restart of "{sandbox.item.name}" within the limit would wait '
                f"{format_duration(longest)}, longer than the window of "
                f"{format_duration(own.item.window)}",
                "write a shorter back_off, a lower limit or a longer window",
                "recovery-back-off",
            )


def recovery_unused(draft: Draft) -> Iterator[Diagnostic]:
    """What is written counts: restarts are limited, and only a fail-over leads somewhere."""
    for sandbox in draft.sandboxes:
        own = recovery(sandbox)
        if own is None:
            continue
        for key in sorted(own.item.model_fields_set - _USED[own.item.on_fault]):
            wanted = OnFault.FAIL_OVER if key == "to" else OnFault.RESTART
            yield Diagnostic(
                own.value(key),
                f'{key} says nothing: "{sandbox.item.name}" has on_fault = "{own.item.on_fault}"',
                f'remove {key}, or write on_fault = "{wanted}"',
                "recovery-unused",
            )


_USED = {
    OnFault.STOP: {"on_fault"},
    OnFault.RESTART: {"on_fault", "limit", "window", "back_off"},
    OnFault.FAIL_OVER: {"on_fault", "to"},
}
"""The keys that count."""

_WHAT = {OnFault.RESTART: "be restarted", OnFault.FAIL_OVER: "fail over"}


RULES = (
    recovery_foreign,
    recovery_migration,
    recovery_limit,
    recovery_back_off,
    recovery_unused,
)
