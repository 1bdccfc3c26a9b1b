"""Links units into a program for the bare machine, with GNU ld and a script of the caller's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from questv.diagnostics import ProblemError
from questv.metal.cache import Cache, key_of
from questv.metal.units import Unit


class LinkError(ProblemError):
    """The linker is missing or refused."""


def find_linker() -> str:
    """The path of a GNU ld that links for x86-64; raises LinkError."""
    for name in ("x86_64-linux-gnu-ld", "ld"):
        path = shutil.which(name)
        if path is not None:
            return path
    raise LinkError("the linker 'ld' is not installed", "install it: apt-get install binutils")


def link(
    units: Iterable[Unit], script: str, keep: Sequence[str], directory: Path | None = None
) -> bytes:
    """The linked ELF file of ``units``, laid out by a linker script.

    Only what the symbols in ``keep`` reach stays in. An undefined symbol is an error, so that
    nothing is called that does not exist. Raises LinkError.
    """
    linker = find_linker()
    objects = [(unit.module, unit.object) for unit in units]
    cache = Cache("program", directory)
    contents = [part for name, code in objects for part in (name, code)]
    key = key_of(_version(linker), script, "\0".join(keep), *contents)
    stored = cache.get(key)
    if stored is not None:
        return stored
    with tempfile.TemporaryDirectory(prefix="questv-link-") as name:
        folder = Path(name)
        (folder / "script.ld").write_text(script)
        files = []
        for module, code in objects:
            files.append(f"{module}.o")
            (folder / files[-1]).write_bytes(code)
        command = [linker, "-m", "elf_x86_64", "-static", "-nostdlib", "-z", "noexecstack"]
        command += ["-z", "max-page-size=4096", "--no-warn-rwx-segments", "--build-id=none"]
        command += ["--gc-sections", "--no-undefined", "-T", "script.ld", "-o", "out.elf"]
        for symbol in keep:
            command += ["-u", symbol]
        run = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True)
        if run.returncode != 0:
            raise LinkError(f"linking failed: {run.stderr.strip()}", "mend what ld complains about")
        linked = (folder / "out.elf").read_bytes()
    cache.put(key, linked)
    return linked


def _version(linker: str) -> str:
    return f"{linker} {Path(linker).stat().st_mtime_ns}"
