from __future__ import annotations

from questv.api import Receiver, log, task


@task
def work() -> None:
    log("working")


@task
def receive(numbers: Receiver) -> None:
    numbers.dnoe()
    numbers.done()
