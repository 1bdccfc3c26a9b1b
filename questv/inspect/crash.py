"""Why a sandbox was stopped: the monitor's record and the kernel's own, for people."""

from __future__ import annotations

from collections.abc import Mapping

from questv.arch.x86.svm import ExitCode
from questv.inspect import commands, places, words
from questv.inspect.foreign import foreign_calls
from questv.inspect.guest import Guest
from questv.inspect.model import CrashReport, FailOverReport, Frame, PanicReport
from questv.inspect.trace import Stack, frames_at, kept_calls
from questv.kernel.status import KernelStatus
from questv.metal.lang import ACQUIRE
from questv.metal.tree import TrapKind
from questv.monitor.interface import (
    CRASHES,
    Action,
    CrashReason,
    CrashRecord,
    Hypercall,
    PanicReason,
    PanicRecord,
    PublicPage,
)
from questv.plan.model import SandboxPlan
from questv.plan.programs import Program

_NUMBERED = range(8, 16)
_DURING_TABLE_WALK = 1 << 33  # in a nested page fault's information (APM vol. 2, 15.25.6)
_ACCESSES = {
    CrashReason.READ_OUTSIDE_VIEW: "read from",
    CrashReason.WRITE_OUTSIDE_VIEW: "wrote to",
    CrashReason.EXECUTE_OUTSIDE_VIEW: "executed code at",
}


class CrashReader:
    """Reads the crash records of one machine."""

    def __init__(self, guest: Guest, programs: Mapping[str, Program]) -> None:
        """``programs`` are those of the machine's image, by name."""
        self._guest = guest
        self._programs = programs

    def count(self, sandbox: SandboxPlan) -> int:
        """How often ``sandbox`` had a fault; cheaper than all the rest."""
        return int(self._guest.at(PublicPage, sandbox.public).crash_count.load(ACQUIRE))

    def read(self, sandbox: SandboxPlan) -> tuple[CrashReport, ...]:
        """What is known of the faults of ``sandbox``: the newest ``CRASHES``, the oldest first."""
        public = self._guest.at(PublicPage, sandbox.public)
        return tuple(
            self._report(sandbox, number, record) for number, record in kept_records(public)
        )

    def _report(self, sandbox: SandboxPlan, number: int, record: CrashRecord) -> CrashReport:
        is_panic = record.reason == CrashReason.KERNEL_PANIC
        panic = None
        if is_panic and record.action == Action.RESTART:
            panic = self._kept_panic(sandbox, record)
        elif is_panic and sandbox.status is not None:
            panic = self._panic(sandbox, sandbox.status)
        moment = self._guest.clock.nanoseconds
        return CrashReport(
            number=number,
            incarnation=int(record.incarnation),
            action=words.words(record.action),
            kind=words.words(record.reason),
            reason=self._reason(sandbox, record, panic),
            task=panic.task if panic else _task_on(sandbox, int(record.rsp)),
            time=moment(int(record.time)),
            decided=moment(int(record.decided)),
            waited=moment(int(record.waited)),
            restored=moment(int(record.restored)),
            entered=moment(int(record.entered)),
            started=moment(int(record.started)),
            fail_over=self._fail_over(sandbox, record),
            registers=_registers(record),
            trace=self._trace(sandbox, record),
            panic=panic,
        )

    def _fail_over(self, sandbox: SandboxPlan, record: CrashRecord) -> FailOverReport | None:
        """What became of a fail-over, by what the two monitors and the standby's kernel say."""
        if record.action != Action.FAIL_OVER or sandbox.fail_over is None:
            return None
        moment = self._guest.clock.nanoseconds
        standby = self._guest.plan.sandbox(sandbox.fail_over.to)
        served = 0
        if standby.status is not None:
            served = int(self._guest.of(standby, KernelStatus, standby.status).stood_in)
        return FailOverReport(
            to=standby.name,
            released=moment(int(self._guest.at(PublicPage, sandbox.public).ended)),
            taken_over=moment(int(self._guest.at(PublicPage, standby.public).took_over)),
            served=moment(served),
        )

    # ---- the monitor's record ----------------------------------------------------------------

    def _reason(self, sandbox: SandboxPlan, record: CrashRecord, panic: PanicReport | None) -> str:
        address = int(record.address)
        match record.reason:
            case (
                CrashReason.READ_OUTSIDE_VIEW
                | CrashReason.WRITE_OUTSIDE_VIEW
                | CrashReason.EXECUTE_OUTSIDE_VIEW
            ):
                return self._access(sandbox, record)
            case CrashReason.SHUTDOWN:
                return "shut down: an exception came while it could not handle one (triple fault)"
            case CrashReason.FORBIDDEN_INSTRUCTION:
                return f"executed {_exit(int(record.code), 'instruction')}, which no kernel may"
            case CrashReason.MSR_READ:
                return f"read {words.msr(address)}, which is not its to read"
            case CrashReason.MSR_WRITE:
                return f"wrote to {words.msr(address)}, which is not its to write"
            case CrashReason.PORT_READ:
                return f"read from {words.port(address)}, which is not its own"
            case CrashReason.PORT_WRITE:
                return f"wrote to {words.port(address)}, which is not its own"
            case CrashReason.FORGED_DOORBELL:
                sent = commands.describe(self._guest, address)
                return f"tried to send {sent}, which is no doorbell of the plan"
            case CrashReason.FORBIDDEN_APIC_ACCESS:
                register = words.apic_register(address)
                return f"asked for the local APIC's {register}, which is not its to use"
            case CrashReason.BAD_HYPERCALL:
                return _hypercall(address)
            case CrashReason.KERNEL_PANIC:
                return f"panicked: {panic.reason}" if panic else f"panicked (rdi {address:#x})"
            case CrashReason.MACHINE_CHECK:
                return "met an error of the hardware (machine check)"
            case CrashReason.INVALID_STATE:
                return "could not be entered: the processor refuses its state"
            case CrashReason.HANG:
                silence = self._guest.clock.duration(address)
                return f"hung: there was no sign of life from it for {silence / 1e6:.3f} ms"
            case CrashReason.MONITOR_EXCEPTION:
                exception = words.exception(int(record.code))
                return f"lost its monitor, which stopped itself at a {exception}"
            case _:
                event = _exit(int(record.code), "event")
                return f"was left for {event}, which nobody expects"

    def _access(self, sandbox: SandboxPlan, record: CrashRecord) -> str:
        assert isinstance(record.reason, CrashReason)
        place = places.describe(self._guest.plan, sandbox, int(record.address))
        if int(record.detail) & _DURING_TABLE_WALK:
            return f"has page tables that lead to {place}"
        return f"{_ACCESSES[record.reason]} {place}"

    def _trace(self, sandbox: SandboxPlan, record: CrashRecord) -> tuple[Frame, ...]:
        if record.action == Action.RESTART:
            return self._kept_calls(sandbox, int(record.rip), record)
        if record.reason == CrashReason.MONITOR_EXCEPTION:
            return tuple(frames_at(self._programs["monitor"].symbols, int(record.rip)))
        if sandbox.foreign is not None:
            program = self._programs.get(f"kernel-{sandbox.name}")
            return foreign_calls(self._guest, sandbox, record, program.symbols if program else None)
        return self._stack(sandbox).calls(int(record.rip), int(record.rbp), int(record.rsp))

    def _stack(self, sandbox: SandboxPlan) -> Stack:
        return Stack(self._guest, sandbox, self._programs[f"kernel-{sandbox.name}"].symbols)

    def _kept_calls(
        self, sandbox: SandboxPlan, rip: int | None, record: CrashRecord
    ) -> tuple[Frame, ...]:
        """The calls that the monitor kept of a kernel whose memory is another's by now."""
        symbols = self._programs[f"kernel-{sandbox.name}"].symbols
        return kept_calls(symbols, rip, list(map(int, record.calls)))

    # ---- the kernel's own record -------------------------------------------------------------

    def _panic(self, sandbox: SandboxPlan, status: int) -> PanicReport:
        record = self._guest.of(sandbox, KernelStatus, status).panic
        stack = self._stack(sandbox)
        if record.reason in (PanicReason.MESSAGE, PanicReason.WATCHDOG):
            trace = stack.callers(int(record.rbp))
        else:
            trace = stack.calls(int(record.rip), int(record.rbp), int(record.rsp))
        return _panic_report(sandbox, record, trace)

    def _kept_panic(self, sandbox: SandboxPlan, crash: CrashRecord) -> PanicReport:
        record = crash.panic
        calls_panic = record.reason in (PanicReason.MESSAGE, PanicReason.WATCHDOG)
        rip = None if calls_panic else int(record.rip)
        return _panic_report(sandbox, record, self._kept_calls(sandbox, rip, crash))


