"""Tasks' states, and what survives of them when their kernel dies.

A kernel can die in the middle of changing a state. So what its next incarnation begins with is a
copy that the task has made with ``save()`` while the state was whole. There are two slots for it,
written in turn, so that one of them is whole at any moment. They are the only data of a kernel that
a restart leaves alone.

Nothing here knows whether it runs in a kernel or in a process; each has its own ``kept_states``.
"""

from __future__ import annotations

from typing import ClassVar

from questv.arch.x86.checksum import checksum
from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.metal.lang import (
    RELAXED,
    RELEASE,
    Array,
    Atomic,
    Ptr,
    addr,
    external,
    fence,
    metal,
    static,
    trap,
    u8,
    u32,
    u64,
)
from questv.metal.runtime import memcpy
from questv.metal.source import source_of
from questv.metal.structs import Struct, offsetof, sizeof

MAX_KEPT = 64
SAVE_SLOTS = 2
RESTORED = "kept_restored"
"""The symbol of what says of each state whether it was restored."""


class KeptState(Struct):
    """A state that survives. Addresses are virtual."""

    state: u64  # the task's own object
    slots: u64  # its two slots, one behind the other
    size: u32  # bytes of the state
    version: u32
    stand_in: u64  # 1 + the index of the task that takes it over; 0: it is restored at the start


class KeptStates(Struct):
    """All of a kernel's or of a process's, written by the builder; read-only to both."""

    count: u64
    states: Array[KeptState, MAX_KEPT]


class Slot(Struct):
    """What lies before a copy of a state."""

    seal: Atomic[u64]  # 1 << 32 | the CRC-32C of all that follows it; 0: nothing whole is here
    version: u32
    size: u32
    sequence: u64  # how many copies this incarnation has made, with this one; even in slot 0


_SEALED = 1 << 32
_CHECKED = offsetof(Slot, "version")


