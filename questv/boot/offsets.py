"""How far each core's time-stamp counter is ahead of the first core's.

A core that has been started says what its counter is, and answers further questions for a moment.
It looked at the counter somewhere between the question and the answer's arrival, so half of that
time is the error. The quickest exchange counts; the start is one, which nobody has to wait for.
"""

from __future__ import annotations

from questv.arch.x86.instructions import pause, read_tsc_in_order
from questv.arch.x86.machine import MAX_CORES, MachineFacts
from questv.metal.lang import ACQUIRE, RELAXED, RELEASE, Array, Atomic, i64, metal, static, u32, u64
from questv.metal.structs import Struct
from questv.monitor.plan import MonitorPlan

_QUESTIONS = 16
_PATIENCE = 5000  # of a second: this part of it is for questions; it makes the boot longer
_NO_MORE = (1 << 64) - 1


class Exchange(Struct, size=64):
    """Between the first core and another one."""

    asked: Atomic[u64]  # number of the question
    answered: Atomic[u64]  # number of the answer
    counter: Atomic[u64]  # the answer


exchanges: Array[Exchange, MAX_CORES] = static()


# ---- the first core ----------------------------------------------------------------------------


@metal
def learn(monitor: MonitorPlan, core: u32, before: u64, after: u64) -> None:
    """Take a core's answer, if none was quicker. It was asked and has answered between moments."""
    error = (after - before) // 2 + 1
    if monitor.tsc_error == 0 or error < monitor.tsc_error:
        monitor.tsc_error = error
        monitor.tsc_offset = i64.wrap(exchanges[core].counter.load(RELAXED) - before - error)


@metal
def ask(machine: MachineFacts, monitor: MonitorPlan, core: u32) -> None:
    """Ask a core that is in ``answer`` again, for a moment, and let it go on.

    An offset that the error could explain is none: there is no evidence for it.
    """
    exchange = exchanges[core]
    deadline = read_tsc_in_order() + machine.tsc_frequency // _PATIENCE
    for question in range(u64(1), _QUESTIONS + 1):
        before = read_tsc_in_order()
        exchange.asked.store(question, RELEASE)
        if not _is_answered(exchange, question, deadline):
            break
        learn(monitor, core, before, read_tsc_in_order())
    if -i64(monitor.tsc_error) <= monitor.tsc_offset <= i64(monitor.tsc_error):
        monitor.tsc_offset = 0
    exchange.asked.store(_NO_MORE, RELEASE)  # last: the core's monitor reads what was found


@metal
def _is_answered(exchange: Exchange, question: u64, deadline: u64) -> bool:
    while exchange.answered.load(ACQUIRE) != question:
        if read_tsc_in_order() > deadline:
            return False
        pause()
    return True


# ---- a later core ------------------------------------------------------------------------------


@metal
def tell(core: u32, skew: u64) -> None:
    """Give the first answer; this core's counter is off by ``skew``."""
    exchanges[core].counter.store(read_tsc_in_order() + skew, RELEASE)


@metal
def answer(core: u32, skew: u64) -> None:
    """Answer the first core until it has asked enough."""
    exchange = exchanges[core]
    last: u64 = 0
    while last != _NO_MORE:
        asked = exchange.asked.load(ACQUIRE)
        if asked != last and asked != _NO_MORE:
            tell(core, skew)
            exchange.answered.store(asked, RELEASE)
        last = asked
        pause()
