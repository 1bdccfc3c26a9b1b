"""A description that has the right shape and is yet to be checked: what the rules look at."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from questv.diagnostics import Place
from questv.system.document import Document, DocumentPath
from questv.system.model import (
    Chain,
    Channel,
    Device,
    Heartbeat,
    Input,
    Kernel,
    Machine,
    Migration,
    Msr,
    Mutex,
    PortRange,
    Recovery,
    Run,
    Sandbox,
    System,
    Task,
    Vcpu,
)
from questv.system.tasks import TaskProblem, TaskSignature

T = TypeVar("T")


@dataclass(frozen=True)
class Located(Generic[T]):
    """``item``, a table's model, and where the table stands in its document."""

    item: T
    path: DocumentPath
    document: Document

    @property
    def line(self) -> int:
        """The line on which the table begins; 0 if it is not written."""
        return self.document.key(*self.path).line

    def key(self, *path: str | int) -> Place:
        """The place of the key at ``path`` within the table, or as near as there is one."""
        return self.document.key(*self.path, *path)

    def value(self, *path: str | int) -> Place:
        """The place of the value at ``path`` within the table, or as near as there is one."""
        return self.document.value(*self.path, *path)

    def parts(self, key: str, items: Iterable[S]) -> tuple[Located[S], ...]:
        """The tables ``items``, which the document has as an array at ``key`` of this one."""
        return tuple(
            Located(item, (*self.path, key, index), self.document)
            for index, item in enumerate(items)
        )


S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class Draft:
    """The models, the document that they come from, and the functions of the tasks.

    ``functions`` has an entry for the ``run`` of each task. A draft is equal to itself alone.
    """

    system: System
    document: Document
    functions: Mapping[str, TaskSignature | TaskProblem]

    @property
    def root(self) -> Located[System]:
        """The description as a whole."""
        return Located(self.system, (), self.document)

    @property
    def machine(self) -> Located[Machine]:
        """The machine."""
        return Located(self.system.machine, ("machine",), self.document)

    @property
    def run(self) -> Located[Run]:
        """The run."""
        return Located(self.system.run, ("run",), self.document)

    @property
    def sandboxes(self) -> tuple[Located[Sandbox], ...]:
        """All sandboxes, in file order, as all that follow."""
        return self.root.parts("sandbox", self.system.sandboxes)

    @property
    def channels(self) -> tuple[Located[Channel], ...]:
        """All channels."""
        return self.root.parts("channel", self.system.channels)

    @property
    def devices(self) -> tuple[Located[Device], ...]:
        """All devices."""
        return self.root.parts("device", self.system.devices)

    @property
    def chains(self) -> tuple[Located[Chain], ...]:
        """All chains."""
        return self.root.parts("chain", self.system.chains)

    @property
    def inputs(self) -> tuple[Located[Input], ...]:
        """The inputs of all sandboxes."""
        return tuple(each for sandbox in self.sandboxes for each in inputs(sandbox))

    @property
    def sandbox_names(self) -> tuple[str, ...]:
        """The names of all sandboxes."""
        return tuple(sandbox.name for sandbox in self.system.sandboxes)


def tasks(sandbox: Located[Sandbox]) -> tuple[Located[Task], ...]:
    """The tasks of ``sandbox``, in file order."""
    return sandbox.parts("task", sandbox.item.tasks)


def vcpus(sandbox: Located[Sandbox]) -> tuple[Located[Vcpu], ...]:
    """The VCPUs that ``sandbox`` describes, in file order."""
    return sandbox.parts("vcpu", sandbox.item.vcpus)


def mutexes(sandbox: Located[Sandbox]) -> tuple[Located[Mutex], ...]:
    """The mutexes of ``sandbox``, in file order."""
    return sandbox.parts("mutex", sandbox.item.mutexes)


def migration(sandbox: Located[Sandbox]) -> Located[Migration] | None:
    """The time that ``sandbox`` has for moving tasks, if it has any."""
    if sandbox.item.migration is None:
        return None
    return Located(sandbox.item.migration, (*sandbox.path, "migration"), sandbox.document)


def heartbeat(sandbox: Located[Sandbox]) -> Located[Heartbeat] | None:
    """How ``sandbox`` shows that it lives, if it does."""
    if sandbox.item.heartbeat is None:
        return None
    return Located(sandbox.item.heartbeat, (*sandbox.path, "heartbeat"), sandbox.document)


def recovery(sandbox: Located[Sandbox]) -> Located[Recovery] | None:
    """What is done about a fault of ``sandbox``, if it says so."""
    if sandbox.item.recovery is None:
        return None
    return Located(sandbox.item.recovery, (*sandbox.path, "recovery"), sandbox.document)


def kernel(sandbox: Located[Sandbox]) -> Located[Kernel] | None:
    """The foreign kernel of ``sandbox``, if it has one."""
    if sandbox.item.kernel is None:
        return None
    return Located(sandbox.item.kernel, (*sandbox.path, "kernel"), sandbox.document)


def inputs(sandbox: Located[Sandbox]) -> tuple[Located[Input], ...]:
    """The inputs of ``sandbox``, in file order."""
    return sandbox.parts("input", sandbox.item.inputs)


def ports(sandbox: Located[Sandbox]) -> tuple[Located[PortRange], ...]:
    """The I/O ports allowed to ``sandbox``, in file order."""
    return sandbox.parts("ports", sandbox.item.ports)


def msrs(sandbox: Located[Sandbox]) -> tuple[Located[Msr], ...]:
    """The MSRs allowed to ``sandbox``, in file order."""
    return sandbox.parts("msr", sandbox.item.msrs)


def repeated(items: Iterable[T], identity: Callable[[T], Hashable | None]) -> Iterator[tuple[T, T]]:
    """Each of ``items`` that has the identity of an earlier one, with the first such before it.

    Items with the identity None are left out.
    """
    first: dict[Hashable, T] = {}
    for item in items:
        key = identity(item)
        if key is None:
            continue
        if key in first:
            yield first[key], item
        else:
            first[key] = item
