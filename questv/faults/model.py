"""What a fault is and when it comes, and how both are written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from questv.diagnostics import BadInputError
from questv.system.wording import suggest

INSTRUCTION_LENGTH = 15
"""Bytes that an instruction has at most (APM vol. 3, 1.2)."""

GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)))
INTERRUPT_FLAG = "if"
REGISTERS: dict[str, tuple[int, int]] = {
    **{name: (number, 64) for number, name in enumerate(GENERAL)},
    "rip": (16, 64),
    INTERRUPT_FLAG: (17, 1),
}
"""By name: gdb's number, and how many bits can be flipped."""
INTERRUPT_FLAG_BIT = 9  # of RFLAGS (APM vol. 2, 3.1.6)

_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s)")
_ORDINAL = re.compile(r"([0-9]+)(?:st|nd|rd|th)")
_PLACE = re.compile(r"(.+?)(?:\+(0x[0-9a-fA-F]+|[0-9]+))?(?::([0-9]+))?")
_LONGEST_DELAY = _UNITS["s"]


class FaultError(BadInputError):
    """A fault, or its moment, that makes no sense."""


class Kind(StrEnum):
    """The kinds of fault."""

    REGISTER_BIT = "register-bit"
    """One bit of a register of the core."""
    REGISTER_BITS = "register-bits"
    """Two bits of one register."""
    MEMORY_BIT = "memory-bit"
    """One bit of the sandbox's memory."""
    MEMORY_BITS = "memory-bits"
    """Two bits of one word of it."""
    INSTRUCTION = "instruction"
    """Other bytes in the place of the instruction that is about to be executed."""
    KILL = "kill"
    """The core stops executing its kernel: it sleeps with interrupts off."""
    STALL = "stall"
    """The same for a time; then it goes on where it was."""
    DOORBELL_DROP = "doorbell-drop"
    """The next doorbell that the kernel sends is lost."""
    DOORBELL_REPEAT = "doorbell-repeat"
    """It is sent twice."""
    DOORBELL_DELAY = "doorbell-delay"
    """It is sent late."""


DOORBELLS = (Kind.DOORBELL_DROP, Kind.DOORBELL_REPEAT, Kind.DOORBELL_DELAY)


@dataclass(frozen=True)
class Fault:
    """One fault, in full. What its kind does not have is left at its default.

    ``place`` is a register's name or a physical address. ``bits`` count from the lowest of the
    register, or of the memory from the address on. ``bytes`` is what an instruction is replaced by,
    ``duration`` in nanoseconds. Written ``kind:detail:detail``.
    """

    kind: Kind
    register: str = ""
    address: int = 0
    bits: tuple[int, ...] = ()
    bytes: bytes = b""
    duration: int = 0

    def __str__(self) -> str:
        bits = "+".join(map(str, self.bits))
        match self.kind:
            case Kind.REGISTER_BIT | Kind.REGISTER_BITS:
                return f"{self.kind}:{self.register}:{bits}"
            case Kind.MEMORY_BIT | Kind.MEMORY_BITS:
                return f"{self.kind}:{self.address:#x}:{bits}"
            case Kind.INSTRUCTION:
                return f"{self.kind}:{self.bytes.hex()}"
            case Kind.STALL | Kind.DOORBELL_DELAY:
                return f"{self.kind}:{duration_text(self.duration)}"
            case _:
                return str(self.kind)


@dataclass(frozen=True)
class Count:
    """Before the sandbox executes its instruction of this number, from 1: ``12345th``."""

    number: int

    def __str__(self) -> str:
        return f"{self.number}th"


@dataclass(frozen=True)
class Passage:
    """Before it comes to a place in its code for the ``number``th time: ``SYMBOL+offset:N``."""

    symbol: str
    offset: int = 0
    number: int = 1

    def __str__(self) -> str:
        offset = f"+{self.offset:#x}" if self.offset else ""
        return f"{self.symbol}{offset}:{self.number}"


@dataclass(frozen=True)
class Moment:
    """Before its first instruction at this time of the machine, in nanoseconds: ``3.2ms``."""

    time: int

    def __str__(self) -> str:
        return duration_text(self.time)


When = Count | Passage | Moment


