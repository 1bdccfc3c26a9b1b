"""Rules on mutexes: each is for two tasks at least."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.bindings import parameters, settled_sandboxes
from questv.system.draft import Draft, mutexes
from questv.system.findings import names_taken, too_many

MUTEXES_MAXIMUM = 16


def mutex_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Parameters of tasks are bound to a mutex by its name alone."""
    for sandbox in draft.sandboxes:
        yield from names_taken(mutexes(sandbox), "mutex", "mutex-name-taken", sandbox)


def mutexes_too_many(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has a table of its mutexes, which never grows."""
    for sandbox in draft.sandboxes:
        own = mutexes(sandbox)
        fix = "let one mutex guard what several do"
        what = f"{len(own)} mutexes"
        yield from too_many(sandbox, own, MUTEXES_MAXIMUM, what, fix, "mutexes-too-many")


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