def _panic_report(
    sandbox: SandboxPlan, record: PanicRecord, trace: tuple[Frame, ...]
) -> PanicReport:
    index = int(record.task)
    task = sandbox.tasks[index].name if index < len(sandbox.tasks) else None
    return PanicReport(reason=_panic_reason(record, task), task=task, trace=trace)


def kept_records(public: PublicPage) -> list[tuple[int, CrashRecord]]:
    """The crash records of a page with their numbers, from 0, the oldest first."""
    count = int(public.crash_count.load(ACQUIRE))
    return [
        (number, public.crashes[number % CRASHES])
        for number in range(max(0, count - CRASHES), count)
    ]


def _panic_reason(record: PanicRecord, task: str | None) -> str:
    match record.reason:
        case PanicReason.MESSAGE:
            return bytes(record.text).partition(b"\0")[0].decode(errors="replace")
        case PanicReason.TRAP:
            try:
                return TrapKind(int(record.trap)).words
            except ValueError:
                return f"trap {int(record.trap)}"
        case PanicReason.EXCEPTION:
            return words.fault(int(record.vector), int(record.error), int(record.address))
        case PanicReason.WATCHDOG:
            return f"the watchdog of task '{task}' ran out"
        case _:
            return "its record does not say why"


def _registers(record: CrashRecord) -> dict[str, int]:
    names = (
        *("rip", "rsp", "rbp", "rflags"),
        *("rax", "rbx", "rcx", "rdx", "rsi", "rdi"),
        *("cr0", "cr2", "cr3", "cr4", "efer", "cs"),
    )
    registers = {name: int(getattr(record, name)) for name in names}
    for number, value in zip(_NUMBERED, record.numbered, strict=True):
        registers[f"r{number}"] = int(value)
    return registers


def _task_on(sandbox: SandboxPlan, stack_pointer: int) -> str | None:
    """The task on whose stack a kernel was; None if it was on one of its own."""
    for task in sandbox.tasks:
        if task.stack_top - task.stack_size <= stack_pointer <= task.stack_top:
            return task.name
    return None


def _exit(code: int, kind: str) -> str:
    """The processor's name for the exit ``code``; its number for a ``kind`` that is not known."""
    if code == ExitCode.CR0_SELECTIVE_WRITE:
        return "an instruction that changes CR0"
    try:
        return ExitCode(code).name
    except ValueError:
        return f"an {kind} (exit code {code:#x})"


def _hypercall(number: int) -> str:
    if number == Hypercall.STARTED:
        return "said a second time that it has started"
    return f"made hypercall {number}, which does not exist"
