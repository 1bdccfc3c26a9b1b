"""The page of supported machines, as the probes find them: ``python -m questv.probes.support``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from questv.machine import Qemu, find_qemu
from questv.probes.run import Platform, State, platforms

PAGE = Path(__file__).parent.parent.parent / "docs" / "support.md"

_MARKS = {
    State.HOLDS: "holds",
    State.FAILS: "**does not hold**",
    State.UNTESTABLE: "can't be tested",
    State.ELSEWHERE: "-",
}

_INTRODUCTION = """\
# What the machines do

Isolation rests on the processor: that it stops a guest where it is told to. An emulator is a
program and can have it wrong. So `questv doctor --machine` runs small guests on each kind of
machine of the QEMU at hand, with and without an x2APIC. Each tries one thing, and has to end with
the right exit at the right instruction. It leaves with exit code 1 if something that isolation
rests on does not hold and is not one of the known exceptions below, which the project works around.
A few of the probes also run at every boot (see [boot](boot.md)).

This page is what it found with **QEMU {version}**, the only one that it was run with. The command
`python -m questv.probes.support` writes it anew. Machines are emulated (TCG), with `-cpu EPYC`.
A parallel run is probed, on one core: an interprocessor interrupt is one that a core sends itself.
"""


def page(qemu: Qemu, found: Sequence[Platform]) -> str:
    """The page in Markdown."""
    version = ".".join(map(str, qemu.version))
    parts = [_INTRODUCTION.format(version=version)]
    columns = [platform.name for platform in found]
    rows = list(zip(*(platform.findings for platform in found), strict=True))
    for group in dict.fromkeys(row[0].probe.group for row in rows):
        parts.append(f"## {group[0].upper()}{group[1:]}\n")
        parts.append(
            _table(
                ["probe", *columns, "isolation rests on it"],
                [
                    [
                        row[0].probe.name,
                        *(_MARKS[finding.state] for finding in row),
                        "yes" if row[0].probe.needed else "no",
                    ]
                    for row in rows
                    if row[0].probe.group == group
                ],
            )
        )
    parts.append("## What does not hold, and what follows\n")
    for row in rows:
        failed = [finding for finding in row if finding.state is not State.HOLDS]
        states = {finding.state for finding in failed} - {State.ELSEWHERE}
        if states:
            probe = row[0].probe
            untestable = states == {State.UNTESTABLE}
            why = f" Not tested: {failed[0].seen}." if untestable else ""
            known = f" What is done about it: {probe.known}." if probe.known else ""
            parts.append(
                f"- *{probe.name}* ({probe.group}).{why} Without it: {probe.follows}.{known}"
            )
    parts.append("\n## What the processor says that it has\n")
    parts.append(
        _table(
            ["feature", *columns],
            [
                [name, *(_value(platform.facts[name]) for platform in found)]
                for name in found[0].facts
            ],
        )
    )
    return "\n".join(parts)


def _value(value: bool | int) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    qemu = find_qemu()
    PAGE.write_text(page(qemu, list(platforms(qemu))), encoding="utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
