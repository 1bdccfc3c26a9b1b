"""What the host expects of a run: the same digest and counts as Python's own."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from messages import SHOWN, TOP
from words import CAPACITY

from questv.expect import Expectation, RunResult

_PIECE = 1 << 20


def check(run: RunResult) -> Iterator[Expectation]:
    """Compare what the report kernel printed with what Python finds in the same file."""
    lines = [line.text for line in run.console("report")]
    file = run.inputs.get("file")
    for name, wanted in _expected(file):
        yield Expectation(name, wanted in lines, f"the report has the line: {wanted}")


def _expected(file: Path | None) -> Iterator[tuple[str, str]]:
    sha, size, lines, words, uncounted = hashlib.sha256(), 0, 0, 0, 0
    seen: Counter[bytes] = Counter()
    for piece in _pieces(file):
        sha.update(piece)
        size += len(piece)
        lines += piece.count(b"\n")
        found = piece.split()
        words += len(found)
        for word in found:
            if word in seen or len(seen) < CAPACITY:
                seen[word] += 1
            else:
                uncounted += 1
    yield "SHA-256", f"sha256 {sha.hexdigest()}"
    yield (
        "counts",
        f"{_count(size, 'byte')}, {_count(lines, 'line')}, {_count(words, 'word')}, "
        f"{len(seen)} different, {uncounted} uncounted",
    )
    # Of words that are as frequent the first one comes first, as in a Counter.
    for rank, (word, count) in enumerate(seen.most_common(TOP), 1):
        yield f"word {rank}", f"{_count(count, 'time')} {_shown(word)}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _pieces(file: Path | None) -> Iterator[bytes]:
    """The file's bytes, split only between words."""
    if file is None:
        return
    with file.open("rb") as stream:
        rest = b""
        while piece := stream.read(_PIECE):
            rest += piece
            end = max(rest.rfind(space) for space in (b" ", b"\n", b"\t", b"\r"))
            if end >= 0:
                yield rest[: end + 1]
                rest = rest[end + 1 :]
        yield rest


def _shown(word: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in word[:SHOWN])
