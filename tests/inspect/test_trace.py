from __future__ import annotations

import pytest

from questv.inspect.guest import Guest
from questv.inspect.trace import CALL_LIMIT, Stack

from .machines import HELLO, Sheet, built, plan_of

SYMBOLS = built(HELLO).kernels["ping"].symbols
PLAN = plan_of(HELLO)
PING = PLAN.sandbox("ping")
STACK = PING.tasks[0].stack_top - 0x1000
TASK = SYMBOLS.address("tasks.ping") + 100
MAIN = SYMBOLS.address("kernel_task_main") + 60
FIRST = SYMBOLS.address("kernel_task_first_instruction") + 8
HYPERCALL_CALLER = SYMBOLS.address("questv.kernel.panic._give_up") + 4


@pytest.fixture
def sheet() -> Sheet:
    return Sheet()


def calls(sheet: Sheet, instruction: int, frame: int, stack: int = 0) -> list[str]:
    found = Stack(Guest(PLAN, sheet), PING, SYMBOLS).calls(instruction, frame, stack)
    return [frame.function for frame in found]


def push_frame(sheet: Sheet, at: int, outer: int, address: int) -> None:
    sheet.put_word(PING.physical(at), outer)
    sheet.put_word(PING.physical(at + 8), address)


def test_a_whole_chain(sheet: Sheet) -> None:
    push_frame(sheet, STACK, STACK + 64, TASK)
    push_frame(sheet, STACK + 64, STACK + 128, MAIN)
    push_frame(sheet, STACK + 128, 0, FIRST)
    found = Stack(Guest(PLAN, sheet), PING, SYMBOLS).calls(HYPERCALL_CALLER, STACK, 0)
    assert [frame.function for frame in found][-2:] == ["ping", "task_main"]
    assert found[0].function == "_give_up"
    assert found[-2].file == "tasks.py" and found[-2].line > 0
    assert [frame.address for frame in found][-2:] == [TASK, MAIN]


def test_assembly_has_no_frame_but_a_return_address(sheet: Sheet) -> None:
    push_frame(sheet, STACK, 0, MAIN)
    sheet.put_word(PING.physical(STACK - 64), TASK)
    switch = SYMBOLS.address("questv.kernel.context.switch")
    assert calls(sheet, switch, STACK, STACK - 64) == ["switch", "ping", "task_main"]
    assert calls(sheet, switch, STACK, 0x1234) == ["switch", "task_main"]


@pytest.mark.parametrize("frame", [0, 3, 0x1234_5678, (1 << 64) - 8, PING.stack_top - 8])
def test_garbage_ends_the_trace(sheet: Sheet, frame: int) -> None:
    assert calls(sheet, TASK, frame) == ["ping"]


def test_a_return_address_in_no_function_ends_the_trace(sheet: Sheet) -> None:
    push_frame(sheet, STACK, STACK + 64, 0xDEAD_BEEF)
    push_frame(sheet, STACK + 64, 0, MAIN)
    assert calls(sheet, TASK, STACK) == ["ping"]


def test_a_chain_that_leads_back_ends(sheet: Sheet) -> None:
    push_frame(sheet, STACK, STACK + 64, MAIN)
    push_frame(sheet, STACK + 64, STACK, MAIN)
    assert calls(sheet, TASK, STACK) == ["ping", "task_main", "task_main"]


def test_a_chain_without_end_is_cut(sheet: Sheet) -> None:
    for index in range(CALL_LIMIT + 10):
        push_frame(sheet, STACK + 16 * index, STACK + 16 * (index + 1), MAIN)
    assert len(calls(sheet, TASK, STACK)) == 1 + CALL_LIMIT


def test_an_instruction_in_no_function_is_shown_as_such(sheet: Sheet) -> None:
    push_frame(sheet, STACK, 0, MAIN)
    assert calls(sheet, 0x10, STACK) == ["?", "task_main"]
