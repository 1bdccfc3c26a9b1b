"""Questions and answers that get through whoever is restarted meanwhile."""

from questv.api import FOREVER, Receiver, Sender, log, now, sleep_until, task
from questv.metal.lang import RELAXED, Ptr, Shared, metal, u64

QUESTIONS = 12
PATIENCE = 300_000
"""Nanoseconds after which a question is asked again."""


@task
def ask(there: Sender, back: Receiver) -> None:
    """Ask one thing after the other, each as often as it takes."""
    question: u64 = 0
    while question < QUESTIONS:
        if asked(there, question) and answered(back, question):
            question += 1
            sleep_until(now() + 50_000)
    log(f"{question} answers")


@metal
def asked(there: Sender, question: u64) -> bool:
    """Send it, if there is room in time."""
    room = there.reserve(8, now() + PATIENCE)
    if room.is_null():
        return False
    Ptr[u64](room)[0] = question
    there.commit()
    return True


@metal
def answered(back: Receiver, question: u64) -> bool:
    """Wait for the right answer; others are old ones."""
    deadline = now() + PATIENCE
    while True:
        message = back.receive(deadline)
        if message.is_null():
            return False
        answer = Ptr[Shared[u64]](message)[0].load(RELAXED)
        back.done()
        if answer == question * question + 1:
            return True


@task
def answer(there: Receiver, back: Sender) -> None:
    """Answer whatever is asked."""
    while True:
        question = Ptr[Shared[u64]](there.receive(FOREVER))[0].load(RELAXED)
        there.done()
        room = back.reserve(8, now() + PATIENCE)
        if not room.is_null():
            Ptr[u64](room)[0] = question * question + 1
            back.commit()


@task
def alone() -> None:
    """Have nothing to do with all that."""
    for i in range(u64(5)):
        sleep_until(now() + 100_000)
        log(f"{i}")
