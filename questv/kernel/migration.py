"""Moving tasks: their lives in one of their kernels, and the task that sends and receives them.

A task that moves has a place in each of its kernels: a task of that kernel with a stack there and
the VCPU that is kept for it, which sleeps while it is elsewhere. It is stopped where it is in its
own program: where it was interrupted, or in a system call, which it is told has ended; a process
looks again what it has waited for. Between two calls of its body there is nothing to stop.

What is to be done at either side is done by a task with a budget of its own, when a doorbell or a
task of its kernel that has stopped wakes it, and once each of its periods. Only then it looks at
what somebody asks for: so a task leaves at most once in such a period, however often it is asked
to, and what moves cost a kernel is bounded. Of a task that was taken over, nothing is believed: see
``_is_sound``.

The condition: a move begins, and is gone through with, only if the call that goes on, or the next
one, will be done in time wherever it goes on. The kernel that it leaves may need its longest until
it has offered the task; an offer stands as long as the other may need to take it; and the first
one may need its longest again until it sees that nobody did. What is left has to be enough for a
whole call at either place.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_tsc
from questv.channel.sleep import Area
from questv.kernel import (
    clock,
    doorbells,
    events,
    floats,
    jobs,
    lapic,
    movers,
    moves,
    processes,
    ring3,
    servers,
    tasks,
    tasksets,
    timers,
    vcpus,
)
from questv.kernel.doorbells import WaitState
from questv.kernel.floats import FloatState
from questv.kernel.info import info
from questv.kernel.moves import Luggage, Mover
from questv.kernel.processes import Process
from questv.kernel.servers import REPLENISHMENTS
from questv.kernel.status import status
from questv.metal.lang import RELAXED, SEQ_CST, Ptr, addr, fence, metal, ptr, u64
from questv.metal.structs import sizeof

_MXCSR_DEFINED = 0xFFFF  # FXRSTOR faults if any other bit is set (APM vol. 1, 4.2.2)
_PERIODS_AHEAD = 2
"""No piece of a budget comes back later than after so many periods, whatever the luggage says."""


# ---- a task's life -----------------------------------------------------------------------------


@metal(export="kernel_live")
def live(address: u64) -> None:
    """The life of the process at this address in this kernel, until it ends here or elsewhere."""
    process = Ptr[Process](address)[0]
    mover = process.mover
    disable_interrupts()
    if mover.own == 0:
        mover.luggage.release = jobs.first_release()
        mover.is_here = True
        mover.is_settled = True
        mover.is_ready = True
    while not mover.has_ended:
        if not mover.is_here or mover.is_parked:
            tasks.block()
            mover.is_waiting = False
        elif mover.is_stopping:
            _stop_here(mover)
        elif mover.luggage.in_call != 0 or not _has_waited(mover):
            _run(process, mover)
    enable_interrupts()


@metal
def _stop_here(mover: Mover) -> None:
    """Stop the current task, if it is still in time; else it goes on without a break.

    To wait for nothing so late would shift its budget: what it uses afterwards comes back as late
    in the next period, and might be missing there.
    """
    if _is_in_time(mover, mover.destination):
        _park(mover)
        movers.notify()
    else:
        mover.is_stopping = False
        mover.counters.deferred += 1


@metal
def _park(mover: Mover) -> None:
    """The task has stopped, and does not go on here before it is let."""
    mover.is_parked = True
    mover.luggage.stopped = read_tsc() - info.machine.start_tsc


@metal
def _has_waited(mover: Mover) -> bool:
    """Sleep until the release, or until somebody wakes the task; false if it has come."""
    if not timers.set_alarm(clock.to_tsc(mover.luggage.release)):
        return False
    mover.is_waiting = True
    tasks.block()
    mover.is_waiting = False
    timers.cancel_alarm()
    return True


@metal
def _run(process: Process, mover: Mover) -> None:
    """Call the body, or go on with the call in which it was stopped. Interrupts are off."""
    luggage = mover.luggage
    task = tasks.current()
    enable_interrupts()
    if not mover.is_settled:
        _settle(process, mover)
    if luggage.in_call != 0:
        has_returned = processes.go_on(process)
    else:
        luggage.in_call = 1
        status.tasks[task].releases += 1
        has_returned = processes.run_body(process)
    if has_returned:
        luggage.in_call = 0
        _after_call(mover, task)
    disable_interrupts()


@metal
def _settle(process: Process, mover: Mover) -> None:
    """Say on all channels where the process is now, before it announces a sleep here."""
    told = process.info[0]
    for i in range(told.end_count):
        Ptr[Area](told.ends[i].own)[0].place.store(mover.own, RELAXED)
    fence(SEQ_CST)
    mover.is_settled = True
    mover.counters.resumed = read_tsc()


@metal
def _after_call(mover: Mover, task: u64) -> None:
    """What comes after a call of the body: the next one, or the end."""
    counters = status.tasks[task]
    took = jobs.call_has_ended(counters, mover.luggage.release, mover.deadline)
    if mover.period != 0 and not jobs.is_finishing(task):
        mover.luggage.release = jobs.next_release(
            counters, mover.luggage.release, mover.period, took
        )
        return
    mover.has_ended = True
    moves.end(mover.move[0], moves.look(mover.move[0]))
    for place in range(mover.count):
        _ring(mover, place)


# ---- the task that moves others ----------------------------------------------------------------


@metal(export="kernel_migration")
def serve(period: u64) -> None:
    """Look after all tasks that move, when somebody rings and once each period, for ever."""
    movers.start()
    for i in range(info.task_count):
        if info.tasks[i].moves != 0:
            mover = processes.of_task(u64(i)).mover
            for place in range(mover.count):
                if place != mover.own:
                    bell = mover.places[place].bell
                    doorbells.listen(movers.bell, bell, tasks.current())
    next: u64 = 0
    while True:
        # Whoever rings from here on is heard: the next look comes at once.
        movers.bell.state = WaitState.ASLEEP
        now = clock.now()
        is_due = now >= next
        if is_due:
            next = now + period
        for i in range(info.task_count):
            if info.tasks[i].moves != 0:
                _look_after(processes.of_task(u64(i)), u64(i), is_due)
        doorbells.sleep(movers.bell, next)


@metal
def _look_after(process: Process, task: u64, is_due: bool) -> None:
    """Do what is to be done for one task; if it is due, also what somebody asks for."""
    mover = process.mover
    word = moves.look(mover.move[0])
    if moves.has_ended(word):
        _bury(mover, task)
    elif moves.is_offered_to(word, mover.own):
        _receive(process, task, word)
    elif moves.is_held(word, mover.own):
        if mover.is_offered:
            _take_back(process, task)  # it was refused
        elif mover.is_parked:
            _send(process, task, word)
        elif mover.is_here and is_due:
            _consider(process, task, word)
    elif moves.is_offered_by(word, mover.own):
        is_over = mover.is_offered and clock.now() >= mover.patience
        if is_over and moves.give_back(mover.move[0], word):
            _take_back(process, task)
    elif mover.is_offered:
        _has_gone(mover)


@metal
def _bury(mover: Mover, task: u64) -> None:
    """The task has ended elsewhere: so does its place here."""
    if not mover.has_ended and not mover.is_here:
        disable_interrupts()
        mover.has_ended = True
        tasks.wake(task)
        enable_interrupts()


@metal
def _ring(mover: Mover, place: u64) -> None:
    """Ring the kernel at a place, if it is another one."""
    if place < mover.count and place != mover.own:
        to = mover.places[place]
        lapic.send(lapic.destination(to.core), to.vector)


# ---- sending -----------------------------------------------------------------------------------


@metal
def _is_in_time(mover: Mover, to: u64) -> bool:
    """Whether the call that goes on, or the next one, is done in time if the task moves now."""
    if mover.period == 0:
        return True
    own = mover.places[mover.own]
    there = mover.places[to]
    away = 2 * own.service + there.service
    done = clock.now() + away + max(own.response, there.response)
    return done <= mover.luggage.release + mover.deadline


@metal
def _consider(process: Process, task: u64, word: u64) -> None:
    """If somebody asked for the task to be moved, and it can be, stop it; and send it if it is."""
    mover = process.mover
    request = mover.request.load(RELAXED)
    if request == 0 or mover.is_stopping or not mover.is_ready or mover.has_ended:
        return
    to = request - 1
    if to >= mover.count or to == mover.own:
        mover.request.store(0, RELAXED)
        return
    if not _is_in_time(mover, to):
        mover.counters.deferred += 1
        return
    mover.destination = to
    mover.counters.asked = read_tsc()
    if _stop(process, task):
        _send(process, task, word)


@metal
def _stop(process: Process, task: u64) -> bool:
    """Have the task stop; true if it has, else it will as soon as it has the core."""
    mover = process.mover
    disable_interrupts()
    mover.is_stopping = True
    if mover.is_waiting and not tasksets.contains(status.ready, task):
        events.remove(events.ALARM, task)
        mover.is_waiting = False
        _park(mover)
    else:
        if mover.is_inside:
            ring3.divert(process.space, mover.luggage.registers)
        tasks.wake(task)  # if it waits in a system call
    is_parked = mover.is_parked
    enable_interrupts()
    return is_parked


@metal
def _send(process: Process, task: u64, word: u64) -> None:
    """Offer a task that has stopped to its destination, if it is still in time."""
    mover = process.mover
    mover.counters.stopped = mover.luggage.stopped + info.machine.start_tsc
    if not _is_in_time(mover, mover.destination):
        mover.counters.deferred += 1
        _let_go_on(process, task)
        return
    _pack(process, task)
    mover.request.store(0, RELAXED)
    mover.is_here = False
    mover.is_offered = True
    mover.patience = clock.now() + mover.places[mover.destination].service
    mover.counters.offered = read_tsc()
    # From here on all of the task is in shared memory: if this kernel fails, it is none the worse.
    if moves.offer(mover.move[0], word, mover.luggage, mover.destination):
        _ring(mover, mover.destination)
    else:
        _take_back(process, task)


@metal
def _pack(process: Process, task: u64) -> None:
    """Put into the luggage what is not there yet."""
    luggage = process.mover.luggage
    disable_interrupts()
    floats.give_up(addr(process.floats))
    _copy_floats(luggage.floats, process.floats)
    luggage.is_finishing = u64(jobs.is_finishing(task))
    server = vcpus.members[task].vcpu[0].main
    servers.unblock(server, read_tsc())
    luggage.pieces = servers.take_apart(server, ptr(luggage.budget[0]))
    for i in range(luggage.pieces):
        luggage.budget[i].time -= info.machine.start_tsc
    enable_interrupts()


@metal
def _copy_floats(to: FloatState, source: FloatState) -> None:
    words = Ptr[u64](addr(to))
    others = Ptr[u64](addr(source))
    for i in range(u64(sizeof(FloatState) // 8)):
        words[i] = others[i]


@metal
def _has_gone(mover: Mover) -> None:
    """Another kernel has taken the task."""
    mover.is_offered = False
    mover.counters.sent += 1


@metal
def _take_back(process: Process, task: u64) -> None:
    """The task was not taken: it goes on here, as if it had not been stopped."""
    process.mover.is_offered = False
    process.mover.is_here = True
    process.mover.counters.returned += 1
    _let_go_on(process, task)


@metal
def _let_go_on(process: Process, task: u64) -> None:
    """Let a task that has stopped have the core again: at once, or at its release.

    Between two calls it uses nothing of its budget. That would come back in the middle of the next
    but one, and might be missing there.
    """
    mover = process.mover
    disable_interrupts()
    mover.is_stopping = False
    mover.is_parked = False
    processes.rouse(process)
    now = read_tsc()
    release = clock.to_tsc(mover.luggage.release)
    if mover.luggage.in_call == 0 and release > now:
        mover.is_waiting = True
        events.add(events.ALARM, task, release, now)
    else:
        tasks.wake(task)
    enable_interrupts()


# ---- receiving ---------------------------------------------------------------------------------


@metal
def _receive(process: Process, task: u64, word: u64) -> None:
    """Take a task that is offered to this kernel, if all that comes with it makes sense."""
    mover = process.mover
    if mover.is_here:
        return  # a lie: nobody else can have it
    if mover.is_offered:
        _has_gone(mover)
    mover.counters.seen = read_tsc()
    moves.copy(mover.move[0], mover.luggage)
    if not _is_sound(process, task, mover.luggage):
        mover.counters.refused += 1
        moves.give_back(mover.move[0], word)
    elif moves.take(mover.move[0], word):
        _unpack(process, task)
        mover.counters.received += 1
    _ring(mover, moves.holder(word))


@metal
def _is_sound(process: Process, task: u64, luggage: Luggage) -> bool:
    """Whether this kernel can do with the luggage what it does with it.

    Of registers, only that the processor takes them on the way to ring 3; of the budget, that it is
    the task's, in pieces that don't overlap. Anything else is the task's own affair.
    """
    told = process.info[0]
    is_in_program = luggage.registers.rip - told.program < told.program_size
    if luggage.in_call > 1 or (luggage.in_call == 1 and not is_in_program):
        return False
    if u64(luggage.floats.mxcsr) & ~u64(_MXCSR_DEFINED) != 0:
        return False
    if luggage.pieces == 0 or luggage.pieces > REPLENISHMENTS:
        return False
    left = vcpus.members[task].vcpu[0].budget
    end: u64 = 0
    for i in range(luggage.pieces):
        piece = luggage.budget[i]
        if piece.amount == 0 or piece.amount > left or piece.time < end:
            return False
        if piece.time > _latest(task):
            return False
        left -= piece.amount
        end = piece.time + piece.amount
    return left == 0


@metal
def _latest(task: u64) -> u64:
    """The latest at which a piece of a budget can come back, in ticks since the machine's start."""
    server = vcpus.members[task].vcpu[0].main
    return read_tsc() - info.machine.start_tsc + _PERIODS_AHEAD * server.period


@metal
def _unpack(process: Process, task: u64) -> None:
    """Let the task go on here, with what it has brought."""
    mover = process.mover
    luggage = mover.luggage
    disable_interrupts()
    _copy_floats(process.floats, luggage.floats)
    jobs.set_finishing(task, luggage.is_finishing != 0)
    for i in range(luggage.pieces):
        luggage.budget[i].time += info.machine.start_tsc
    server = vcpus.members[task].vcpu[0].main
    servers.delay(server, ptr(luggage.budget[0]), read_tsc())
    # What is used in this call comes back for the next one, and not before.
    servers.join(server, clock.to_tsc(luggage.release + mover.period))
    process.has_begun = True
    mover.request.store(0, RELAXED)
    mover.counters.taken = read_tsc()
    away = mover.counters.taken - info.machine.start_tsc - luggage.stopped
    mover.counters.longest = max(mover.counters.longest, away)
    mover.is_ready = True
    mover.is_settled = False
    mover.is_here = True
    _let_go_on(process, task)
