"""Run directories: what belongs to one run of a machine, gone when the run is over.

A run directory is private to its user (mode 0700) and holds::

    memory        the guest's memory
    serial        all that the guest's serial port has said
    qemu          all that QEMU has said
    machine.json  what this machine is; there once the guest runs
    debugger      the socket for a debugger, if the machine was asked to have one
    published/    files that the owner put there for others

The owner holds the directory's lock (flock on the directory itself) for as long as it lives. An
owner that was killed can't tidy up, but its lock goes with it: whoever next makes a run directory
removes those that nobody holds. The lock of the parent directory, the root, covers the moment in
which a run directory is there and its lock not yet held; the root goes with the last run directory.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from questv.machine.errors import MachineError
from questv.machine.options import MIB

MEMORY = "memory"
SERIAL = "serial"
QEMU_LOG = "qemu"
MACHINE = "machine.json"
DEBUGGER = "debugger"
PUBLISHED = "published"


def roots() -> tuple[Path, ...]:
    """Where run directories may be, the best place first: kept in memory before kept on disk."""
    user = f"questv-{os.getuid()}"
    candidates = [Path("/dev/shm") / user, Path(tempfile.gettempdir()) / user]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        candidates.insert(0, Path(runtime) / "questv")
    return tuple(path for path in candidates if path.parent.is_dir())


def free_room(root: Path) -> int:
    """The bytes that files below the parent of ``root`` can still take."""
    status = os.statvfs(root.parent)
    free = status.f_bavail * status.f_frsize
    return min(free, _available_memory()) if _is_in_memory(root.parent) else free


def live_directories() -> list[Path]:
    """The run directories whose owner is alive."""
    found = [path for root in roots() if _is_ours(root) for path in _children(root)]
    return [path for path in found if _is_held(path)]


class RunDirectory:
    """A run directory of this process, from its making to ``remove``."""

    def __init__(self, path: Path, lock: int) -> None:
        """Take over the directory ``path`` with the file descriptor that holds its lock."""
        self.path = path
        self._lock = lock

    @classmethod
    def make(cls, name: str, room: int) -> RunDirectory:
        """A new run directory for a machine called ``name``, with space for ``room`` bytes.

        Removes the run directories of owners that are no more. Raises MachineError if no place has
        the space.
        """
        usable = [root for root in roots() if _sweep(root)]
        for root in usable:
            if free_room(root) >= room:
                return cls._make_below(root, name)
        places = ", ".join(f"{root.parent} has {free_room(root) // MIB} MiB" for root in usable)
        raise MachineError(
            f"no room for the machine's memory: it needs {-(-room // MIB)} MiB,"
            f" {places or 'and no place for it is writable'}",
            "free some of it, or set TMPDIR to a directory with more room",
        )

    @classmethod
    def _make_below(cls, root: Path, name: str) -> RunDirectory:
        path = root / f"{plain_name(name)}-{secrets.token_hex(4)}"
        with _locked(root):
            path.mkdir(mode=0o700)
            return cls(path, _lock(path, fcntl.LOCK_EX))

    def publish(self, name: str, data: bytes) -> None:
        """Put ``data`` in place as ``name``, all at once; what had that name is replaced."""
        published = self.path / PUBLISHED
        published.mkdir(exist_ok=True)
        self._replace(published / plain_name(name), data)

    def describe(self, data: bytes) -> None:
        """Put the description of the machine in place, all at once."""
        self._replace(self.path / MACHINE, data)

    def remove(self) -> None:
        """Remove the directory and all in it, and let go of its lock. To be called once."""
        with _locked(self.path.parent):
            shutil.rmtree(self.path)
        os.close(self._lock)

    def _replace(self, path: Path, data: bytes) -> None:
        draft = self.path / "draft"
        draft.write_bytes(data)
        draft.replace(path)


def plain_name(name: str) -> str:
    """``name`` if it names a file and no path; raises MachineError otherwise."""
    if not name or "/" in name or name in (".", "..") or "\0" in name:
        raise MachineError(f"{name!r} can't be the name of a file", "use a name without slashes")
    return name


def _children(root: Path) -> list[Path]:
    """The directories in ``root``; none if it is not there."""
    try:
        entries = list(root.iterdir())
    except FileNotFoundError:
        return []
    return [path for path in entries if path.is_dir() and not path.is_symlink()]


def _sweep(root: Path) -> bool:
    """Remove the run directories below ``root`` that nobody holds; whether ``root`` is usable."""
    try:
        with _locked(root):
            for path in _children(root):
                if not _is_held(path):
                    shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return False
    return True


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the lock of ``root``, which is made if it is not there, and removed if it stays empty.

    Raises OSError if it can't be made, or others can write to it.
    """
    lock = _lock_root(root)
    try:
        if not _is_ours(root):
            raise PermissionError(f"{root} is open to others")
        yield
        with suppress(OSError):
            root.rmdir()
    finally:
        os.close(lock)


def _lock_root(root: Path) -> int:
    """Make ``root`` if it is not there and take its lock, which its last user may be removing."""
    while True:
        with suppress(FileExistsError):
            root.mkdir(mode=0o700)
        try:
            lock = _lock(root, fcntl.LOCK_EX)
        except FileNotFoundError:
            continue
        if _is_at(root, lock):
            return lock
        os.close(lock)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether ``path`` still leads to what ``descriptor`` has open."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(directory: Path, operation: int) -> int:
    """Take the lock of ``directory``; the file descriptor that holds it until it is closed."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_held(path: Path) -> bool:
    """Whether the owner of run directory ``path`` is alive."""
    try:
        os.close(_lock(path, fcntl.LOCK_SH | fcntl.LOCK_NB))
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass  # Gone meanwhile.
    return False


def _is_ours(root: Path) -> bool:
    """Whether nobody else can have put anything into ``root``: its parent may be open to all."""
    try:
        status = root.lstat()
    except FileNotFoundError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.getuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _is_in_memory(directory: Path) -> bool:
    """Whether files in ``directory`` take memory, not disk."""
    device = directory.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == number:
            return source.split()[0] in ("tmpfs", "ramfs")
    return False


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
