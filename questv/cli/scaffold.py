"""The small system that a person begins with: a kernel that measures, and one that watches it."""

from __future__ import annotations

_SYSTEM = """\
# Two kernels, each on a core of its own, and a channel from one to the other.

version = 1
name = "@NAME@"

[machine]
memory = "16 MiB"

[run]
until = ["watcher"]      # the run ends when this sandbox has ended
expect = "expect:check"  # and this function says what it should have done

[[sandbox]]
name = "sensor"
memory = "512 KiB"

  [[sandbox.task]]
  name = "measure"
  run = "tasks:measure"
  priority = 10
  bind = { period = 1_000_000, samples = 10 }  # nanoseconds; "readings" is found by its name

[[sandbox]]
name = "watcher"
memory = "512 KiB"

  [[sandbox.task]]
  name = "watch"
  run = "tasks:watch"
  priority = 10

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

from questv.api import FOREVER, Receiver, Sender, log, now, sleep_until, task
from questv.metal.lang import Ptr, local, ptr, u8, u64
from questv.metal.structs import Struct, sizeof


class Reading(Struct):
    """What the sensor sends: its number, when it was due, and how late it was taken."""

    number: u64
    due: u64  # nanoseconds since the machine's start
    late: u64  # nanoseconds


@task
def measure(readings: Sender, period: u64, samples: u64) -> None:
    """Take a reading every ``period`` nanoseconds, ``samples`` times."""
    due = now() + period
    for number in range(samples):
        sleep_until(due)
        reading = Ptr[Reading](readings.reserve(sizeof(Reading), FOREVER))[0]
        reading.number = number
        reading.due = due
        reading.late = now() - due
        readings.commit()
        due += period
    readings.reserve(0, FOREVER)
    readings.commit()  # an empty message is the last one


@task
def watch(readings: Receiver) -> None:
    """Print every reading, and how late the latest of them was."""
    latest: u64 = 0
    reading: Reading = local()
    while readings.read(Ptr[u8](ptr(reading)), sizeof(Reading), FOREVER) != 0:
        log(f"reading {reading.number}: {reading.late} ns late")
        latest = max(latest, reading.late)
    log(f"the latest was {latest} ns late")
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
    summaries = [line for line in lines if line.startswith("the latest ")]
    yield Expectation("a summary", len(summaries) == 1, " ".join(summaries))
'''

_README = """\
# @NAME@

Two kernels on Quest-V: `sensor` takes a reading every millisecond, `watcher` prints it.

    questv check .          # what is described, and who sees what of the memory
    questv run .            # build it, run it, check it
    questv run . --for 2s   # no longer than this
    questv run . --deterministic --report run.json
    questv inspect run.json # the same run, looked at again

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
