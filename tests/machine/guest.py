"""Tiny guests, assembled by hand: 32-bit code that starts at a PVH entry point.

At the entry point paging is off, EBX points to the PVH start information, and there is no stack.
"""

from __future__ import annotations

import struct
from pathlib import Path

ENTRY = 0x10_0000
RESULT = 0x20_0000
"""Where guests leave what they found; always within memory."""

SERIAL_PORT = 0x3F8
EXIT_PORT = 0xF4

EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)

HALT = b"\xfa\xf4\xeb\xfd"  # cli; again: hlt; jmp again
SPIN = b"\xf3\x90\xeb\xfc"  # again: pause; jmp again
TRIPLE_FAULT = b"\x0f\x0b"  # ud2, with no table of handlers
CPUID = b"\x0f\xa2"
RDTSC = b"\x0f\x31"
COPY_WORDS = b"\xfc\xf3\xa5"  # cld; rep movsd: ECX words of 4 bytes from ESI to EDI


def load(register: int, value: int) -> bytes:
    """mov register, value"""
    return struct.pack("<BI", 0xB8 + register, value)


def load_from(register: int, address: int) -> bytes:
    """mov register, [address]"""
    return struct.pack("<BBI", 0x8B, register << 3 | 5, address)


def load_field(register: int, base: int, offset: int) -> bytes:
    """mov register, [base + offset]"""
    return struct.pack("<BBB", 0x8B, 0x40 | register << 3 | base, offset)


def store(address: int, register: int) -> bytes:
    """mov [address], register"""
    return struct.pack("<BBI", 0x89, register << 3 | 5, address)


def out_byte(port: int, value: int) -> bytes:
    """mov dx, port; mov al, value; out dx, al"""
    return struct.pack("<BBHBBB", 0x66, 0xBA, port, 0xB0, value, 0xEE)


def in_byte(port: int) -> bytes:
    """mov dx, port; xor eax, eax; in al, dx"""
    return struct.pack("<BBH", 0x66, 0xBA, port) + b"\x31\xc0\xec"


def say(text: str) -> bytes:
    return b"".join(out_byte(SERIAL_PORT, byte) for byte in text.encode())


def leave(value: int) -> bytes:
    """End the machine with ``value``; what QEMU still runs until it ends does nothing."""
    return load(EAX, value) + struct.pack("<BBHB", 0x66, 0xBA, EXIT_PORT, 0xEF) + HALT


def copy(source: int, target: int, length: int) -> bytes:
    return load(ESI, source) + load(EDI, target) + load(ECX, length // 4) + COPY_WORDS


def repeat(count: int, body: bytes) -> bytes:
    """Run ``body`` ``count`` times; each time takes two instructions more. ECX counts."""
    back = -(len(body) + 3)
    return load(ECX, count) + body + struct.pack("<BBb", 0x49, 0x75, back)  # dec ecx; jnz


def pvh_note(kind: int = 18, owner: bytes = b"Xen\0") -> bytes:
    return struct.pack("<III", len(owner), 4, kind) + owner + struct.pack("<I", ENTRY)


def elf(code: bytes, *, address: int = ENTRY, memory: int | None = None, note: bytes) -> bytes:
    """A 64-bit ELF file with one segment at physical ``address`` and one of notes."""
    headers = 64 + 2 * 56
    start = headers + len(note)
    header = struct.pack(
        "<4sBBB9xHHIQQQIHHHHHH",
        *(b"\x7fELF", 2, 1, 1, 2, 62, 1, ENTRY, 64, 0, 0, 64, 56, 2, 0, 0, 0),
    )
    loaded = struct.pack(
        "<IIQQQQQQ", 1, 7, start, address, address, len(code), memory or len(code), 1
    )
    notes = struct.pack("<IIQQQQQQ", 4, 4, headers, 0, 0, len(note), len(note), 4)
    return header + loaded + notes + note + code


def image(directory: Path, code: bytes, name: str = "guest") -> Path:
    """Write the guest that runs ``code`` to ``directory``."""
    path = directory / f"{name}.elf"
    path.write_bytes(elf(code, note=pvh_note()))
    return path
