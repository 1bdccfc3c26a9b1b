"""Host views: structs and arrays over anybody's bytes, read and written within their bounds."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.metal.jit import Jit
from questv.metal.structs import offsetof, read_value, sizeof, write_value
from questv.metal.types import INTEGERS, as_type

from .loading import Workshop

STRUCTS = """
@width(u16)
class Mode(enum.IntEnum):
    OFF = 0
    ON = 3

@width(u8)
class Flags(enum.IntFlag):
    A = 1
    B = 2

class Inner(Struct):
    a: u8
    b: i32

class Message(Struct):
    kind: u16
    mode: Mode
    flags: Flags
    ok: bool
    size: i64
    body: Array[u8, 16]
    parts: Array[Inner, 3]
    inner: Inner
    here: Ptr[Inner]
    head: Atomic[u32]
    tail: Shared[u32]
    state: Volatile[u16]
    port: Register[u32]
    cells: Array[Atomic[u64], 2]
    part: f32

@metal
def sum(m: Message) -> i64:
    total = m.size + i64(m.inner.b)
    for i in range(u64(3)):
        total += i64(m.parts[i].b)
    return total + i64(m.head.load(RELAXED)) + i64.wrap(m.cells[1].load(RELAXED))

@metal
def at(messages: Ptr[Message], index: u64) -> u16:
    return messages[index].kind
