"""Files of the host, as a kernel sees them."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from questv.plan.build import BuiltSystem, build
from tests.running import (
    input_file,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

TASKS = """
@task
def add_up(first: Input, second: Input) -> None:
    log(f"{first.length} {total(first)} {second.length} {total(second)}")

@metal
def total(input: Input) -> u64:
    sum: u64 = 0
    for i in range(input.length):
        sum = sum * 31 + u64(input.bytes[i]) + 1
    return sum

@task
def scribble(first: Input, second: Input) -> None:
    first.bytes[0] = 1
"""
CAPACITY = 64 << 10
INPUTS = "".join(
    f'[[sandbox.input]]\nname = "{name}"\nsize = "64 KiB"\n' for name in ("first", "second")
)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    text = system_text(sandbox_text("one", task_text("add_up"), INPUTS))
    return build(write_system(tmp_path_factory.mktemp("inputs"), text, TASKS))


def total(contents: bytes) -> int:
    """The same as the function in the tasks."""
    found = 0
    for byte in contents:
        found = (found * 31 + byte + 1) % (1 << 64)
    return found


def noise(length: int) -> bytes:
    made = b"".join(zlib.crc32(i.to_bytes(4, "big")).to_bytes(4, "big") for i in range(length))
    return made[:length]


@pytest.mark.parametrize(
    ("first", "second"),
    [(None, None), (0, 1), (1, None), (4096, 4097), (4095, CAPACITY), (CAPACITY, CAPACITY)],
)
@pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])
def test_inputs(
    system: BuiltSystem,
    tmp_path: Path,
    first: int | None,
    second: int | None,
    deterministic: bool,
) -> None:
    """None: the host put no file there, which is as good as an empty one."""
    lengths = (first, second)
    contents = [b"" if length is None else noise(length) for length in lengths]
    files = tuple(
        input_file(system, "one", contents[index], tmp_path, index=index)
        for index, length in enumerate(lengths)
        if length is not None
    )
    run = run_system(
        system, tmp_path, contents=files, deterministic=deterministic, metronome=1_000_000
    )
    one, two = contents
    assert run["one"].lines == [f"{len(one)} {total(one)} {len(two)} {total(two)}"]


def test_nobody_writes_them(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", task_text("scribble"), INPUTS))
    system = build(write_system(tmp_path, text, TASKS))
    run = run_system(system, tmp_path, contents=(input_file(system, "one", b"x", tmp_path),))
    input = system.plan.sandbox("one").inputs[0]
    record = run["one"].status.panic
    assert (int(record.vector), int(record.error)) == (14, 3)
    assert int(record.address) == input.address + 4096
    assert run.memory(input.physical + 4096, 1) == b"x"
