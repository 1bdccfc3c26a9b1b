"""Writes what docs/foreign.md has of structs: ``python -m questv.plan.foreign_reference``.

A field's meaning is the comment on its line in the source.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from questv.arch.x86.machine import MachineFacts
from questv.kernel.console import Console, Slot
from questv.metal.structs import Struct, offsetof, sizeof
from questv.plan.foreign_page import ForeignPage
from questv.plan.permissions import FOREIGN_MSRS, GUARDED_APIC, apic_msrs

PAGE = Path(__file__).parents[2] / "docs" / "foreign.md"

_FIELD = re.compile(r"    (\w+): [\w\[\], ]+(?: = at\(.*?\))?(?:  # (.*))?")


def written() -> str:
    """The page with its layouts as they are."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in _tables().items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        found = re.search(pattern, text, re.S)
        if found is None:
            raise ValueError(f"{PAGE} has no place for {name}")
        text = text[: found.start()] + found[1] + table + found[2] + text[found.end() :]
    return text


def _tables() -> dict[str, str]:
    return {
        "page": _layout(ForeignPage, {"machine": MachineFacts}),
        "console": _layout(Console, {}),
        "slot": _layout(Slot, {}),
        "msrs": _msrs(),
    }


def _layout(struct: type[Struct], nested: dict[str, type[Struct]]) -> str:
    rows = [
        f"| {offset:#05x} | `{name}` | {kind} | {what} |"
        for offset, name, kind, what in sorted(_fields(struct, nested, 0))
    ]
    head = ["| Offset | Field | Type | Meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, f"| {sizeof(struct):#05x} |  |  | the end |", ""])


def _fields(
    struct: type[Struct], nested: dict[str, type[Struct]], base: int
) -> Iterator[tuple[int, str, str, str]]:
    for line in inspect.getsource(struct).splitlines():
        found = _FIELD.fullmatch(line)
        if found is None:
            continue
        name, what = found[1], (found[2] or "").replace("``", "`")
        if name in nested:
            yield from _fields(nested[name], {}, base + offsetof(struct, name))
        else:
            kind = f"`{struct.__metal_type__.fields[name].type}`"
            yield base + offsetof(struct, name), name, kind, what


def _msrs() -> str:
    """Stretches of MSRs with the same rights."""
    stretches: list[tuple[int, int, str]] = []
    for number, rights in sorted({**apic_msrs(GUARDED_APIC), **FOREIGN_MSRS}.items()):
        if stretches and stretches[-1][1:] == (number - 1, rights):
            stretches[-1] = (stretches[-1][0], number, rights)
        else:
            stretches.append((number, number, rights))
    rows = [f"| {_numbers(first, last)} | {rights} |" for first, last, rights in stretches]
    return "\n".join(["| MSR | Rights |", "| --- | --- |", *rows, ""])


def _numbers(first: int, last: int) -> str:
    return f"{first:#x}" if first == last else f"{first:#x} to {last:#x}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
