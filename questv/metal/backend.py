"""Compiles IR to objects in worker processes, as many at once as there are processors."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

from questv.metal.worker import REPLY, REQUEST


class BackendError(Exception):
    """LLVM refused a unit; ``unit`` is its name, the message what LLVM said."""

    def __init__(self, unit: str, message: str) -> None:
        """Carry the unit's name and LLVM's message."""
        self.unit = unit
        super().__init__(message)


class _Worker:
    """One LLVM process."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "questv.metal.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for the caller, who closes us in order
        )

    def compile(self, ir: str, level: int) -> bytes:
        """An object; raises RuntimeError with what LLVM said."""
        assert self._process.stdin is not None and self._process.stdout is not None
        encoded = ir.encode()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(REQUEST.pack(level, len(encoded)) + encoded)
            self._process.stdin.flush()
        header = self._process.stdout.read(REPLY.size)
        if len(header) < REPLY.size:
            status = self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()
            raise RuntimeError(said or f"its process ended without a word, status {status}")
        done, length = REPLY.unpack(header)
        payload = self._process.stdout.read(length)
        if not done:
            raise RuntimeError(payload.decode())
        return payload

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()


def compile_units(units: Mapping[str, str], level: int, done: Callable[[str, bytes], None]) -> None:
    """Compile each unit's IR; ``done(name, object)`` is called for each, from any thread.

    Raises BackendError for the first unit, by name, that LLVM refused.
    """
    work: SimpleQueue[str] = SimpleQueue()
    for name in sorted(units, key=lambda name: -len(units[name])):
        work.put(name)
    errors: list[BackendError] = []

    def labour() -> None:
        worker: _Worker | None = None
        try:
            while True:
                try:
                    name = work.get_nowait()
                except Empty:
                    return
                worker = worker or _Worker()
                try:
                    done(name, worker.compile(units[name], level))
                except RuntimeError as error:
                    errors.append(BackendError(name, str(error)))
                    worker.close()
                    worker = None
        finally:
            if worker is not None:
                worker.close()

    count = min(len(units), os.cpu_count() or 1)
    threads = [threading.Thread(target=labour, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise min(errors, key=lambda error: error.unit)
