"""Runs benchmarks' systems in deterministic machines, and fetches their samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from questv.inspect.crash import kept_records
from questv.machine import Machine, MachineKind, MachineOptions, memory_size
from questv.machine.deterministic import metronome_word
from questv.monitor.interface import PublicPage
from questv.plan.build import BuiltSystem, build
from questv.plan.programs import Program

SYSTEMS = Path(__file__).parent / "systems"


def fill(name: str, words: Mapping[str, str], folder: Path) -> Path:
    """The system of two kernels with the tasks of ``name``, its words filled in, in ``folder``."""
    text = (SYSTEMS / "two.toml").read_text()
    for word, value in words.items():
        text = text.replace(f"<{word}>", value)
    (folder / "system.toml").write_text(text)
    (folder / "tasks.py").write_bytes((SYSTEMS / name / "tasks.py").read_bytes())
    return folder


@contextmanager
def ended(
    system: BuiltSystem, words: str = "", extra: tuple[str, ...] = (), *, faults: bool = False
) -> Iterator[Machine]:
    """A deterministic machine in which ``system`` has run to its end, without ``faults`` or with.

    ``words`` are for the boot, ``extra`` for QEMU.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        image.write_bytes(system.image)
        options = MachineOptions(
            image=image,
            memory=memory_size(MachineKind.MICROVM, system.plan.memory, system.plan.end),
            cores=system.plan.cores,
            deterministic=True,
            command_line=f"{metronome_word()} {words}",
            extra=extra,
        )
        with Machine(options) as machine:
            machine.wait(600)
            for sandbox in system.plan.sandboxes:
                page = PublicPage.view(machine.memory.read(sandbox.public, 4096))
                assert faults or kept_records(page) == [], page
            yield machine


def samples(
    system: BuiltSystem, sandbox: str, program: Program | None = None, name: str = "samples"
) -> list[int]:
    """Run ``system`` to its end; the array ``name`` of a sandbox's kernel, or process's program."""
    symbol = (program or system.kernels[sandbox]).symbols.by_name[name]
    place = system.plan.sandbox(sandbox).physical(symbol.address)
    with ended(system) as machine:
        data = machine.memory.read(place, symbol.size)
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]


def measure(name: str, words: Mapping[str, str]) -> list[int]:
    """Build and run the two kernels; the samples of the first."""
    with tempfile.TemporaryDirectory() as folder:
        return samples(build(fill(name, words, Path(folder))), "first")
