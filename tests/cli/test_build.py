from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from questv.inspect.sizes import BuildReport
from questv.plan.image import Image

from .typed import EXAMPLES, Questv

HELLO = EXAMPLES / "hello"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def numbers(line: str) -> list[int]:
    return [int(word.replace(",", "")) for word in line.split() if word[0].isdigit()]


def test_sizes(questv: Questv) -> None:
    said = questv("build", HELLO, "-o", "hello.elf")
    assert (said.code, said.err) == (0, "")
    lines = {line.split("  ")[1]: line for line in said.out.splitlines() if line.startswith("  ")}
    found, most = numbers(lines["lines of code"])
    assert 0 < found <= most == 1800
    found, most = numbers(lines["bytes of machine code"])
    assert 0 < found <= most == 12288
    for program in ("boot", "monitor", "kernel-ping", "kernel-pong"):
        assert len(numbers(lines[program])) == 4
    for what in (
        "nested page tables",
        "the monitors' page tables",
        "permission maps of MSRs and ports",
    ):
        assert f" KiB    {what}\n" in said.out
    assert "beyond the sandboxes' own: monitors, and what the processor reads:" in said.out
    last = said.out.splitlines()[-1]
    assert last == f"SHA-256: {hashlib.sha256(Path('hello.elf').read_bytes()).hexdigest()}"


def test_json(questv: Questv) -> None:
    said = questv("build", HELLO, "-o", "hello.elf", "--json")
    report = BuildReport.model_validate_json(said.out)
    assert (said.code, said.err, report.checks) == (0, "", False)
    assert report.image_size == Path("hello.elf").stat().st_size
    assert report.image_hash == hashlib.sha256(Path("hello.elf").read_bytes()).hexdigest()


def test_two_builds_are_alike(questv: Questv) -> None:
    questv("build", HELLO, "-o", "one.elf")
    questv("build", HELLO / "system.toml", "-o", "two.elf")
    assert Path("one.elf").read_bytes() == Path("two.elf").read_bytes()


def test_checks_are_built_in(questv: Questv) -> None:
    plain = questv("build", HELLO, "-o", "plain.elf", "--json").json
    checked = questv("build", HELLO, "-o", "checked.elf", "--checks", "--json").json
    assert checked["checks"] is True and Image.read(Path("checked.elf")).plan.checks
    assert checked["programs"][2]["text"] > plain["programs"][2]["text"]


def test_the_file_is_replaced_at_once_and_has_common_rights(questv: Questv, here: Path) -> None:
    Path("hello.elf").write_text("old")
    Path("link.elf").symlink_to("hello.elf")
    questv("build", HELLO, "-o", "link.elf")
    assert Path("link.elf").is_symlink()
    assert Path("hello.elf").read_bytes()[:4] == b"\x7fELF"
    Path("plain").touch()
    assert stat.S_IMODE(Path("hello.elf").stat().st_mode) == Path("plain").stat().st_mode & 0o777
    assert {file.name for file in here.iterdir()} == {"hello.elf", "link.elf", "plain"}


def test_a_device_is_written_to_and_not_replaced(questv: Questv) -> None:
    assert questv("build", HELLO, "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("folder", "can't write folder: it is a directory"),
        ("no/image.elf", "can't write no/image.elf: there is no directory no"),
        ("/proc/image.elf", "can't write /proc/image.elf: No such file or directory"),
    ],
)
def test_a_target_that_cannot_be(target: str, why: str, questv: Questv, here: Path) -> None:
    Path("folder").mkdir()
    said = questv("build", HELLO, "-o", target)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {why}\n  fix: ")
    assert [file.name for file in here.iterdir()] == ["folder"]


def test_what_the_system_is_made_from_is_not_written_over(questv: Questv) -> None:
    questv("new", "sample")
    before = {path: path.read_bytes() for path in Path("sample").iterdir()}
    Path("link").symlink_to("sample/tasks.py")
    for target in ("sample/system.toml", "sample/expect.py", "link"):
        for command in (("build", "sample", "-o"), ("run", "sample/system.toml", "--report")):
            said = questv(*command, target)
            assert (said.code, said.out) == (2, "")
            assert said.err == (
                f"error: can't write {target}: {command[1]} is made from it\n"
                "  fix: name another file\n"
            )
    assert {path: path.read_bytes() for path in Path("sample").iterdir()} == before
    assert questv("build", "sample", "-o", "sample/image.elf").code == 0
    said = questv("run", "sample/image.elf", "--report", "sample/image.elf")
    assert said.code == 2 and "sample/image.elf is made from it" in said.err


def test_the_output_must_be_named(questv: Questv) -> None:
    said = questv("build", HELLO)
    assert said.code == 2 and "Missing option '-o'" in said.err
