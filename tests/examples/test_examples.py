"""The examples do what they should; the demo, with every kind of file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import questv

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
DEMO = EXAMPLES / "demo"
CHUNK = 16 << 10  # of the demo's reader


OTHERS = {"drone", "survivor"}  # that have tests of their own


@pytest.mark.parametrize("example", sorted({folder.name for folder in EXAMPLES.iterdir()} - OTHERS))
def test_every_example_does_what_it_should(example: str, tmp_path: Path) -> None:
    words = ["--deterministic"]
    if example == "serial":  # somebody has to talk to it
        (tmp_path / "said").write_text("hello\n\n")
        words = ["--stream", f"com1={tmp_path / 'said'}:"]
    assert "ended as planned" in questv("run", EXAMPLES / example, *words)


def words(seed: int, size: int) -> Iterator[bytes]:
    """Lines of words of all lengths, some of them often, ``size`` bytes or a few more."""
    draw = random.Random(seed)
    common = [draw.randbytes(draw.randrange(1, 9)).hex().encode() for _ in range(100)]
    while size > 0:
        few = [draw.choice(common) for _ in range(12)] + [b"%x" % draw.getrandbits(60)]
        line = draw.choice((b" ", b"\t", b"  ")).join(few) + draw.choice((b"\n", b"\r\n", b"\n\n"))
        size -= len(line)
        yield line


FILES = {
    "empty": b"",
    "one byte": b"x",
    "a newline": b"\n",
    "only spaces": b" \t\r\n" * 10,
    "no newline at the end": b"one two\nthree",
    "every byte": bytes(range(256)) * 3,
    "one long word": b"w" * 70_000,
    "a chunk": b"word " * (CHUNK // 5) + b"x",
    "noise": random.Random(1).randbytes(200_000),
    "text": b"".join(words(2, 300_000)),
}


@pytest.mark.parametrize("kind", FILES)
def test_the_demo_agrees_with_python(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(FILES[kind])
    said = questv("run", DEMO, "--input", f"file={file}")
    assert "expectations met" in said


def test_two_deterministic_runs_are_alike(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(FILES["text"])
    reports = []
    for number in range(2):
        report = tmp_path / f"{number}.json"
        options = ("--input", f"file={file}", "--deterministic", "--report", report)
        questv("run", DEMO, *options)
        reports.append(report.read_bytes())
    assert reports[0] == reports[1]


@pytest.mark.long
def test_the_demo_with_the_greatest_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    piece = b"".join(words(3, 1 << 20))[: 1 << 20]
    with file.open("wb") as stream:
        for _ in range(1024):
            stream.write(piece)
    assert file.stat().st_size == 1 << 30
    assert "expectations met" in questv("run", DEMO, "--input", f"file={file}", timeout=900)
    with file.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(AssertionError, match="there is room for 1073741824"):
        questv("run", DEMO, "--input", f"file={file}")
