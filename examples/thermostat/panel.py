"""The panel kernel: shows the newest state now and then, however fast it changes."""

from __future__ import annotations

from messages import State

from questv.api import Reader, copy_out, log, now, sleep_until, task
from questv.metal.lang import Ptr, local, ptr, u8, u64
from questv.metal.structs import sizeof


@task
def show(state: Reader, period: u64) -> None:
    """Show the state every ``period`` nanoseconds, until it is the last."""
    shown: State = local()
    due = now()
    while shown.finished == 0:
        due += period
        sleep_until(due)
        newest = state.newest(sizeof(State))
        if newest.is_null():
            log("nothing is known yet")
            continue
        copy_out(Ptr[u8](ptr(shown)), newest, sizeof(State))
        log(f"{shown.inside} at {shown.time} ns, heating: {shown.heating}")
    log(f"{shown.readings} readings, {shown.late} late")
