"""Systems for faults, built once."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from questv.faults.laboratory import Bench
from questv.machine.deterministic import metronome_word
from questv.plan.build import BuiltSystem, build
from tests.running import sandbox_text, system_text, task_text, write_system

TASKS = """
ROUNDS = 6

@task
def ask(there: Sender, back: Receiver) -> None:
    "Send numbers, and check that each comes back one greater."
    for i in range(u64(ROUNDS)):
        Ptr[u64](there.reserve(8, FOREVER))[0] = i
        there.commit()
        answer = Ptr[Shared[u64]](back.receive(FOREVER))[0].load(RELAXED)
        back.done()
        log(f"{answer}")

@task
def answer(there: Receiver, back: Sender) -> None:
    for _ in range(u64(ROUNDS)):
        number = Ptr[Shared[u64]](there.receive(FOREVER))[0].load(RELAXED)
        there.done()
        Ptr[u64](back.reserve(8, FOREVER))[0] = number + 1
        back.commit()

@task
def alone() -> None:
    log("nobody is near")
"""

CHANNELS = """
[[channel]]
name = "there"
kind = "ring"
from = "asker"
to = "answerer"
size = "4 KiB"

[[channel]]
name = "back"
kind = "ring"
from = "answerer"
to = "asker"
size = "4 KiB"
"""


@functools.cache
def system(until: str = "") -> BuiltSystem:
    """Two kernels that talk to each other, and one that talks to nobody.

    A run ends with all of them, or with the one named ``until``.
    """
    names = {"asker": "ask", "answerer": "answer", "loner": "alone"}
    sandboxes = [sandbox_text(name, task_text(task)) for name, task in names.items()]
    run = f'until = ["{until}"]' if until else ""
    folder = Path(_folder().name) / f"system-{until}"
    write_system(folder, system_text(*sandboxes, run=run), TASKS)
    description = folder / "system.toml"
    description.write_text(description.read_text() + CHANNELS)
    return build(folder)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@functools.cache
def bench(until: str = "") -> Bench:
    """The same, to run."""
    image = Path(_folder().name) / f"image-{until}.elf"
    image.write_bytes(system(until).image)
    return Bench(image, metronome_word())
