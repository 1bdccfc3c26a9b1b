"""Links units with GNU ld: into a program for the bare machine, or a library for the host."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from questv.diagnostics import ProblemError
from questv.metal.cache import Cache, key_of
from questv.metal.units import Unit

_SCRIPT = "script.ld"


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
    options = ["-static", "-z", "max-page-size=4096", "--no-warn-rwx-segments", "--no-undefined"]
    options += ["-T", _SCRIPT, *(word for symbol in keep for word in ("-u", symbol))]
    return _link(units, script, options, directory)


def link_library(
    units: Iterable[Unit], exports: Sequence[str], directory: Path | None = None
) -> bytes:
    """A shared object of ``units`` for a process of this host, which sees ``exports`` of it.

    What is undefined has to be there in the process that loads it. Raises LinkError.
    """
    script = f"{{ global: {' '.join(f'{symbol};' for symbol in exports)} local: *; }};"
    options = ["-shared", "-z", "now", "--version-script", _SCRIPT]
    return _link(units, script, options, directory)


def _link(
    units: Iterable[Unit], script: str, options: Sequence[str], directory: Path | None
) -> bytes:
    """What the linker makes of ``units`` by a script, whose name in ``options`` is ``_SCRIPT``."""
    linker = find_linker()
    objects = [(unit.module, unit.object) for unit in units]
    cache = Cache("program", directory)
    contents = [part for name, code in objects for part in (name, code)]
    key = key_of(_version(linker), script, "\0".join(options), *contents)
    stored = cache.get(key)
    if stored is not None:
        return stored
    with tempfile.TemporaryDirectory(prefix="questv-link-") as name:
        folder = Path(name)
        (folder / _SCRIPT).write_text(script)
        files = []
        for module, code in objects:
            files.append(f"{module}.o")
            (folder / files[-1]).write_bytes(code)
        command = [linker, "-m", "elf_x86_64", "-nostdlib", "-z", "noexecstack", "--build-id=none"]
        command += ["--gc-sections", *options, "-o", "out.elf"]
        run = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True)
        if run.returncode != 0:
            raise LinkError(f"linking failed: {run.stderr.strip()}", "mend what ld complains about")
        linked = (folder / "out.elf").read_bytes()
    cache.put(key, linked)
    return linked


def _version(linker: str) -> str:
    return f"{linker} {Path(linker).stat().st_mtime_ns}"
