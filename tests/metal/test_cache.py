"""The store of compiled things: what is in it is whole, whoever else writes at the same time."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.metal.cache import Cache, cache_directory, key_of


def entry(directory: Path) -> Path:
    (found,) = (path for path in directory.rglob("*") if path.is_file())
    return found


@given(st.binary(max_size=3000))
def test_what_is_put_is_got(tmp_path_factory: pytest.TempPathFactory, contents: bytes) -> None:
    directory = tmp_path_factory.mktemp("cache")
    Cache("kind", directory).put("ab" * 32, contents)
    assert Cache("kind", directory).get("ab" * 32) == contents
    assert Cache("kind", directory).get("ba" * 32) is None
    assert Cache("other", directory).get("ab" * 32) is None


def test_a_damaged_entry_counts_as_absent(tmp_path: Path) -> None:
    cache, key, contents = Cache("kind", tmp_path), key_of("x"), bytes(range(256))
    cache.put(key, contents)
    path = entry(tmp_path)
    whole = path.read_bytes()
    for index in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[index] ^= 0x10
        path.write_bytes(damaged)
        assert cache.get(key) is None, f"byte {index}"
    for length in (0, 1, 31, 32, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert cache.get(key) is None, f"cut to {length}"
    path.write_bytes(whole + b"\0")
    assert cache.get(key) is None
    cache.put(key, contents)
    assert cache.get(key) == contents


def test_keys_tell_parts_apart() -> None:
    keys = [key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("abc", ""), key_of()]
    assert len(set(keys)) == len(keys)
    assert key_of("é") == key_of("é".encode())


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing stops root from writing")
def test_a_directory_that_can_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    cache = Cache("kind", tmp_path)
    cache.put("ab" * 32, b"lost")
    assert cache.get("ab" * 32) is None
    tmp_path.chmod(stat.S_IRWXU)


def test_a_place_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "kind").write_text("a file is in the way")
    cache = Cache("kind", tmp_path)
    cache.put("ab" * 32, b"lost")
    assert cache.get("ab" * 32) is None


def test_where_entries_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUESTV_CACHE", "/somewhere")
    assert cache_directory() == Path("/somewhere")
    monkeypatch.delenv("QUESTV_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_directory() == Path("/caches/questv")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache" / "questv"


def hammer(directory: Path, number: int) -> int:
    """Write and read the same few entries over and over; how often something else was read."""
    cache, wrong = Cache("kind", directory), 0
    for turn in range(60):
        key = key_of(str(turn % 3))
        cache.put(key, bytes([turn % 3]) * 20_000)
        found = cache.get(key)
        wrong += found != bytes([turn % 3]) * 20_000
    return wrong


def test_several_processes_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.starmap(hammer, [(tmp_path, number) for number in range(4)]) == [0] * 4
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert len(left) == 3, left
