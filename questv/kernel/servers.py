"""Sporadic servers: how a VCPU gets its budget of each period, and never more.

M. Stanovich, T. P. Baker, A. Wang, M. Gonzalez Harbour, "Defects of the POSIX Sporadic Server and
How to Correct Them", RTAS 2010. The budget is always there in full, cut into replenishments: each
is an amount and the time from when on it can be used. What is used comes back one period after
that time (not after the use, which may have been deferred), so that to all others the server looks
like a periodic task.

The replenishments stand one after the other without overlap: none begins before the one ahead of
it could be used up. So whatever is posted again belongs at the end, and each tick of the budget
has a place that moves on by at least one period each time that it is used. Hence no budget
amplification: pieces are only ever joined where no tick of them becomes usable before its place.

Who uses more than it has (a kernel takes a few ticks to notice) has used it from its next
replenishment, ahead of time; the rest of that can be used only when as much time of it has passed.
Nothing is created by an overrun, and nothing is lost.

Times and ticks are those of one clock, below 2**62, and the caller's; nothing here reads it.
"""

from __future__ import annotations

from questv.metal.lang import Array, Ptr, local, metal, ptr, u64
from questv.metal.structs import Struct

REPLENISHMENTS = 16
"""The most pieces that a budget is cut into."""


class Replenishment(Struct):
    """A piece of the budget."""

    time: u64  # from when on it can be used
    amount: u64  # ticks


class SporadicServer(Struct):
    """The budget of a VCPU. The head is the piece that is in use, or will be next."""

    time: u64  # of the head
    amount: u64  # of the head, with what is used of it
    used: u64  # of the head; the rest can be used ``used`` ticks after ``time``
    period: u64  # ticks; at least the budget
    budget: u64  # ticks; all amounts together
    first: u64  # index in ``rest`` of the one after the head
    count: u64  # how many are in ``rest``, sorted by their times
    rest: Array[Replenishment, REPLENISHMENTS]  # a ring; ``enlarge`` can need all of it


@metal
def start(server: SporadicServer, budget: u64, period: u64, now: u64) -> None:
    """Begin with the whole budget of each period, usable from now on.

    The budget is at least one tick, and the period at least the budget, then and later on.
    """
    server.period = period
    restart(server, budget, now)


@metal
def restart(server: SporadicServer, budget: u64, now: u64) -> None:
    """Begin afresh with this budget, whatever was used before."""
    server.time = now
    server.amount = budget
    server.used = 0
    server.budget = budget
    server.first = 0
    server.count = 0


@metal(inline=True)
def next_time(server: SporadicServer) -> u64:
    """When there is something to use: the past, if there is now."""
    return server.time + server.used


@metal(inline=True)
def available(server: SporadicServer, now: u64) -> u64:
    """How many ticks can be used in one go from now on; 0 if ``next_time`` is still to come.

    To be asked each time that the core is given to the VCPU. Where it was kept from the core for a
    period or longer it is as if it were woken now: what it missed it does not make up for, or it
    would have several budgets at once.
    """
    late = now - next_time(server)  # wraps if it is early
    if late < server.period and server.count == 0:
        return server.amount - server.used
    return _available(server, now)


@metal
def _available(server: SporadicServer, now: u64) -> u64:
    """The same where there are several replenishments, or it is early or far too late."""
    if now < next_time(server):
        return 0
    if now - next_time(server) >= server.period:
        _unblock(server, now)
    usable = server.amount - server.used
    for i in range(server.count):
        next = server.rest[(server.first + i) % REPLENISHMENTS]
        if next.time > now + usable:
            return usable
        usable += next.amount
    return usable


@metal(inline=True)
def charge(server: SporadicServer, used: u64) -> None:
    """The VCPU has run for so many ticks more; what is used up comes back a period later."""
    server.used += used
    if server.used >= server.amount:
        _post(server)


@metal
def _post(server: SporadicServer) -> None:
    """Post the head, which is used up, for a period later."""
    _post_head(server)
    if server.used >= server.amount:
        _post_more(server)


@metal
def _post_more(server: SporadicServer) -> None:
    """Post all that is used up; a long overrun takes the whole budget several times."""
    rounds = server.used // server.budget
    server.used -= rounds * server.budget
    server.time += rounds * server.period
    for i in range(server.count):
        server.rest[(server.first + i) % REPLENISHMENTS].time += rounds * server.period
    while server.used >= server.amount:
        _post_head(server)


@metal(inline=True)
def _post_head(server: SporadicServer) -> None:
    amount = server.amount
    time = server.time + server.period
    server.used -= amount
    if server.count == 0:
        server.time = time
    else:
        next = server.rest[server.first]
        server.time = next.time
        server.amount = next.amount
        _drop_first(server)
        _append(server, time, amount)


@metal(inline=True)
def _append(server: SporadicServer, time: u64, amount: u64) -> None:
    """Post a piece; it is used after all others.

    It is joined with the last one if that reaches up to it, or if the list is full: then the last
    one is delayed until it does.
    """
    count = server.count
    end = server.first + count
    if count != 0:
        last = server.rest[(end - 1) % REPLENISHMENTS]
        if last.time + last.amount == time or count >= REPLENISHMENTS - 1:
            last.time = time - last.amount
            last.amount += amount
            return
    elif server.time + server.amount == time:
        server.amount += amount
        return
    new = server.rest[end % REPLENISHMENTS]
    new.time = time
    new.amount = amount
    server.count = count + 1


@metal(inline=True)
def _drop_first(server: SporadicServer) -> None:
    server.first = (server.first + 1) % REPLENISHMENTS
    server.count -= 1


