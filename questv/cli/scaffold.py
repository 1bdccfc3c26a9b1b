"""The small system that a person begins with: a kernel that measures, and one that watches it."""

from __future__ import annotations

_SYSTEM = """\
# Two kernels, each on a core of its own, and a channel from one to the other.

version = 1
name = "@NAME@"

[machine]
memory = "16 MiB"

[run]
expect = "expect:check"  # this function says what should have come of it

[[sandbox]]
name = "sensor"
memory = "512 KiB"

  [[sandbox.task]]
  name = "measure"
  run = "tasks:measure"
  period = "10 ms"         # it is called so often,
  budget = "1 ms"          # has so much time for it, whatever else goes on,
  deadline = "5 ms"        # and is done by then; `questv check` works out whether it is
  bind = { samples = 10 }  # "readings" is found by its name

[[sandbox]]
name = "watcher"
memory = "512 KiB"

  [[sandbox.task]]
  name = "watch"
  run = "tasks:watch"
  priority = 10            # without a budget it has the time that is left

[[channel]]
name = "readings"
kind = "ring"
from = "sensor"
to = "watcher"
size = "4 KiB"
"""

_TASKS = '''\
"""The tasks of @NAME@: compiled to native code, they run on kernels of their own."""

from __future__ import annotations

from questv.api import FOREVER, Receiver, Sender, State, finish, log, now, periodic, task
from questv.metal.lang import Ptr, local, ptr, u8, u64
from questv.metal.structs import Struct, sizeof


class Reading(Struct):
    """What the sensor sends: its number, and when it was taken."""

    number: u64
    time: u64  # nanoseconds since the machine's start


class Progress(State):
    """What the sensor keeps from call to call: zeros at first."""

    taken: u64


@periodic
def measure(readings: Sender, progress: Progress, samples: u64) -> None:
    """Take a reading; after the last one send an empty message, which says so."""
    reading = Ptr[Reading](readings.reserve(sizeof(Reading), FOREVER))[0]
    reading.number = progress.taken
    reading.time = now()
    readings.commit()
    progress.taken += 1
    if progress.taken == samples:
        readings.reserve(0, FOREVER)
        readings.commit()
        finish()


@task
def watch(readings: Receiver) -> None:
    """Print every reading, and the longest time between two."""
    longest: u64 = 0
    last: u64 = 0
    reading: Reading = local()
    while readings.read(Ptr[u8](ptr(reading)), sizeof(Reading), FOREVER) != 0:
        log(f"reading {reading.number}, taken at {reading.time} ns")
        if reading.number != 0:
            longest = max(longest, reading.time - last)
        last = reading.time
    log(f"the longest time between two was {longest} ns")
'''

_EXPECT = '''\
"""What @NAME@ should do: looked at on the host, after every run."""

from __future__ import annotations

from collections.abc import Iterator

from questv.expect import Expectation, RunResult

SAMPLES = 10


def check(run: RunResult) -> Iterator[Expectation]:
    """Every reading has arrived, and the watcher has summed up."""
    lines = [line.text for line in run.console("watcher")]
    readings = [line for line in lines if line.startswith("reading ")]
    yield Expectation("all readings", len(readings) == SAMPLES, f"{len(readings)} of {SAMPLES}")
    summaries = [line for line in lines if line.startswith("the longest ")]
    yield Expectation("a summary", len(summaries) == 1, " ".join(summaries))
'''

_README = """\
# @NAME@

Two kernels on Quest-V: `sensor` takes a reading every 10 milliseconds, `watcher` prints it.

    questv check .          # what is described, which deadlines hold, who sees what of the memory
    questv run .            # build it, run it, check it
    questv run . --for 2s   # no longer than this
    questv run . --deterministic --report run.json
    questv inspect run.json # the same run, looked at again

In a deterministic run time is counted in instructions, so the deadlines that `check` promises are
kept there. In an ordinary one they are kept as far as this host gives the machine its time.

`system.toml` describes the sandboxes and what connects them, `tasks.py` has what they do, and
`expect.py` what should have come out of a run.
"""


def scaffold(name: str) -> dict[str, str]:
    """The files of a system called ``name``: their texts by their names."""
    files = {
        "system.toml": _SYSTEM,
        "tasks.py": _TASKS,
        "expect.py": _EXPECT,
        "README.md": _README,
    }
    return {file: text.replace("@NAME@", name) for file, text in files.items()}
