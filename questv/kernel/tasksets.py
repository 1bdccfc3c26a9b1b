"""Sets of tasks: bit n stands for the task with index n."""

from __future__ import annotations

from questv.kernel.info import MAX_TASKS
from questv.metal.lang import Array, metal, trailing_zeros, u64
from questv.metal.structs import Struct

WORDS = MAX_TASKS // 64


class TaskSet(Struct):
    """A set."""

    words: Array[u64, WORDS]


@metal(inline=True)
def add(tasks: TaskSet, task: u64) -> None:
    """Put ``task`` into the set, if it is not there."""
    tasks.words[task // 64] |= u64(1) << task % 64


@metal(inline=True)
def remove(tasks: TaskSet, task: u64) -> None:
    """Take ``task`` out of the set, if it is there."""
    tasks.words[task // 64] &= ~(u64(1) << task % 64)


@metal(inline=True)
def is_empty(tasks: TaskSet) -> bool:
    """Whether nobody is in the set."""
    return not meet(tasks, tasks)


@metal(inline=True)
def equal(one: TaskSet, other: TaskSet) -> bool:
    """Whether the same tasks are in both."""
    difference: u64 = 0
    for i in range(u64(WORDS)):
        difference |= one.words[i] ^ other.words[i]
    return difference == 0


@metal(inline=True)
def contains(tasks: TaskSet, task: u64) -> bool:
    """Whether ``task`` is in the set."""
    return tasks.words[task // 64] >> task % 64 & 1 != 0


@metal(inline=True)
def meet(one: TaskSet, other: TaskSet) -> bool:
    """Whether a task is in both."""
    common: u64 = 0
    for i in range(u64(WORDS)):
        common |= one.words[i] & other.words[i]
    return common != 0


@metal(inline=True)
def first_of_both(one: TaskSet, other: TaskSet) -> u64:
    """The task with the lowest index in both sets; MAX_TASKS if there is none."""
    for i in range(u64(WORDS)):
        common = one.words[i] & other.words[i]
        if common != 0:
            return i * 64 + trailing_zeros(common)
    return MAX_TASKS


@metal(inline=True)
def add_all(tasks: TaskSet, others: TaskSet) -> None:
    """Put all ``others`` into the set."""
    for i in range(u64(WORDS)):
        tasks.words[i] |= others.words[i]


@metal(inline=True)
def take_out(tasks: TaskSet, others: TaskSet) -> None:
    """Take ``others``, who are all there, out of the set."""
    for i in range(u64(WORDS)):
        tasks.words[i] ^= others.words[i]


@metal(inline=True)
def remove_all(tasks: TaskSet, others: TaskSet) -> None:
    """Take all ``others`` out of the set."""
    for i in range(u64(WORDS)):
        tasks.words[i] &= ~others.words[i]


@metal(inline=True)
def clear_all(tasks: TaskSet) -> None:
    """Leave nobody in the set."""
    for i in range(u64(WORDS)):
        tasks.words[i] = 0
