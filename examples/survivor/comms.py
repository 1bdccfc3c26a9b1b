"""Sends telemetry, and comes to a bad end again and again; each life knows of those before it."""

from __future__ import annotations

from messages import Telemetry

from questv.api import (
    FOREVER,
    Semaphore,
    Sender,
    State,
    finish,
    initialize,
    log,
    now,
    panic,
    periodic,
    sleep_until,
    task,
)
from questv.metal.lang import Array, Ptr, addr, asm, static, u64
from questv.metal.structs import sizeof

WAYS = 8
"""So many ends there are; the life after them is the last one."""
LAST_MESSAGES = 20  # in that
TIME_FOR_ROOM = 5_000_000


class Past(State, version=1):
    """What the next life should know."""

    lives: u64  # with this one
    sent: u64  # messages in all of them


lives: u64 = static()
sent_before: u64 = static()
awake: Semaphore = static()
no_table: Array[u64, 2] = static()


@periodic(period="10 ms", budget="4 ms")
def send(telemetry: Sender, past: Past) -> None:
    """Send a message, and keep in mind that it was sent."""
    room = telemetry.reserve(sizeof(Telemetry), now() + TIME_FOR_ROOM)
    if room.is_null():
        return  # what was sent in the life before has not been received yet
    message = Ptr[Telemetry](room)[0]
    message.life = past.lives
    message.number = past.sent + 1
    is_last = past.lives > WAYS and past.sent == sent_before + LAST_MESSAGES - 1
    message.is_last = u64(is_last)
    telemetry.commit()
    past.sent += 1
    past.save()
    if is_last:
        finish()


@initialize(send)
def wake(past: Past) -> None:
    """Begin another life, and say what was before."""
    global lives, sent_before
    past.lives += 1
    past.save()
    log(f"life {past.lives}, after {past.sent} messages")
    lives = past.lives
    sent_before = past.sent
    awake.post()


@task
def fail(every: u64) -> None:
    """After some time, do what no kernel may do; in each life something else."""
    awake.wait(FOREVER)
    sleep_until(now() + every)
    match lives:
        case 1:
            Ptr[u64](0x123456)[0] = 1  # where there is nothing
        case 2:
            panic("on purpose")
        case 3:
            asm("wbinvd", None, "")  # would slow the others down
        case 4:
            asm("out 0x70, al", None, "")  # a port that is not its own
        case 5:
            asm("mov ecx, 0xC0000080\nrdmsr", None, "~{rax},~{rcx},~{rdx}")  # EFER
        case 6:
            asm("mov eax, 99\nvmmcall", None, "~{rax}")  # there is no such call
        case 7:
            asm("lidt [$0]\nud2", None, "r", addr(no_table))  # a triple fault
        case 8:
            asm("cli\n2: jmp 2b", None, "")  # hangs with interrupts off
        case _:
            log("nothing else goes wrong")
