"""What is kept of a run with a fault: plain values, a function of the system, seed and number."""

from __future__ import annotations

from questv.faults.laboratory import Result
from questv.faults.model import Kind
from questv.faults.outcome import Outcome
from questv.inspect.model import Found


class Row(Found):
    """One run.

    ``fault`` and ``at`` are as ``questv inject`` takes them, ``time`` and ``latency`` in
    nanoseconds; None where there was none, or it is not known. ``before`` and ``after`` are what
    was changed, in hexadecimal, the lowest byte first.
    """

    run: int
    sandbox: str
    kind: Kind
    fault: str
    at: str
    region: str
    place: str
    time: int | None
    before: str
    after: str
    outcome: Outcome
    reasons: tuple[str, ...]
    latency: int | None


def row_of(run: int, result: Result) -> Row:
    """What is kept of a result."""
    injection, verdict = result.injection, result.verdict
    return Row(
        run=run,
        sandbox=injection.sandbox,
        kind=injection.fault.kind,
        fault=str(injection.fault),
        at=str(injection.when),
        region=result.region,
        place=result.place,
        time=result.time,
        before=result.before.hex(),
        after=result.after.hex(),
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        latency=result.latency,
    )
