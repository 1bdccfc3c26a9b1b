"""Writes ``channels`` and ``inputs`` from the kernel's: ``python -m questv.process.mirror``.

What a task does with its ends and inputs is the same in a process as in a kernel, but that the
modules which it rests on are the process's own, of the same names. So there is one text of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).parent
KERNEL = PACKAGE.parent / "kernel"
MIRRORED = ("channels", "inputs")


def mirrored(name: str) -> str:
    """The text of a module of this package that mirrors the kernel's."""
    text = (KERNEL / f"{name}.py").read_text(encoding="utf-8")
    text = text.replace("questv.kernel", "questv.process").replace('"kernel_', '"process_')
    docstring, rest = _sorted_imports(text).split('"""\n', 1)
    origin = f"Written by ``questv.process.mirror`` from ``questv/kernel/{name}.py``."
    separator = "\n" if "\n" in docstring else "\n\n"
    return f'{docstring}{separator}{origin}\n"""\n{rest}'


def _sorted_imports(text: str) -> str:
    lines = text.splitlines(keepends=True)
    places = [index for index, line in enumerate(lines) if line.startswith("from questv.")]
    moved = sorted((lines[index] for index in places), key=lambda line: line.split()[1])
    for index, line in zip(places, moved, strict=True):
        lines[index] = line
    return "".join(lines)


def main() -> None:
    """Write all of them."""
    for name in MIRRORED:
        (PACKAGE / f"{name}.py").write_text(mirrored(name), encoding="utf-8")
        print(f"wrote {PACKAGE / name}.py", file=sys.stderr)


if __name__ == "__main__":
    main()
