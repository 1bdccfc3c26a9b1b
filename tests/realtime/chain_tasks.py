"""The tasks of a chain: one for each kind of source and sink, timed or woken.

Each job of the chain's first task sends its number. The others hand on the newest number that they
have, and the last one notes each with the moment of its end.
"""

from __future__ import annotations

from itertools import product

from tests.running import BURN

NOTES = 1024
"""Jobs of the last task that are noted at most."""

COMMON = (
    BURN
    + f"""
class Stage(State):
    number: u64
    luck: u64

class Notes(State):
    count: u64
    numbers: Array[u64, {NOTES}]
    ends: Array[u64, {NOTES}]

@metal
def work(stage: Stage, least: u64, most: u64, seed: u64) -> None:
    stage.luck = (stage.luck + seed) * 6364136223846793005 + 1442695040888963407
    burn(2 * (least + (stage.luck >> 33) % (most - least + 1)))

@metal
def note(notes: Notes, number: u64) -> None:
    if notes.count < {NOTES}:
        notes.numbers[notes.count] = number
        notes.ends[notes.count] = now()
        notes.count += 1

@periodic
def beside(stage: Stage, least: u64, most: u64, seed: u64, begin: u64) -> None:
    work(stage, least, most, seed)

@initialize(beside)
def wait_to_begin(begin: u64) -> None:
    sleep_until(begin)

@task
def rest() -> None:
    while True:
        burn(2_000)
"""
)

_SOURCES = {
    "none": ("", "stage.number += 1"),
    "ring": (
        "source: Receiver, ",
        "while source.read(Ptr[u8](ptr(stage.number)), 8, 0) != NOTHING: pass",
    ),
    "register": (
        "source: Reader, ",
        """value = source.newest(8)
{indent}if not value.is_null():
{indent}    copy_out(Ptr[u8](ptr(stage.number)), value, 8)""",
    ),
}
_AWAIT = {
    "ring": "source.read(Ptr[u8](ptr(stage.number)), 8, FOREVER)",
    "register": "source.await_news(FOREVER)",
}
_SINKS = {
    "none": ("notes: Notes, ", "note(notes, stage.number)"),
    # What finds no room yet finds nobody who has begun to read.
    "ring": ("sink: Sender, ", "sink.send(Ptr[u8](ptr(stage.number)), 8, 0)"),
    "register": (
        "sink: Writer, ",
        "copy_bytes(sink.begin(8), Ptr[u8](ptr(stage.number)), 8)\n{indent}sink.publish()",
    ),
}


def _function(source: str, sink: str, is_woken: bool) -> str:
    """A stage of a chain, which reads as early as it can and writes as late as it can."""
    begin, indent = ("@periodic", " " * 4) if not is_woken else ("@task", " " * 8)
    lines = [_SOURCES[source][1], "work(stage, least, most, seed)", _SINKS[sink][1]]
    if is_woken:
        lines.insert(0, _AWAIT[source])
    parameters = f"{_SOURCES[source][0]}{_SINKS[sink][0]}"
    body = "\n".join(indent + line.replace("{indent}", indent) for line in lines)
    return (
        f"\n{begin}\ndef {function_name(source, sink, is_woken)}({parameters}"
        "stage: Stage, least: u64, most: u64, seed: u64) -> None:\n"
        f"{'    while True:' if is_woken else ''}\n{body}\n"
    )


def function_name(source: str, sink: str, is_woken: bool) -> str:
    """The stage between a source and a sink: `none`, `ring` or `register`."""
    return f"{'woken' if is_woken else 'timed'}_{source}_{sink}"


TASKS = COMMON + "".join(
    _function(source, sink, is_woken)
    for source, sink, is_woken in product(_SOURCES, _SINKS, (False, True))
    if (source, sink) != ("none", "none") and not (is_woken and source == "none")
)
