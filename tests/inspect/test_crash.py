from __future__ import annotations

from pathlib import Path

import pytest

from questv.arch.x86.apic import COMMAND_INIT
from questv.attacks import (
    faults,
    hypercalls,
    instructions,
    interrupts,
    memory,
    ports,
    registers,
)
from questv.inspect.inspector import Inspector
from questv.inspect.model import CrashReport
from questv.kernel.status import KernelStatus
from questv.metal.definitions import MetalFunction
from questv.monitor.interface import (
    CrashReason,
    CrashRecord,
    ExitReason,
    PanicReason,
    PanicRecord,
    PublicPage,
    SandboxState,
)

from .machines import ATTACKS, HELLO, Sheet, attacked, built, plan_of, programs

OTHER_TEXT = plan_of(ATTACKS).sandbox("middle").kernel_windows[0].physical
OWN_TEXT = plan_of(ATTACKS).sandbox("attacker").kernel_windows[0].physical


@pytest.mark.parametrize(
    ("attack", "target", "kind", "reason", "function"),
    [
        (
            memory.write,
            OTHER_TEXT,
            "write outside view",
            f"wrote to {OTHER_TEXT:#x} (memory of sandbox 'middle': its text), which is outside "
            "its view",
            "write",
        ),
        (
            memory.read,
            0x10_0000,
            "read outside view",
            "read from 0x100000 (memory of the boot), which is outside its view",
            "read",
        ),
        (
            memory.write,
            OWN_TEXT,
            "write outside view",
            f"wrote to {OWN_TEXT:#x} (its own text), which it may only read and execute",
            "write",
        ),
        (
            registers.write_denied_msr,
            0x277,
            "msr write",
            "wrote to MSR 0x277 (PAT), which is not its to write",
            None,
        ),
        (
            ports.read,
            0xCF9,
            "port read",
            "read from port 0xcf9 (PCI configuration and reset), which is not its own",
            None,
        ),
        (
            interrupts.send_command,
            1 << 32 | COMMAND_INIT,
            "forged doorbell",
            "tried to send INIT to APIC 1 (sandbox 'source'), which is no doorbell of the plan",
            None,
        ),
        (
            instructions.clgi,
            0,
            "forbidden instruction",
            "executed CLGI, which no kernel may",
            "clgi",
        ),
        (
            registers.set_cr0,
            0,
            "forbidden instruction",
            "executed an instruction that changes CR0, which no kernel may",
            "write_cr0",
        ),
        (
            hypercalls.call,
            99,
            "bad hypercall",
            "made hypercall 99, which does not exist",
            None,
        ),
        (
            faults.without_handlers,
            0,
            "shutdown",
            "shut down: an exception came while it could not handle one (triple fault)",
            None,
        ),
    ],
    ids=lambda value: value.name if isinstance(value, MetalFunction) else "",
)
def test_what_a_real_machine_leaves(
    attack: MetalFunction,
    target: int,
    kind: str,
    reason: str,
    function: str | None,
    tmp_path: Path,
) -> None:
    inspector = attacked(attack, target, tmp_path)
    assert inspector.state("attacker") is SandboxState.CRASHED
    [crash] = inspector.crashes("attacker")
    assert crash is not None
    assert (crash.kind, crash.reason, crash.task) == (kind, reason, "attack")
    assert crash.panic is None
    assert crash.time is not None and 0 < crash.time < 10_000_000_000
    names = [frame.function for frame in crash.trace]
    assert names[-3:] == ["attack", "call", "task_main"]
    assert function is None or names[0] == function
    assert crash.registers["cr3"] % 4096 == 0 and len(crash.registers) == 24
    assert inspector.crashes("middle") == ()


# ---- what no test can bring about, from records made by hand -----------------------------------


def crash_of(record: CrashRecord, status: KernelStatus | None = None) -> CrashReport:
    plan = plan_of(HELLO)
    ping = plan.sandbox("ping")
    sheet = Sheet()
    page = PublicPage(state=SandboxState.CRASHED, crash_count=1)
    page.crashes[0] = record
    sheet.put(ping.public, page)
    if status is not None:
        sheet.put(ping.physical(ping.status), status)
    found = Inspector(plan, programs(built(HELLO)), sheet).crashes("ping")
    assert len(found) == 1
    return found[0]


