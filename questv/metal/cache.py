"""A content-addressed store of things that are expensive to make.

An entry's name is the hash of everything that it was made from, so entries never go stale. Each
carries the hash of its own contents: one that was damaged or cut short counts as absent.
Entries are written under another name and renamed, so that concurrent builds never see a part.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path


def cache_directory() -> Path:
    """Where entries are kept: QUESTV_CACHE, or questv below the user's cache directory."""
    if given := os.environ.get("QUESTV_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "questv"


def key_of(*parts: str | bytes) -> str:
    """The name of an entry that is made from ``parts``; each part's length counts too."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode() if isinstance(part, str) else part
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


class Cache:
    """Entries of one kind, each a string of bytes."""

    def __init__(self, kind: str, directory: Path | None = None) -> None:
        """Use the folder ``kind`` below ``directory`` (default: ``cache_directory()``)."""
        self._directory = (directory or cache_directory()) / kind

    def _path(self, key: str) -> Path:
        return self._directory / key[:2] / key[2:]

    def get(self, key: str) -> bytes | None:
        """The entry's contents, or None if there is none that is whole."""
        try:
            stored = self._path(key).read_bytes()
        except OSError:
            return None
        digest, contents = stored[:32], stored[32:]
        return contents if hashlib.sha256(contents).digest() == digest else None

    def put(self, key: str, contents: bytes) -> None:
        """Store an entry; a disk that can't take it is not an error, only slower next time."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(contents).digest() + contents)
                Path(temporary).rename(path)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
