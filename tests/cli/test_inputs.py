from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .typed import EXAMPLES, SYSTEMS, Questv


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from questv.plan.build import build

    file = tmp_path_factory.mktemp("image") / "files.elf"
    file.write_bytes(build(SYSTEMS / "files").image)
    return file


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_files_are_in_memory(questv: Questv) -> None:
    Path("full").write_bytes(bytes(range(256)) * 256)
    Path("short").write_bytes(b"\x01\x02\x03")
    Path("none").touch()
    said = questv("run", SYSTEMS / "files", "--input", "right=full", "--input", "left=short")
    assert said.code == 0
    assert "  left 3 bytes, sum 6\n" in said.out
    assert f"  right 65536 bytes, sum {255 * 128 * 256}\n" in said.out
    assert questv("run", SYSTEMS / "files", "--input", "left=none").code == 0


def test_an_input_without_a_file_is_empty(questv: Questv) -> None:
    said = questv("run", SYSTEMS / "files")
    assert said.code == 0
    assert "  left 0 bytes, sum 0\n" in said.out and "  right 0 bytes, sum 0\n" in said.out


def test_a_name_may_have_an_equals_sign(questv: Questv) -> None:
    Path("a=b").write_bytes(b"\x07")
    assert "  left 1 bytes, sum 7\n" in questv("run", SYSTEMS / "files", "--input", "left=a=b").out


@pytest.mark.parametrize(
    ("bindings", "message", "fix"),
    [
        (["lefd=file"], "files has no input 'lefd'", 'did you mean "left"?'),
        (["=file"], "files has no input ''", 'write "left" or "right"'),
        (["left"], "'left' gives no input a file", "write --input NAME=FILE"),
        (["left="], "'left=' gives no input a file", "write --input NAME=FILE"),
        (
            ["left=file", "left=big"],
            "input 'left' is given two files: file and big",
            "give it one of them",
        ),
        (
            ["left=missing"],
            "input 'left' can't be missing: no such file or directory",
            "name a file that is there and readable",
        ),
        (["left=folder"], "input 'left' can't be folder: it is a directory", "name a file"),
        (
            ["left=loop"],
            "input 'left' can't be loop: too many levels of symbolic links",
            "name a file that is there and readable",
        ),
        (
            ["left=/dev/zero"],
            "input 'left' can't be /dev/zero: it is not a regular file",
            "save it to a file first",
        ),
        *(
            (
                [f"left={file}"],
                f"input 'left' can't be {file}: it does not say how long it is",
                f"save it to a plain file first: cat {file} > copy",
            )
            for file in ("/proc/version", "/sys/devices/system/cpu/online")
        ),
        (
            ["left=big"],
            "input 'left' can't be big: it has 65537 bytes, and there is room for 65536",
            "name a smaller file, or give the input a larger size in the description",
        ),
    ],
)
def test_errors(bindings: list[str], message: str, fix: str, questv: Questv, image: Path) -> None:
    Path("file").touch()
    Path("big").write_bytes(bytes(65537))
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    words = [word for binding in bindings for word in ("--input", binding)]
    said = questv("run", image, *words)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"error: {message}\n  fix: {fix}\n"
    assert questv("run", image, *words, "--json").json == {
        "errors": [{"message": message, "fix": fix}]
    }


def test_a_system_without_inputs(questv: Questv) -> None:
    said = questv("run", EXAMPLES / "hello", "--input", "file=system.toml")
    assert said.code == 2
    assert said.err == (
        "error: hello has no input 'file'\n  fix: leave it out: this system has no inputs\n"
    )


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without any rights, if this is one who has them all."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_that_may_not_be_read(
    questv: Questv, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from questv.cli.inputs import bind_inputs
    from questv.cli.output import UserError
    from questv.plan.image import Image

    plan = Image.read(image).plan
    Path("secret").write_text("x")
    Path("secret").chmod(0)
    with nobody(), pytest.raises(UserError, match="can't be secret: permission denied"):
        bind_inputs(plan, ["left=secret"])