@metal(inline=True)
def unblock(server: SporadicServer, now: u64) -> None:
    """The VCPU has something to do again: what it has of its budget counts from now on.

    What it used before it had nothing more to do goes a way of its own from here.
    """
    if not unblock_whole(server, now):
        _unblock(server, now)


@metal(inline=True)
def unblock_whole(server: SporadicServer, now: u64) -> bool:
    """Likewise, in the usual case alone: all budget can be used from now on. False in others.

    What was used is back before what is left is used up, so nothing is cut.
    """
    if server.count != 0 or next_time(server) + server.period > now + server.amount:
        return False
    server.time = now
    server.used = 0
    return True


@metal
def _unblock(server: SporadicServer, now: u64) -> None:
    if server.used != 0:
        used = server.used
        back = server.time + server.period
        server.time += used
        server.amount -= used
        server.used = 0
        _append(server, back, used)
    server.time = max(server.time, now)
    _merge(server)


@metal
def _merge(server: SporadicServer) -> None:
    """Join with the head what can be used by the time that the head is used up."""
    while server.count != 0:
        next = server.rest[server.first]
        if next.time > server.time + server.amount:
            return
        server.amount += next.amount
        _drop_first(server)


@metal
def enlarge(server: SporadicServer, extra: u64, now: u64) -> None:
    """Make the budget larger by ``extra``, which can be used now.

    It is added to what is in use; if nothing is left of that, to what was used last, so that both
    come back together. (It can be used only later if that was overrun before it could be used.)
    ``now`` is not before the server began.
    """
    server.budget += extra
    if now < next_time(server):
        _insert(server, extra)
    else:
        server.amount += extra
    _merge(server)
    if server.used >= server.amount:
        _post(server)


@metal
def shrink(server: SporadicServer, less: u64) -> u64:
    """Make the budget smaller by ``less``, which is less than it, and keep what is back first.

    The result is when all of the larger budget would have been back.
    """
    _unblock(server, server.time)  # what was used goes its own way, and comes back last
    server.budget -= less
    whole = server.time
    if server.count != 0:
        whole = server.rest[(server.first + server.count - 1) % REPLENISHMENTS].time
    while server.count != 0:
        last = server.rest[(server.first + server.count - 1) % REPLENISHMENTS]
        if last.amount > less:
            last.amount -= less
            return whole
        less -= last.amount
        server.count -= 1
    server.amount -= less
    return whole


@metal
def _insert(server: SporadicServer, amount: u64) -> None:
    """Put a piece before the head; posted again, it joins the last one."""
    end = server.time + server.amount
    if server.count != 0:
        last = server.rest[(server.first + server.count - 1) % REPLENISHMENTS]
        end = last.time + last.amount
    server.first = (server.first - 1) % REPLENISHMENTS
    server.count += 1
    next = server.rest[server.first]
    next.time = server.time
    next.amount = server.amount
    server.time = end - server.period
    server.amount = amount


# ---- from one kernel to another ----------------------------------------------------------------


@metal
def take_apart(server: SporadicServer, pieces: Ptr[Replenishment]) -> u64:
    """Write all pieces down, in order, of a budget of whose head nothing is used; their number."""
    pieces[0].time = server.time
    pieces[0].amount = server.amount
    for i in range(server.count):
        piece = server.rest[(server.first + i) % REPLENISHMENTS]
        pieces[1 + i].time = piece.time
        pieces[1 + i].amount = piece.amount
    return 1 + server.count


@metal
def delay(server: SporadicServer, pieces: Ptr[Replenishment], now: u64) -> None:
    """The VCPU has had time elsewhere: no tick of its budget comes before its place in ``pieces``.

    These are as much as the budget, and don't overlap. Nor does a tick come before its place here,
    so that whatever they say this server gives no more than it would have given by itself.
    """
    own: Array[Replenishment, REPLENISHMENTS] = local()
    unblock(server, now)
    take_apart(server, ptr(own[0]))
    first: u64 = 0  # of the own pieces, the one that is not used up
    second: u64 = 0  # and of the others
    of_first: u64 = 0  # ticks of these that are
    of_second: u64 = 0
    left = server.budget
    server.first = 0
    server.count = 0
    server.amount = 0
    while left != 0:
        one = own[first]
        other = pieces[second]
        amount = min(one.amount - of_first, other.amount - of_second)
        time = max(one.time + of_first, other.time + of_second)
        if server.amount == 0:
            server.time = time
            server.amount = amount
        else:
            _append(server, time, amount)
        left -= amount
        of_first += amount
        of_second += amount
        if of_first == one.amount:
            first += 1
            of_first = 0
        if of_second == other.amount:
            second += 1
            of_second = 0


@metal
def join(server: SporadicServer, boundary: u64) -> None:
    """Join all pieces but the head to two: what is back before ``boundary``, and what is after.

    Each comes back when the last of it would have. A task that moves again and again would else
    have its budget in more pieces each time, and each that it uses up costs others an interrupt and
    two switches.
    """
    count = server.count
    first = server.first
    server.count = 0
    for i in range(count):
        next = server.rest[(first + i) % REPLENISHMENTS]
        time = next.time
        amount = next.amount
        last = server.rest[(first + server.count - 1) % REPLENISHMENTS]
        if server.count != 0 and (time < boundary or last.time >= boundary):
            last.time = time - last.amount
            last.amount += amount
        else:
            new = server.rest[(first + server.count) % REPLENISHMENTS]
            new.time = time
            new.amount = amount
            server.count += 1
