"""The task of the kernel beside the foreign one."""

from questv.api import log, now, sleep_until, task
from questv.metal.lang import u64


@task
def greet() -> None:
    """Write a line every millisecond."""
    for number in range(u64(3)):
        log(f"hello {number}")
        sleep_until(now() + 1_000_000)
