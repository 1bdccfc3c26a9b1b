from __future__ import annotations

import struct
from pathlib import Path

import pytest

from questv.plan.build import build
from tests.audit.subjects import entry_of
from tests.boot.test_refusals import patched

from .typed import EXAMPLES, SYSTEMS, Process, Questv

HELLO = EXAMPLES / "hello"
ENDLESS = SYSTEMS / "endless"


def widened(file: Path) -> tuple[int, int]:
    """Write an image in which ping may write a page of pong's monitor; that page, and the entry."""
    system = build(HELLO)
    ping, pong = system.plan.sandboxes
    at = entry_of(system, ping.nested_tables, pong.control)
    entry = pong.control | 1 << 63 | 0x67
    file.write_bytes(patched(system, at, struct.pack("<Q", entry)))
    return pong.control, entry


def test_a_system(questv: Questv) -> None:
    said = questv("audit", HELLO)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "hello: audit of an image" and lines[1].startswith("image: SHA-256 ")
    sections = [line for line in lines if line and not line.startswith(" ")]
    assert sections[2:5] == [
        "What was looked at",
        "Pages found by walking the tables, and the tables",
        "Who may do what: r read, w write, x execute",
    ]
    assert sections[-1] == "proven: all of this is as declared, and nothing else is allowed"
    assert "  views " in said.out and " holds " in said.out
    assert all(len(line) <= 100 for line in lines)


def test_an_image(questv: Questv, tmp_path: Path) -> None:
    image = tmp_path / "hello.elf"
    questv("build", HELLO, "-o", image)
    said = questv("audit", image)
    assert (said.code, said.out) == (0, questv("audit", HELLO).out)
    found = questv("audit", image, "--json").json
    assert found["verdict"] == "proven" and found["violations"] == []
    assert found["of"] == "image" and found["name"] == "hello"
    assert [check["name"] for check in found["checks"]][:5] == [
        "owners",
        "programs",
        "roots",
        "restarts",
        "views",
    ]
    assert found["parties"] == ["ping", "pong", "monitor of ping", "monitor of pong"]


def test_an_image_that_allows_too_much(questv: Questv, tmp_path: Path) -> None:
    image = tmp_path / "bad.elf"
    page, entry = widened(image)
    said = questv("audit", image)
    assert (said.code, said.err) == (1, "")
    blocks = said.out.split("\n\n")
    first, declared, where = blocks[-3].splitlines()
    assert first == f"violation: 'ping' may read and write {page:#x} (monitor of pong)"
    assert declared == "  declared: nothing"
    assert where.startswith("  found in: entry ") and where.endswith(f", {entry:#018x}")
    assert blocks[-1] == "violated: 2 violations\n"
    assert "1 violation " in said.out
    found = questv("audit", image, "--json")
    assert found.code == 1 and found.json["verdict"] == "violated"
    violation = found.json["violations"][0]
    assert (violation["who"], violation["right"], violation["page"]) == ("ping", "rw", page)
    assert violation["entry"]["value"] == entry


def test_what_can_not_be_audited(
    questv: Questv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = build(HELLO).image
    Path("short.elf").write_bytes(image[: len(image) // 2])
    Path("other.elf").write_bytes(b"\x7fELF")
    for words, message in (
        ([], "nothing is named that could be audited"),
        (["short.elf"], "short.elf is no whole image of Quest-V"),
        (["other.elf"], "other.elf is no whole image of Quest-V"),
        (["--live"], "no machine runs"),
        (["--live", "hello"], "no machine 'hello' runs"),
    ):
        said = questv("audit", *words)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {message}\n  fix: "), said.err
        assert questv("audit", *words, "--json").json["errors"][0]["message"] == message
    said = questv("audit", "nowhere")
    assert said.code == 2 and said.err.startswith("nowhere")


def test_damaged_images(questv: Questv, tmp_path: Path) -> None:
    """Bytes of the image anywhere: proven, violated or refused, and never anything else."""
    image = bytearray(build(HELLO).image)
    file = tmp_path / "image.elf"
    for position in range(100, len(image), len(image) // 12):
        damaged = bytearray(image)
        damaged[position : position + 64] = bytes(byte ^ 0xFF for byte in damaged[position:][:64])
        file.write_bytes(damaged)
        assert questv("audit", file).code in (0, 1, 2)


def test_running_machines(questv: Questv) -> None:
    with Process("run", ENDLESS) as one:
        one.await_line("tick 3")
        for words in (["--live"], ["--live", "endless"], [one.pid, "--live"]):
            said = questv("audit", *words)
            assert (said.code, said.err) == (0, "")
            assert said.out.startswith("endless: audit of a running machine\n")
            assert said.out.endswith("nothing else is allowed\n")
        found = questv("audit", "--live", "--json").json
        counts = {check["name"]: check["count"] for check in found["checks"]}
        assert found["of"] == "machine" and counts["control blocks"] == 2 * 8192
        with Process("run", ENDLESS) as two:
            two.await_line("tick 3")
            said = questv("audit", "--live")
            assert said.code == 2
            assert said.out.splitlines()[-1] == "several machines run; name one by its process"
            assert questv("audit", "--live", two.pid).code == 0
