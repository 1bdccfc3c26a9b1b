"""Reports made by hand."""

from __future__ import annotations

from questv.inspect.model import (
    AskedMachine,
    ChannelReport,
    ConsoleReport,
    CrashReport,
    EndReport,
    Exits,
    FoundMachine,
    Frame,
    Line,
    MachineReport,
    PanicReport,
    SandboxReport,
    TaskReport,
    VcpuReport,
)
from questv.inspect.report import InputReport, Outcome, RunReport


def machine(*, x2apic: bool = True, **interrupts: str) -> MachineReport:
    return MachineReport(
        asked=AskedMachine(
            kind="microvm",
            cores=2,
            memory=16 << 20,
            deterministic=True,
            run_for=5_000_000_000,
            x2apic="preferred",
            interrupts=interrupts or {"left": "guarded", "right": "guarded"},
        ),
        found=FoundMachine(
            cores=2,
            x2apic=x2apic,
            tsc_frequency=2_600_000_000,
            apic_frequency=999_999_999,
        ),
    )


def sandbox(name: str, core: int, **others: object) -> SandboxReport:
    made = SandboxReport(
        name=name,
        core=core,
        interrupts="guarded",
        state="finished",
        entered=1000,
        started=2000,
        ended=3_000_000,
        exits=Exits(before={"hypercall": 1, "msr": 0}, after={"doorbell": 12, "msr": 0}),
        timer_interrupts=7,
        doorbells=1234,
        spurious_interrupts=0,
        vcpus=(
            VcpuReport(
                name="best-effort",
                kind="best effort",
                level=0,
                period=0,
                budget=0,
                overrun_budget=0,
                utilization=0,
                used=0,
                depletions=0,
                overruns=0,
            ),
        ),
        tasks=(
            TaskReport(
                name="work",
                function="tasks:work",
                kind="once",
                vcpu="best-effort",
                priority=10,
                period=0,
                deadline=0,
                state="waiting",
                waits_for="there",
                switches=3,
                used=12_000,
                releases=0,
                misses=0,
                dropped=0,
                worst=None,
            ),
        ),
        crash=None,
    )
    return made.model_copy(update=others)


def end(name: str, messages: int) -> EndReport:
    return EndReport(
        sandbox=name,
        task="work",
        messages=messages,
        bytes=8 * messages,
        waits=1,
        rung=2,
        woken=3,
        late=4,
        violations=0,
    )


def line(number: int, text: str, **others: object) -> Line:
    made = Line(number=number, sandbox="left", task="work", time=1_000_000 * number, text=text)
    return made.model_copy(update=others)


def crash(panic: PanicReport | None = None) -> CrashReport:
    return CrashReport(
        kind="port write",
        reason="wrote to port 0x70 (the real-time clock (CMOS)), which is not its own",
        task="work",
        time=1_500_000,
        registers={"rip": 0x4000_0010, "rflags": 2, "r8": (1 << 64) - 1},
        trace=(
            Frame(function="out8", file="questv/arch/x86/instructions.py", line=86, address=0x10),
            Frame(function="work", file="", line=0, address=0x20),
        ),
        panic=panic,
    )


def report() -> RunReport:
    return RunReport(
        system="sample",
        image="ab" * 32,
        outcome=Outcome.ENDED,
        detail="as planned",
        machine=machine(),
        sandboxes=(sandbox("left", 0), sandbox("right", 1)),
        channels=(
            ChannelReport(
                name="there", kind="ring", sender=end("left", 10), receiver=end("right", 9)
            ),
        ),
        inputs=(InputReport(name="file", bytes=1234),),
        console=(
            ConsoleReport(
                sandbox="left", written=2, lost=0, lines=(line(1, "one"), line(2, "two"))
            ),
            ConsoleReport(sandbox="right", written=0, lost=0, lines=()),
        ),
        streams=(),
        expectations=(),
    )
