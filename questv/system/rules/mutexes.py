"""Rules on mutexes: each is for two tasks at least."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.bindings import parameters, settled_sandboxes
from questv.system.draft import Draft, mutexes, repeated

MUTEXES_MAXIMUM = 16


def mutex_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Parameters of tasks are bound to a mutex by its name alone."""
    for sandbox in draft.sandboxes:
        for first, again in repeated(mutexes(sandbox), lambda mutex: mutex.item.name):
            yield Diagnostic(
                again.value("name"),
                f'the mutex at line {first.line}, in the same sandbox "{sandbox.item.name}", is '
                f'called "{again.item.name}" too',
                "give one of the two another name",
                "mutex-name-taken",
            )


def mutexes_too_many(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has a table of its mutexes, which never grows."""
    for sandbox in draft.sandboxes:
        count = len(sandbox.item.mutexes)
        if count > MUTEXES_MAXIMUM:
            yield Diagnostic(
                mutexes(sandbox)[MUTEXES_MAXIMUM].key(),
                f'sandbox "{sandbox.item.name}" has {count} mutexes, and a kernel has room for '
                f"{MUTEXES_MAXIMUM}",
                "let one mutex guard what several do",
                "mutexes-too-many",
            )


def mutex_unused(draft: Draft) -> Iterator[Diagnostic]:
    """A mutex keeps tasks apart: with less than two that are given it there is nobody to keep."""
    settled = settled_sandboxes(draft)
    for sandbox in draft.sandboxes:
        name = sandbox.item.name
        for mutex in mutexes(sandbox):
            users = {
                each.task.item.name
                for each in parameters(draft)
                if each.sandbox.path == sandbox.path
                and each.mutex
                and each.mutex.item.name == mutex.item.name
            }
            if name in settled and len(users) < 2:
                whom = f'task "{next(iter(users))}" alone' if users else f'no task of "{name}"'
                yield Diagnostic(
                    mutex.value("name"),
                    f'mutex "{mutex.item.name}": {whom} has a parameter for it',
                    "give two tasks or more a Mutex for it, or remove the mutex",
                    "mutex-unused",
                )


RULES = (mutex_name_taken, mutexes_too_many, mutex_unused)