"""


@pytest.fixture
def m(workshop: Workshop) -> ModuleType:
    return workshop.load(STRUCTS)


def filled(m: ModuleType) -> Any:
    return m.Message(
        kind=0xBEEF,
        mode=m.Mode.ON,
        flags=m.Flags.A | m.Flags.B,
        ok=True,
        size=-5,
        body=b"hello",
        parts=[{"a": 1, "b": -1}, m.Inner(a=2, b=-2)],
        inner={"b": 7},
        here=0x1000,
        head=11,
        tail=12,
        state=13,
        port=14,
        cells=[1, 2**64 - 1],
        part=0.5,
    )


def test_what_is_written_is_read(m: ModuleType) -> None:
    message = filled(m)
    assert (message.kind, message.mode, message.ok, message.size) == (0xBEEF, m.Mode.ON, True, -5)
    assert message.mode is m.Mode.ON
    assert message.flags == 3
    assert bytes(message.body) == b"hello" + bytes(11)
    assert message.body == b"hello" + bytes(11)
    assert [(part.a, part.b) for part in message.parts] == [(1, -1), (2, -2), (0, 0)]
    assert (message.inner.a, message.inner.b, message.here) == (0, 7, 0x1000)
    assert (message.head.load(), message.tail.load()) == (11, 12)
    assert (message.state.read(), message.port.read()) == (13, 14)
    assert [cell.load() for cell in message.cells] == [1, 2**64 - 1]
    assert message.part == 0.5
    message.head.store(99)
    message.state.write(98)
    message.parts[2].b = 5
    message.parts[-3].a = 77
    message.body[15] = 255
    assert (message.head.load(), message.state.read(), message.parts[2].b) == (99, 98, 5)
    assert (message.parts[0].a, message.body[-1], len(message.body)) == (77, 255, 16)
    message.mode = 9
    assert message.mode == 9, "a number that no member has is read as it is"
    assert "kind=48879" in repr(message)
    assert "[Inner(a=77, b=-1)" in repr(message)


def test_a_struct_is_equal_by_its_bytes(m: ModuleType) -> None:
    assert filled(m) == filled(m)
    assert filled(m) != m.Message()
    assert m.Inner() != m.Message()
    other = filled(m)
    other.cells[0].store(7)
    assert other != filled(m)
    assert m.Message.view(bytes(filled(m))) == filled(m)
    with pytest.raises(TypeError):
        hash(other)


def test_views_share_their_buffer(m: ModuleType) -> None:
    size = sizeof(m.Message)
    buffer = bytearray(3 * size)
    views = [m.Message.view(buffer, index * size) for index in range(3)]
    for index, view in enumerate(views):
        view.kind = 100 + index
        view.inner.b = -index
    kinds = [struct.unpack_from("<H", buffer, index * size)[0] for index in range(3)]
    assert kinds == [100, 101, 102]
    again = m.Message.view(memoryview(buffer)[size:])
    again.kind = 7
    assert views[1].kind == 7
    assert again.inner.b == -1
    jit = Jit(m)
    assert [jit[m.at](buffer, index) for index in range(3)] == [100, 7, 102]
    assert jit[m.at](views[1], 0) == 7
    assert jit[m.at](views[0], 2) == 102


def test_a_view_of_a_mapped_file(m: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "memory"
    path.write_bytes(bytes(8192))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 8192) as memory:
        live = m.Message.view(memory, 4096)
        live.size = -2
        live.parts[1].b = 40
        assert Jit(m)[m.sum](live) == 38
        del live
        on_disk = os.pread(file.fileno(), 8, 4096 + offsetof(m.Message, "size"))
        assert struct.unpack("<q", on_disk) == (-2,)
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 8192, access=mmap.ACCESS_READ)
        frozen = m.Message.view(memory, 4096)
        assert frozen.parts[1].b == 40
        with pytest.raises(TypeError):
            frozen.size = 0


def test_views_stay_within_their_buffer(m: ModuleType) -> None:
    size = sizeof(m.Message)
    m.Message.view(bytes(size))
    m.Message.view(bytes(size + 3), 3)
    for length, offset in ((size - 1, 0), (size, 1), (size, -1), (0, 0)):
        with pytest.raises(ValueError, match="does not lie within"):
            m.Message.view(bytes(length), offset)


@pytest.mark.parametrize("index", [16, -17, 2**40])
def test_indices_stay_within_their_array(m: ModuleType, index: int) -> None:
    message = m.Message()
    with pytest.raises(IndexError):
        message.body[index]
    with pytest.raises(IndexError):
        message.body[index] = 1
    assert bytes(message) == bytes(sizeof(m.Message))


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("kind", 0x10000, OverflowError),
        ("kind", -1, OverflowError),
        ("size", 2**63, OverflowError),
        ("body", bytes(17), ValueError),
        ("parts", [{}] * 4, ValueError),
        ("inner", 5, TypeError),
        ("inner", {"c": 5}, ValueError),
        ("here", -1, OverflowError),
        ("head", 2**32, OverflowError),
    ],
)
def test_values_that_do_not_fit(
    m: ModuleType, name: str, value: object, error: type[Exception]
) -> None:
    message = m.Message()
    with pytest.raises(error):
        setattr(message, name, value)
    with pytest.raises(error):
        m.Message(**{name: value})


def test_there_are_no_other_fields(m: ModuleType) -> None:
    with pytest.raises(AttributeError):
        m.Message(sise=4)
    with pytest.raises(AttributeError):
        m.Message().sise = 4


@pytest.mark.parametrize("type_", INTEGERS, ids=str)
def test_integers_of_every_width(type_: Any) -> None:
    for value in (type_.MIN, type_.MAX, 0, 1):
        buffer = memoryview(bytearray(16))
        write_value(type_, buffer, 3, value)
        expected = value.to_bytes(type_.size, "little", signed=type_.signed)
        assert bytes(buffer) == bytes(3) + expected + bytes(13 - type_.size)
        assert read_value(type_, buffer, 3) == value
    for value in (type_.MIN - 1, type_.MAX + 1):
        with pytest.raises(OverflowError):
            write_value(type_, memoryview(bytearray(16)), 0, value)
        assert type_.MIN <= type_.wrap(value) <= type_.MAX


@given(st.sampled_from(INTEGERS), st.integers(-(2**70), 2**70))
def test_wrapping_on_the_host_is_cs(type_: Any, value: int) -> None:
    c_type = getattr(ctypes, f"c_{'' if type_.signed else 'u'}int{type_.bits}")
    assert type_.wrap(value) == c_type(value).value


def test_truth_is_any_byte_but_zero() -> None:
    for byte in range(256):
        assert read_value(as_type(bool), memoryview(bytes([byte])), 0) is (byte != 0)


def test_a_struct_of_an_abstract_kind_is_like_any_other(workshop: Workshop) -> None:
    module = workshop.load(ABSTRACT)
    assert (sizeof(module.Member), offsetof(module.Member, "second")) == (8, 4)
    assert issubclass(module.Member, module.Kind)
    member = module.Member(first=1, second=2)
    assert bytes(member) == bytes([1, 0, 0, 0, 2, 0, 0, 0])
    assert Jit(module)[module.second](member) == 2


ABSTRACT = """
class Kind(Struct, abstract=True):
    pass

class Member(Kind):
    first: u8
    second: u32

@metal
def second(member: Member) -> u32:
    return member.second
"""
