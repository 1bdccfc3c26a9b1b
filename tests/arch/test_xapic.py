"""The local APIC's page, register by register."""

from __future__ import annotations

from questv.arch.x86.apic import COMMAND_PENDING, ApicRegister
from questv.arch.x86.instructions import pause
from questv.arch.x86.xapic import send_through_xapic
from questv.metal.interpret.events import Load, Steps, Store
from questv.metal.interpret.interpreter import Interpreter
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program

COMMAND = int(ApicRegister.COMMAND) * 16
COMMAND_HIGH = int(ApicRegister.COMMAND_HIGH) * 16


def test_an_interrupt_is_sent_when_the_last_one_is_on_its_way() -> None:
    def wait() -> Steps[None]:
        yield from ()

    memory = Memory()
    page = memory.reserve(bytes(4096)).start
    domain = Interpreter(Program(), memory, models={pause: wait})
    steps = domain.call(send_through_xapic, page, 0xAB << 32 | 0x4500)
    done: list[tuple[str, int, int]] = []
    pending = [COMMAND_PENDING | 0x31, COMMAND_PENDING | 0x31, 0x31]
    answer: int | None = None
    try:
        while True:
            event = steps.send(answer)
            assert isinstance(event, Load | Store) and event.size == 4
            if isinstance(event, Load):
                answer = pending.pop(0)
                done.append(("read", event.address - page, answer))
            else:
                answer = None
                done.append(("write", event.address - page, event.value))
    except StopIteration:
        pass
    assert done == [
        ("read", COMMAND, COMMAND_PENDING | 0x31),
        ("read", COMMAND, COMMAND_PENDING | 0x31),
        ("read", COMMAND, 0x31),
        ("write", COMMAND_HIGH, 0xAB << 24),
        ("write", COMMAND, 0x4500),
    ]
