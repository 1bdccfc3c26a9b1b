"""The image: the same bytes whenever and wherever it is built, and readable by tools."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from questv.arch.x86.machine import MAX_CORES
from questv.plan.build import BuiltSystem, build
from questv.plan.image import PLAN_SECTION, Image, ImageError
from tests.plan.walker import LoadedImage
from tests.running import ring_text, sandbox_text, system_text, task_text, write_system

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "examples" / "hello"
SCRIPT = """
import hashlib, sys
from pathlib import Path
from questv.plan.build import build
system = build(Path(sys.argv[1]))
assert not sys.argv[2:] or system.compiled
print(hashlib.sha256(system.image).hexdigest())
"""


@pytest.fixture(scope="module")
def hello() -> BuiltSystem:
    return build(HELLO)


def hash_elsewhere(folder: Path, *arguments: str, **environment: str) -> str:
    """The image's hash, built by another process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_another_folder(hello: BuiltSystem, tmp_path: Path) -> None:
    copied = tmp_path / "a folder" / "deeper"
    shutil.copytree(HELLO, copied)
    assert build(copied).image == hello.image


def test_another_seed(hello: BuiltSystem) -> None:
    for seed in ("0", "12345"):
        assert hash_elsewhere(HELLO, PYTHONHASHSEED=seed) == hello.hash


def test_a_cold_cache(hello: BuiltSystem, tmp_path: Path) -> None:
    found = hash_elsewhere(HELLO, "cold", QUESTV_CACHE=str(tmp_path))
    assert found == hello.hash == hashlib.sha256(hello.image).hexdigest()


def test_another_description_changes_it(hello: BuiltSystem, tmp_path: Path) -> None:
    shutil.copytree(HELLO, tmp_path / "hello")
    description = tmp_path / "hello" / "system.toml"
    text = description.read_text()
    assert 'memory = "512 KiB"' in text
    description.write_text(text.replace('memory = "512 KiB"', 'memory = "516 KiB"', 1))
    assert build(tmp_path / "hello").hash != hello.hash


def test_what_is_read_back(hello: BuiltSystem, tmp_path: Path) -> None:
    path = tmp_path / "image.elf"
    path.write_bytes(hello.image)
    image = Image.read(path)
    assert image.plan == hello.plan
    assert image.system == hello.description.system
    programs = [hello.boot, hello.monitor, *hello.kernels.values()]
    assert image.programs == {program.name: program for program in programs}


def test_what_is_loaded_is_the_programs(hello: BuiltSystem) -> None:
    """Text and constants of each kernel and of each monitor's own copy, where the plan says."""
    loaded = LoadedImage(hello.image)
    for sandbox in hello.plan.sandboxes:
        for program, windows in (
            (hello.kernels[sandbox.name], sandbox.kernel_windows),
            (hello.monitor, sandbox.monitor_windows),
        ):
            places = {window.name: window for window in windows}
            for segment in program.segments:
                place = places[segment.name]
                assert place.address == segment.address and place.rights == segment.rights
                found = loaded.read(place.physical, place.size)
                assert found == segment.contents.ljust(place.size, b"\0")


@pytest.mark.parametrize(
    ("contents", "message", "fix"),
    [
        (None, "can't read {path}: No such file or directory", "name an image"),
        (b"", "{path} is no whole image of Quest-V", "build it again with 'questv build'"),
        (b"#!/bin/sh", "{path} is no whole image of Quest-V", "build it again with 'questv build'"),
    ],
    ids=["missing", "empty", "no ELF file"],
)
def test_no_image(tmp_path: Path, contents: bytes | None, message: str, fix: str) -> None:
    path = tmp_path / "image.elf"
    if contents is not None:
        path.write_bytes(contents)
    refused(path, message.format(path=path), fix)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    refused(tmp_path, f"can't read {tmp_path}: Is a directory", "name an image")


def test_an_elf_file_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_bytes(Path(sys.executable).resolve().read_bytes())
    refused(path, f"{path} carries no description", "build it with 'questv build'")


def test_damaged_images(hello: BuiltSystem, tmp_path: Path) -> None:
    """Cut short anywhere, or with a damaged plan: one error, never another exception."""
    path = tmp_path / "image.elf"
    words = f"{path} is no whole image of Quest-V"
    fix = "build it again with 'questv build'"
    whole = hello.image
    for length in (3, 16, 63, 64, 200, 4096, len(whole) // 2, len(whole) - 64, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, words, fix)
    plan = hello.plan.model_dump_json().encode()
    at = whole.index(plan)
    for change in (b"[", b"\xff"):
        path.write_bytes(whole[:at] + change + whole[at + 1 :])
        refused(path, words, fix)
    name = whole.rindex(PLAN_SECTION.encode())
    path.write_bytes(whole[:name] + b"!" + whole[name + 1 :])
    refused(path, f"{path} carries no plan", "build it with 'questv build'")


@pytest.mark.parametrize("field", [24, 32], ids=["place", "size"])
def test_sections_at_impossible_places(hello: BuiltSystem, tmp_path: Path, field: int) -> None:
    image = bytearray(hello.image)
    table = struct.unpack_from("<Q", image, 40)[0]
    struct.pack_into("<Q", image, table + 64 + field, (1 << 64) - 1)
    path = tmp_path / "image.elf"
    path.write_bytes(image)
    fix = "build it again with 'questv build'"
    refused(path, f"{path} is no whole image of Quest-V", fix)


def refused(path: Path, message: str, fix: str) -> None:
    with pytest.raises(ImageError) as caught:
        Image.read(path)
    assert (caught.value.message, caught.value.fix) == (message, fix)


def test_checks_are_said_in_the_plan(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text("one", task_text("send", end="ring")),
        sandbox_text("two", task_text("receive", end="ring")),
        ring_text("ring", "one", "two"),
    )
    tasks = """
@task
def send(end: Sender) -> None:
    end.send(ptr(byte), 1, FOREVER)

byte: u8 = static(7)

@task
def receive(end: Receiver) -> None:
    log(f"{end.read(ptr(byte), 1, FOREVER)}")
"""
    folder = write_system(tmp_path, text, tasks)
    release, debug = build(folder), build(folder, checks=True)
    assert not release.plan.checks and debug.plan.checks
    assert release.image != debug.image


@pytest.mark.long
def test_the_boots_plan_has_room_for_a_sandbox_on_each_core(tmp_path: Path) -> None:
    sandboxes = [sandbox_text(f"s{number}", task_text("idle")) for number in range(MAX_CORES)]
    text = system_text(*sandboxes, machine='memory = "128 MiB"')
    system = build(write_system(tmp_path, text, "@task\ndef idle() -> None:\n    pass\n"))
    assert len(system.plan.sandboxes) == system.plan.cores == MAX_CORES
