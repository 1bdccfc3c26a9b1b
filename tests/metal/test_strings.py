"""Constant strings, and formatted output by a formatter of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.metal.jit import Jit

from .loading import Workshop

LOGGER = r"""
GREETING = "hello, world"

buffer: Array[u8, 4096] = static()
used: u64 = static(0)
lines: u64 = static(0)
inside: bool = static(False)

@metal
def put(byte: u8) -> None:
    global used
    buffer[used] = byte
    used += 1

@metal
def begin() -> None:
    global inside
    assert not inside
    inside = True

@metal
def put_text(part: str) -> None:
    bytes = text_bytes(part)
    for i in range(len(part)):
        put(bytes[i])

@metal
def put_unsigned(value: u64, base: u8, width: u8, zeros: bool) -> None:
    digits: Array[u8, 64] = local()
    count: u8 = 0
    while True:
        digit = u8(value % u64(base))
        digits[count] = digit + (u8(ord("0")) if digit < 10 else u8(ord("a") - 10))
        count += 1
        value //= u64(base)
        if value == 0:
            break
    for i in range(u8(64)):
        if count + i >= width:
            break
        put(u8(ord("0")) if zeros else u8(ord(" ")))
    for i in range(count):
        put(digits[count - 1 - i])

@metal
def put_signed(value: i64, width: u8) -> None:
    if value < 0:
        put(u8(ord("-")))
    put_unsigned(u64.wrap(-value if value < 0 else value), 10, width, False)

@metal
def end() -> None:
    global lines, inside
    inside = False
    lines += 1
    put(10)

log = Formatter(begin, put_text, put_unsigned, put_signed, end)

@metal
def everything(a: u8, b: i16, c: u64, d: Ptr[u8], e: str) -> None:
    log("plain")
    log(GREETING)
    log(f"")
    log(f"a={a} b={b} c={c:x}|{c:20x}|{c:020x}|{c:22}|{c:022}")
    log(f"{d} {d:x} {e}{{}} {a:3} {b:8} é{GREETING}{a:03x}")

@metal
def length(text: str) -> u64:
    return len(text)

@metal
def lengths() -> u64:
    return len("") * 100 + len("é") * 10 + len(GREETING)

@metal
def choose(first: bool) -> str:
    return "first" if first else "the second"

@metal
def write_choice(first: bool) -> None:
    log(choose(first))

@metal
def byte_at(text: str, index: u64) -> u8:
    return text_bytes(text)[index]

@metal
def odd() -> u8:
    text = "quote \" back \\ nul \0 tab \t end"
    return text_bytes(text)[len(text) - 1]
"""


@pytest.mark.parametrize("level", [0, 2])
def test_formatted_output(workshop: Workshop, level: int) -> None:
    m = workshop.load(LOGGER)
    jit = Jit(m, level=level)
    c = 2**64 - 0xABC
    jit[m.everything](200, -32768, c, 4096, "héllo")
    written = bytes(jit.variable(m.buffer))[: jit.variable(m.used)].decode()
    assert written.splitlines() == [
        "plain",
        "hello, world",
        "",
        f"a=200 b=-32768 c={c:x}|{c:20x}|{c:020x}|{c:22}|{c:022}",
        f"4096 1000 héllo{{}} 200 {'-'}{32768:8} éhello, world{200:03x}",
    ]
    assert jit.variable(m.lines) == 5


def test_strings(workshop: Workshop) -> None:
    m = workshop.load(LOGGER)
    jit = Jit(m)
    assert jit[m.lengths]() == 0 + len("é".encode()) * 10 + len("hello, world")
    assert jit[m.odd]() == ord("d")
    for first, text in ((True, b"first\n"), (False, b"the second\n")):
        jit = Jit(m)
        jit[m.write_choice](first)
        assert bytes(jit.variable(m.buffer))[: jit.variable(m.used)] == text


def test_strings_from_python(workshop: Workshop) -> None:
    m = workshop.load(LOGGER)
    jit = Jit(m)

    @settings(max_examples=60)
    @given(st.text(max_size=60))
    def check(text: str) -> None:
        encoded = text.encode()
        assert jit[m.length](text) == len(encoded)
        assert bytes(jit[m.byte_at](text, index) for index in range(len(encoded))) == encoded

    check()