def duration_text(nanoseconds: int) -> str:
    """The shortest way to write a time exactly."""
    unit = max((unit for unit in _UNITS if nanoseconds % _UNITS[unit] == 0), key=_UNITS.__getitem__)
    return f"{nanoseconds // _UNITS[unit]}{unit}"


def parse_when(text: str) -> When:
    """The moment that ``text`` says; raises FaultError."""
    if match := _TIME.fullmatch(text):
        return Moment(round(float(match[1]) * _UNITS[match[2]]))
    if match := _ORDINAL.fullmatch(text):
        number = int(match[1])
        if number == 0:
            raise FaultError("a sandbox has no 0th instruction", "count from 1st")
        return Count(number)
    match = _PLACE.fullmatch(text)
    if match is None or text[:1].isdigit():
        raise FaultError(
            f"'{text}' is no moment",
            "write SYMBOL, SYMBOL+offset:N, a time such as 3.2ms, or an instruction such as 500th",
        )
    number = int(match[3] or "1")
    if number == 0:
        raise FaultError(f"'{text}' never comes", "count from SYMBOL:1")
    return Passage(match[1], int(match[2] or "0", 0), number)


def parse_fault(text: str) -> Fault:
    """The fault that ``text`` says: a kind alone, or one with all its details.

    Raises FaultError. Of a kind alone the details are still to be drawn.
    """
    name, *details = text.split(":")
    if name not in list(Kind):
        raise FaultError(f"there is no fault '{name}'", suggest(name, list(Kind), ""))
    fault = Fault(Kind(name))
    if not details:
        return fault
    try:
        return _with_details(fault, details)
    except (ValueError, IndexError) as error:
        raise FaultError(f"'{text}' is no fault", _FORMS[fault.kind]) from error


def _with_details(fault: Fault, details: list[str]) -> Fault:
    """The fault with its details; raises ValueError or IndexError if they are not its kind's."""
    match fault.kind:
        case Kind.REGISTER_BIT | Kind.REGISTER_BITS:
            register, bits = details
            width = REGISTERS[register][1] if register in REGISTERS else 0
            return replace(fault, register=register, bits=_bits(fault.kind, bits, width))
        case Kind.MEMORY_BIT | Kind.MEMORY_BITS:
            address, bits = details
            return replace(fault, address=int(address, 16), bits=_bits(fault.kind, bits, 64))
        case Kind.INSTRUCTION:
            (code,) = details
            if not 1 <= len(bytes.fromhex(code)) <= INSTRUCTION_LENGTH:
                raise ValueError(code)
            return replace(fault, bytes=bytes.fromhex(code))
        case Kind.STALL | Kind.DOORBELL_DELAY:
            (duration,) = details
            match = _TIME.fullmatch(duration)
            time = round(float(match[1]) * _UNITS[match[2]]) if match else 0
            if not 0 < time <= _LONGEST_DELAY:
                raise ValueError(duration)
            return replace(fault, duration=time)
        case _:
            raise ValueError(details)


def _bits(kind: Kind, text: str, width: int) -> tuple[int, ...]:
    bits = tuple(map(int, text.split("+")))
    wanted = 1 if kind in (Kind.REGISTER_BIT, Kind.MEMORY_BIT) else 2
    if len(set(bits)) != wanted or not all(0 <= bit < width for bit in bits):
        raise ValueError(text)
    return bits


_REGISTER_NAMES = "a register is rax to r15, rip, or if, the interrupt flag, which has bit 0 alone"
_FORMS = {
    Kind.REGISTER_BIT: f"write register-bit:rax:17; {_REGISTER_NAMES}",
    Kind.REGISTER_BITS: f"write register-bits:rax:17+42; {_REGISTER_NAMES}",
    Kind.MEMORY_BIT: "write memory-bit:0x12345:7, with a physical address and a bit from 0 to 63",
    Kind.MEMORY_BITS: "write memory-bits:0x12345:7+42, with a physical address and two bits",
    Kind.INSTRUCTION: "write instruction:0f0b, with 1 to 15 bytes",
    Kind.KILL: "write kill alone",
    Kind.STALL: "write stall:250us, with a time of at most 1s",
    Kind.DOORBELL_DROP: "write doorbell-drop alone",
    Kind.DOORBELL_REPEAT: "write doorbell-repeat alone",
    Kind.DOORBELL_DELAY: "write doorbell-delay:20us, with a time of at most 1s",
}
