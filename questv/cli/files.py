"""Files that a person wants written."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from questv.cli.output import UserError

_PLAIN_MODE = 0o666
_SOURCES = (".toml", ".py")


def check_target(file: Path, system: Path) -> None:
    """Raise UserError now if ``file`` could not be written later, or is what ``system`` is read
    from: its description, a module beside that, or the image itself.
    """
    if file.is_dir():
        raise UserError(f"can't write {file}: it is a directory", "name a file")
    if _is_source(file.resolve(), system.resolve()):
        raise UserError(f"can't write {file}: {system} is made from it", "name another file")
    if _is_special(file):
        return
    if not file.parent.is_dir():
        raise UserError(
            f"can't write {file}: there is no directory {file.parent}", "make it, or name another"
        )
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise UserError(
            f"can't write {file}: {file.parent} is not writable for you", "name another place"
        )


def write_file(file: Path, contents: bytes) -> None:
    """Put ``contents`` in place as ``file``, all at once; raises UserError if that can't be."""
    try:
        if _is_special(file):
            file.write_bytes(contents)
        else:
            _replace(file.resolve(), contents)
    except OSError as error:
        raise UserError(f"can't write {file}: {error.strerror}", "name another place") from error


def _is_source(file: Path, system: Path) -> bool:
    if file == system:
        return True
    folder = system if system.is_dir() else system.parent
    return file.is_file() and file.is_relative_to(folder) and file.suffix in _SOURCES


def _is_special(file: Path) -> bool:
    """Whether ``file`` is a device or a pipe, which is written to and never replaced."""
    return file.exists() and not file.is_file()


def _replace(file: Path, contents: bytes) -> None:
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(contents)
        Path(draft).chmod(_PLAIN_MODE & ~_umask())
        Path(draft).replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(draft).unlink()
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
