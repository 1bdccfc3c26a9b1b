"""A control task: woken at a fixed rate whatever else its kernel does, it measures how late."""

from __future__ import annotations

from messages import Ticks

from questv.api import Writer, now, sleep_until, task
from questv.metal.lang import Ptr, Volatile, copy, local, metal, static, u64
from questv.metal.structs import sizeof

done: Volatile[bool] = static(False)


@metal
def work_is_done() -> None:
    """Let the control task end."""
    done.write(True)


@task
def tick(ticks: Writer, period: u64, least: u64) -> None:
    """Tick every ``period`` nanoseconds, ``least`` times and until the work is done."""
    seen: Ticks = local()
    seen.least = u64.MAX
    next = now() + period
    while seen.last == 0:
        sleep_until(next)
        late = now() - next
        seen.count += 1
        seen.total += late
        seen.least = min(seen.least, late)
        seen.most = max(seen.most, late)
        if seen.count >= least and done.read():
            seen.last = 1
        copy(Ptr[Ticks](ticks.begin(sizeof(Ticks)))[0], seen)
        ticks.publish()
        next += period