def slot_size(size: int) -> int:
    """Bytes of a slot for a state of ``size`` bytes: whole words."""
    return sizeof(Slot) + -(-size // 8) * 8


kept: KeptStates = external("kept_states")
_saves: Array[u64, MAX_KEPT] = static()
_restored: Array[bool, MAX_KEPT] = static(export=RESTORED)


class State(Struct, abstract=True):
    """Base of a task's state: ``class Controller(State)`` is a struct like any other.

    A parameter of such a type is the task's own object, zeros at first, on pages of its own; if
    several tasks have the same type, each has its own. With a version, as in
    ``class Controller(State, version=1)``, the next incarnation of its kernel begins with what was
    saved last, and with zeros if that has another version or another size.
    """

    __version__: ClassVar[int | None] = None
    """None if it does not survive."""

    def __init_subclass__(cls, *, version: object = None, **options: object) -> None:
        """Lay the class out; raises DiagnosticsError at what is wrong."""
        cls.__absent__ = {}
        if version is None:
            fix = f"only what has a version survives: class {cls.__name__}(State, version=1)"
            cls.__absent__ = {"save": fix, "restored": fix}
        super().__init_subclass__(**options)  # type: ignore[arg-type]
        cls.__version__ = None if version is None else _checked_version(cls, version)
        if version is not None:
            _require_methods(cls)

    @metal
    def save(self: u64) -> None:  # type: ignore[misc]
        """Keep a copy of the whole state, as it is now, for the next incarnation.

        It is kept as a whole or not at all, whenever the kernel dies. Takes time in proportion to
        the state's size.
        """
        i = _index_of(self)
        own = kept.states[i]
        slot = _slot(own, (_saves[i] + 1) % 2)
        # Whoever looks at the slot must never take it for whole while it is not. Its reader is
        # another incarnation, on this core: what counts is the order of these stores alone.
        slot.seal.store(0, RELAXED)
        fence(RELEASE)
        slot.version = own.version
        slot.size = own.size
        slot.sequence = _saves[i] + 1
        memcpy(Ptr[u8](_contents(slot)), Ptr[u8](self), u64(own.size))
        slot.seal.store(_SEALED | u64(_checksum(slot, own)), RELEASE)
        _saves[i] += 1

    @metal
    def restored(self: u64) -> bool:  # type: ignore[misc]
        """Whether the state began with what an earlier incarnation had saved, not with zeros."""
        return _restored[_index_of(self)]


def _checked_version(state: type[State], version: object) -> int:
    if type(version) is int and 0 < version <= u32.MAX:
        if "__metal_type__" in vars(state):
            return version
        raise _refusal(
            "state-version",
            state,
            "",
            f"{state.__name__} is abstract and has a version",
            "give one to each state that derives from it",
        )
    raise _refusal(
        "state-version",
        state,
        "",
        f"{state.__name__} can't have the version {version!r}",
        f"write a whole number from 1 to {u32.MAX}: class {state.__name__}(State, version=1)",
    )


def _require_methods(state: type[State]) -> None:
    """What survives has to be saved: no field or method of its own may stand in the way."""
    for name in ("save", "restored"):
        if name in vars(state):
            raise _refusal(
                "state-name",
                state,
                name,
                f"'{name}' of {state.__name__} hides what every state with a version has by "
                "that name",
                "choose another name",
            )


def _refusal(rule: str, state: type[State], name: str, message: str, fix: str) -> DiagnosticsError:
    source = source_of(state.__module__)
    place = source.place(source.field(state.__qualname__, name))
    return DiagnosticsError([Diagnostic(place, message, fix, rule)])


@metal
def start(incarnation: u64) -> None:
    """Give each state what was saved of it, unless this is the first incarnation."""
    if incarnation != 0:
        for i in range(kept.count):
            if kept.states[i].stand_in == 0:
                _restore(i)


@metal
def take_over(task: u64) -> None:
    """Give each state of a stand-in what was saved of it by the task that it stands in for."""
    for i in range(kept.count):
        if kept.states[i].stand_in == 1 + task:
            _restore(i)


@metal
def _restore(i: u64) -> None:
    """What is taken out of the slots is not put back: it may be what the last incarnation died of.

    So both are empty from here on, until the task saves its state again. The older one goes first:
    if this incarnation ended in between, the next one must not find that one alone.
    """
    own = kept.states[i]
    sequence: u64 = 0
    for n in range(u64(SAVE_SLOTS)):
        if _is_whole(own, n):
            sequence = max(sequence, _slot(own, n).sequence)
    newest = _slot(own, sequence % 2)
    _slot(own, (sequence + 1) % 2).seal.store(0, RELEASE)
    newest.seal.store(0, RELEASE)
    fence(RELEASE)
    if sequence != 0:
        memcpy(Ptr[u8](own.state), Ptr[u8](_contents(newest)), u64(own.size))
        _restored[i] = True


@metal
def _is_whole(own: KeptState, n: u64) -> bool:
    """Whether a slot holds a copy of this state, and the very one that belongs there."""
    slot = _slot(own, n)
    return (
        slot.version == own.version
        and slot.size == own.size
        and slot.sequence % 2 == n
        and slot.sequence != 0
        and slot.seal.load(RELAXED) == _SEALED | u64(_checksum(slot, own))
    )


@metal
def _index_of(state: u64) -> u64:
    """Whose state lies at an address; only tasks' own objects are kept, no copies of them."""
    for i in range(kept.count):
        if kept.states[i].state == state:
            return i
    trap()


@metal(inline=True)
def _slot(own: KeptState, n: u64) -> Slot:
    return Ptr[Slot](own.slots + n * (sizeof(Slot) + _padded(own)))[0]


@metal(inline=True)
def _contents(slot: Slot) -> u64:
    return addr(slot) + sizeof(Slot)


@metal(inline=True)
def _checksum(slot: Slot, own: KeptState) -> u32:
    return checksum(addr(slot) + _CHECKED, sizeof(Slot) - _CHECKED + _padded(own))


@metal(inline=True)
def _padded(own: KeptState) -> u64:
    """Bytes of its copy in whole words; those at the end that are no state's stay zero."""
    return (u64(own.size) + 7) // 8 * 8
