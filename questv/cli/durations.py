"""Stretches of time as people type them."""

from __future__ import annotations

import re

from questv.cli.output import UserError

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|)")
_NANOSECONDS = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "": 1_000_000_000}
LONGEST = 365 * 24 * 60 * _NANOSECONDS["m"]


def parse_duration(text: str) -> int:
    """The nanoseconds of ``250ms``, ``5s``, ``2m`` or a number of seconds; raises UserError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UserError(f"'{text}' is not a time", "write 250ms, 5s, 2m, or a number of seconds")
    nanoseconds = round(float(match[1]) * _NANOSECONDS[match[2]])
    if not 0 < nanoseconds <= LONGEST:
        raise UserError(f"a run can't last {text}", "choose more than nothing, at most a year")
    return nanoseconds
