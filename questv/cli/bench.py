"""What faults are injected into: a system as a person names it, ready to run again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from questv.cli.durations import parse_duration
from questv.cli.inputs import bind_inputs
from questv.cli.output import Output
from questv.cli.scratch import scratch_folder
from questv.cli.start import StartOptions
from questv.cli.target import Target, load_target
from questv.faults.laboratory import Bench
from questv.machine import MIB, MachineKind

_HEADERS = MIB  # room for the inputs' headers


@contextmanager
def prepared(
    path: Path, inputs: Sequence[str], run_for: str | None, output: Output
) -> Iterator[tuple[Target, Bench]]:
    """The system or image at ``path``, on a deterministic machine, until the block ends.

    Raises what ``load_target`` does, and UserError for inputs or a time that can't be.
    """
    nanoseconds = parse_duration(run_for) if run_for is not None else None
    target = load_target(path, output, checks=False)
    bound = bind_inputs(target.plan, inputs)
    words = StartOptions(kind=MachineKind.MICROVM, deterministic=True).command_line(target.plan)
    with scratch_folder(target.plan.name, len(target.image) + _HEADERS) as folder:
        image = folder / "image.elf"
        image.write_bytes(target.image)
        contents = tuple(part for each in bound for part in each.contents(folder))
        yield (
            target,
            Bench(
                image=image,
                words=words,
                contents=tuple((address, file.resolve()) for address, file in contents),
                run_for=nanoseconds,
            ),
        )
