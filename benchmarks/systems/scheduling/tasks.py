"""Tasks that count their own instructions, so that what is left is the kernel's."""

from __future__ import annotations

from questv.api import periodic, task
from questv.metal.lang import Array, addr, assembly, static, u64

MOST = 101

rounds: Array[u64, MOST] = static(export="rounds")


@assembly(
    """
1:  inc qword ptr [rdi]
    jmp 1b
    """
)
def count(rounds: u64) -> None:
    """Two instructions a round, for ever."""


@task
def spin(number: u64) -> None:
    """Take all time that there is."""
    count(addr(rounds[number]))


@periodic
def come_and_go() -> None:
    """Be released, and have nothing to do."""
