"""Reports made by hand."""

from __future__ import annotations

from questv.inspect.model import (
    AskedMachine,
    ChannelReport,
    ConsoleReport,
    CounterReport,
    CrashReport,
    EndReport,
    Exits,
    FoundMachine,
    Frame,
    HistogramReport,
    Line,
    MachineReport,
    MutexReport,
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
        unsent_lines=0,
        idle=None,
        mode=0,
        mode_changes=0,
        vcpus=(
            VcpuReport(
                name="best-effort",
                kind="best effort",
                level=0,
                period=0,
                budget=0,
                overrun_budget=0,
                utilization=0,
                used=None,
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
                state="waiting",
                waits_for="there",
                switches=3,
                used=None,
                deadline=None,
                releases=0,
                misses=0,
                dropped=0,
                worst=None,
                responses=(),
                restored=(),
            ),
        ),
        mutexes=(),
        counters=(),
        histograms=(),
        crash=None,
        incarnation=0,
        crashes=(),
    )
    return made.model_copy(update=others)


LATENCIES = (0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1)


def timed_sandbox(name: str, core: int, **others: object) -> SandboxReport:
    """One with VCPUs, a periodic task that was late once, and things that tasks count."""
    plain = sandbox(name, core)
    best_effort = plain.vcpus[0].model_copy(update={"used": 300_000})
    main = best_effort.model_copy(
        update={
            "name": "control",
            "kind": "main",
            "level": 2,
            "period": 1_000_000,
            "budget": 100_000,
            "overrun_budget": 200_000,
            "used": 200_000,
            "depletions": 1234,
            "overruns": 2,
        }
    )
    io = best_effort.model_copy(
        update={"name": "io", "kind": "io", "utilization": 1 << 28, "used": 0}
    )
    work = plain.tasks[0].model_copy(update={"used": 300_000})
    control = work.model_copy(
        update={
            "name": "control",
            "function": "tasks:control",
            "vcpu": "control",
            "priority": None,
            "state": "sleeping",
            "waits_for": None,
            "used": 200_000,
            "deadline": 800_000,
            "releases": 20,
            "misses": 1,
            "dropped": 3,
            "worst": 923_456,
            "responses": (10, 0, 5, 0, 1, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0),
        }
    )
    made = plain.model_copy(
        update={
            "idle": 500_000,
            "mode": 2,
            "mode_changes": 3,
            "vcpus": (main, io, best_effort),
            "tasks": (control, work),
            "mutexes": (
                MutexReport(name="state", hold=5_000, times=20, longest=6_789, overruns=4),
            ),
            "counters": (CounterReport(name="tasks.samples", total=123_456),),
            "histograms": (
                HistogramReport(
                    name="tasks.latency",
                    sum=1_119,
                    least=3,
                    most=900,
                    buckets=(0, 0, 9, *[0] * 7, 1),
                ),
                HistogramReport(name="control.own.sizes", sum=0, least=None, most=None, buckets=()),
            ),
        }
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
        resets=0,
        violations=0,
    )


def line(number: int, text: str, **others: object) -> Line:
    made = Line(number=number, sandbox="left", task="work", time=1_000_000 * number, text=text)
    return made.model_copy(update=others)


def crash(panic: PanicReport | None = None) -> CrashReport:
    return CrashReport(
        number=0,
        incarnation=0,
        action="stop",
        kind="port write",
        reason="wrote to port 0x70 (the real-time clock (CMOS)), which is not its own",
        task="work",
        time=1_500_000,
        decided=1_500_500,
        waited=None,
        restored=None,
        entered=None,
        started=None,
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