def test_a_record_that_is_being_written() -> None:
    """A monitor writes the record first and then says that its sandbox is stopped."""
    plan = plan_of(HELLO)
    sheet = Sheet()
    page = PublicPage(state=SandboxState.STARTED)
    page.crashes[0] = CrashRecord(reason=CrashReason.MONITOR_EXCEPTION)
    sheet.put(plan.sandbox("ping").public, page)
    assert Inspector(plan, programs(built(HELLO)), sheet).crashes("ping") == ()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (
            CrashRecord(reason=CrashReason.MACHINE_CHECK),
            "met an error of the hardware (machine check)",
        ),
        (
            CrashRecord(reason=CrashReason.INVALID_STATE),
            "could not be entered: the processor refuses its state",
        ),
        (
            CrashRecord(reason=CrashReason.UNEXPECTED_EVENT, code=0x7E),
            "was left for FERR_FREEZE, which nobody expects",
        ),
        (
            CrashRecord(reason=CrashReason.UNEXPECTED_EVENT, code=0x1234),
            "was left for an event (exit code 0x1234), which nobody expects",
        ),
        (
            CrashRecord(reason=CrashReason.MONITOR_EXCEPTION, code=13),
            "lost its monitor, which stopped itself at a general protection fault",
        ),
        (
            CrashRecord(reason=CrashReason.FORBIDDEN_APIC_ACCESS, address=0x0F),
            "asked for the local APIC's spurious, which is not its to use",
        ),
        (
            CrashRecord(reason=CrashReason.BAD_HYPERCALL, address=1),
            "said a second time that it has started",
        ),
        (
            CrashRecord(reason=CrashReason.READ_OUTSIDE_VIEW, address=0xA_0000, detail=1 << 33 | 1),
            "has page tables that lead to 0xa0000 (memory of the firmware), which is outside its "
            "view",
        ),
        (
            CrashRecord(reason=CrashReason.FORBIDDEN_INSTRUCTION, code=0x1234),
            "executed an instruction (exit code 0x1234), which no kernel may",
        ),
    ],
)
def test_reasons(record: CrashRecord, reason: str) -> None:
    assert crash_of(record).reason == reason


def test_a_reason_from_the_future() -> None:
    record = CrashRecord(exit=ExitReason.OTHER)
    record = CrashRecord.view(b"\x63\0\0\0" + bytes(record)[4:])
    assert crash_of(record).kind == "unknown (99)"


@pytest.mark.parametrize(
    ("panic", "reason"),
    [
        (PanicRecord(reason=PanicReason.TRAP, trap=4), "array index out of range"),
        (PanicRecord(reason=PanicReason.TRAP, trap=99), "trap 99"),
        (PanicRecord(reason=PanicReason.MESSAGE, text=b"out of ideas"), "out of ideas"),
        (PanicRecord(reason=PanicReason.MESSAGE, text=b"x" * 120), "x" * 120),
        (PanicRecord(reason=PanicReason.MESSAGE, text=b"\xff"), "\ufffd"),
        (
            PanicRecord(reason=PanicReason.EXCEPTION, vector=13, error=0x10),
            "general protection fault, error code 0x10",
        ),
        (PanicRecord(reason=PanicReason.EXCEPTION, vector=6), "invalid opcode"),
        (
            PanicRecord(reason=PanicReason.EXCEPTION, vector=14, error=0b10, address=0x10),
            "page fault writing to 0x10, where it has no memory",
        ),
        (
            PanicRecord(reason=PanicReason.EXCEPTION, vector=14, error=0b1_0001, address=0x5000),
            "page fault executing 0x5000, which it has no right to",
        ),
        (
            PanicRecord(reason=PanicReason.EXCEPTION, vector=14, address=0x5000),
            "page fault reading from 0x5000, where it has no memory",
        ),
        (PanicRecord(), "its record does not say why"),
    ],
)
def test_panics(panic: PanicRecord, reason: str) -> None:
    status = KernelStatus()
    panic.task = 0
    status.panic = panic
    crash = crash_of(CrashRecord(reason=CrashReason.KERNEL_PANIC), status)
    assert crash.panic is not None
    assert (crash.reason, crash.panic.reason, crash.task) == (f"panicked: {reason}", reason, "ping")


def test_a_panic_of_the_kernel_itself() -> None:
    status = KernelStatus()
    status.panic = PanicRecord(reason=PanicReason.MESSAGE, text=b"no", task=32)
    crash = crash_of(CrashRecord(reason=CrashReason.KERNEL_PANIC), status)
    assert crash.task is None and crash.panic is not None and crash.panic.trace == ()
