"""What the probes have found of the machines that this host's QEMU makes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from questv.probes.run import Finding, Platform, State
from questv.view.terminal import heading, table, unbroken
from questv.view.units import count

_MARKS = {
    State.HOLDS: Text("holds", "green"),
    State.FAILS: Text("NO", "bold red"),
    State.UNTESTABLE: Text("?", "yellow"),
    State.ELSEWHERE: Text("-", "dim"),
}


def platforms_view(platforms: Sequence[Platform]) -> RenderableType:
    """All probes as a table, what each failure means, and what the processors say they have."""
    made = table("", "probe", *(platform.name.replace(", ", "\n") for platform in platforms))
    group = ""
    for row in zip(*(platform.findings for platform in platforms), strict=True):
        probe = row[0].probe
        made.add_row(
            "" if probe.group == group else probe.group,
            probe.name,
            *(_MARKS[finding.state] for finding in row),
        )
        group = probe.group
    parts: list[RenderableType] = [unbroken(made), "", _facts(platforms)]
    for state, title in (
        (State.FAILS, "What does not hold (NO)"),
        (State.UNTESTABLE, "What can't be tested here (?)"),
    ):
        rows = [each for each in _by_probe(platforms) if each[1].state is state]
        if rows:
            parts += ["", heading(title)]
            parts += [_explanation(where, finding) for where, finding in rows]
    broken = sum(len(platform.broken) for platform in platforms)
    verdict = (
        Text(f"{count(broken, 'probe')} that isolation rests on did not hold", "bold red")
        if broken
        else Text("what isolation rests on holds, but for what is known and said above", "green")
    )
    return Group(*parts, "", verdict)


def _by_probe(platforms: Sequence[Platform]) -> list[tuple[str, Finding]]:
    """Each finding with the machines that it is of, those alike together, as the catalogue has."""
    made = []
    for row in zip(*(platform.findings for platform in platforms), strict=True):
        for state in dict.fromkeys(finding.state for finding in row):
            alike = [
                (platform.name, finding)
                for platform, finding in zip(platforms, row, strict=True)
                if finding.state is state
            ]
            everywhere = len(alike) == len(platforms)
            where = "" if everywhere else " (" + "; ".join(name for name, _ in alike) + ")"
            made.append((where, alike[0][1]))
    return made


def _explanation(where: str, finding: Finding) -> Text:
    probe = finding.probe
    made = Text(no_wrap=True, overflow="ignore")
    made.append(f"{probe.group}: {probe.name}{where}: {finding.seen}\n")
    made.append(f"  without it: {probe.follows}\n")
    needed = "isolation rests on it" if probe.needed else "isolation does not rest on it"
    return made.append(f"  {needed}; {probe.known}" if probe.known else f"  {needed}")


def _facts(platforms: Sequence[Platform]) -> RenderableType:
    made = table("the processor has", *(platform.name for platform in platforms))
    for name in platforms[0].facts:
        values = [platform.facts[name] for platform in platforms]
        made.add_row(
            name,
            *(
                ("yes" if value else "no") if isinstance(value, bool) else str(value)
                for value in values
            ),
        )
    return unbroken(made)
