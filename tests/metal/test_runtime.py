"""The functions that LLVM calls on its own, against Python's bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.metal import runtime
from questv.metal.jit import Jit

MARGIN = 16
LENGTHS = st.integers(0, 70) | st.integers(0, 1000)
OFFSETS = st.integers(0, 40)


@pytest.fixture(scope="module")
def jit() -> Jit:
    return Jit(runtime)


def at(memory: bytearray, offset: int) -> memoryview:
    return memoryview(memory)[offset:]


def numbered(length: int) -> bytearray:
    return bytearray(index * 7 % 251 for index in range(length))


@given(LENGTHS, OFFSETS, OFFSETS)
def test_memcpy(jit: Jit, length: int, to: int, source: int) -> None:
    found, given_bytes = numbered(to + length + MARGIN), numbered(3000)[1500:]
    expected = bytearray(found)
    expected[to : to + length] = given_bytes[source : source + length]
    jit[runtime.memcpy](at(found, to), at(given_bytes, source), length)
    assert found == expected


@given(LENGTHS, OFFSETS, OFFSETS)
def test_memmove(jit: Jit, length: int, to: int, source: int) -> None:
    found = numbered(max(to, source) + length + MARGIN)
    expected = bytearray(found)
    expected[to : to + length] = found[source : source + length]
    jit[runtime.memmove](at(found, to), at(found, source), length)
    assert found == expected


@given(LENGTHS, OFFSETS, st.integers(0, 2**32 - 1))
def test_memset(jit: Jit, length: int, to: int, value: int) -> None:
    found = numbered(to + length + MARGIN)
    expected = bytearray(found)
    expected[to : to + length] = bytes([value & 0xFF]) * length
    jit[runtime.memset](at(found, to), value, length)
    assert found == expected


@given(st.binary(max_size=40), st.data())
def test_memcmp(jit: Jit, first: bytes, data: st.DataObject) -> None:
    second = bytearray(first)
    if first:
        for index in data.draw(st.lists(st.integers(0, len(first) - 1), max_size=2)):
            second[index] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(first)))
    found = jit[runtime.memcmp](bytearray(first + b"\0"), second + b"\1", length)
    signed = found - 2**32 if found >= 2**31 else found
    a, b = first[:length], bytes(second[:length])
    assert (signed > 0) - (signed < 0) == (a > b) - (a < b)


def test_they_yield_their_first_argument(jit: Jit) -> None:
    to, source = bytearray(32), bytearray(32)
    where = jit[runtime.memset](to, 1, 9)
    assert jit[runtime.memcpy](to, source, 5) == where
    assert jit[runtime.memmove](to, source, 5) == where
    assert jit[runtime.memmove](to, memoryview(to)[3:], 5) == where
