"""How often kernels are left for their monitors, by reason: in normal running, hardly ever."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import pytest

from questv.machine import WITHOUT_X2APIC, MachineKind
from questv.monitor.interface import SandboxState
from questv.plan.build import BuiltSystem, build
from tests.running import (
    Run,
    Sandbox,
    input_file,
    ring_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

TASKS = """
@metal
def _number(number: u64, to: Sender) -> None:
    Ptr[u64](to.reserve(8, FOREVER))[0] = number
    to.commit()

@metal
def _next(source: Receiver) -> u64:
    number = Ptr[Shared[u64]](source.receive(FOREVER))[0].load(RELAXED)
    source.done()
    return number

@task
def ask(questions: Sender, answers: Receiver, rounds: u64) -> None:
    for i in range(rounds):
        _number(i, questions)
        assert _next(answers) == i + 1

@task
def answer(questions: Receiver, answers: Sender, rounds: u64) -> None:
    for _ in range(rounds):
        _number(_next(questions) + 1, answers)

@task
def doze(times: u64, period: u64) -> None:
    next = now()
    for _ in range(times):
        next += period
        sleep_until(next)
"""

ROUNDS, SLEEPS = 300, 20
CPUS = {"x2apic": "EPYC,+svm,+npt,+x2apic", "no x2apic": WITHOUT_X2APIC}


@functools.cache
def built(folder: Path, apic: str) -> BuiltSystem:
    text = system_text(
        sandbox_text(
            "one",
            task_text("ask", 2, rounds=ROUNDS),
            task_text("doze", 1, times=SLEEPS, period=1_000_000),
            keys=f'apic = "{apic}"',
        ),
        sandbox_text("two", task_text("answer", rounds=ROUNDS), keys=f'apic = "{apic}"'),
        ring_text("questions", "one", "two"),
        ring_text("answers", "two", "one"),
    )
    return build(write_system(folder, text, TASKS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exits")


def rung(sandbox: Sandbox) -> int:
    """Doorbells that a sandbox sent: each is one exit of a guarded kernel."""
    return sum(int(end.rung) for end in sandbox.ends.values())


def taken(sandbox: Sandbox) -> int:
    """Doorbells that it took: each found a task asleep (or about to be), or awake again."""
    return sum(int(end.woken) + int(end.late) for end in sandbox.ends.values())


def merged(run: Run) -> int:
    """Doorbells that nobody took as such, of all.

    One is rung for each announced sleep, and all but these are taken as *woken* or *late*: the
    ones on top of which the next came before they were taken, and those that came to a kernel that
    had finished.
    """
    total = 0
    for channel in run.system.plan.channels:
        pair = run[channel.sender].ends[channel.name], run[channel.receiver].ends[channel.name]
        for sent, came in (pair, pair[::-1]):
            # Who slept without a deadline was woken by a doorbell, once for each sleep.
            assert int(came.waits) <= int(came.woken)
            lost = int(sent.rung) - int(came.woken) - int(came.late)
            assert lost >= 0
            total += lost
    return total


@pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])
@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
@pytest.mark.parametrize("apic", ["direct", "guarded"])
def test_exits(
    folder: Path, tmp_path: Path, apic: str, cpu: str, kind: MachineKind, deterministic: bool
) -> None:
    system = built(folder / apic, apic)
    run = run_system(system, tmp_path, cpu=cpu, kind=kind, deterministic=deterministic)
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    hypercalls = apic == "guarded" and cpu == WITHOUT_X2APIC
    for name, sandbox in run.sandboxes.items():
        assert sandbox.state == SandboxState.FINISHED
        timers = int(sandbox.status.timer_interrupts)
        if name == "one":
            # On a busy host a sleep's end may have passed before the sleep.
            assert timers == SLEEPS if deterministic else timers > 0
        assert int(sandbox.status.spurious) == 0
        # Before: the timer is set up, with its divider where that takes a call, and the kernel
        # says that it runs.
        setting_up = {"direct": 0, "guarded": 2 if hypercalls else 1}[apic]
        assert sandbox.before == without_zeros({"HYPERCALL": 1, "APIC": setting_up})
        # After: doorbells; and where there is no other way to the local APIC, the end of each
        # interrupt and each time that the timer is armed or disarmed.
        doorbells = rung(sandbox) if apic == "guarded" else 0
        settings = int(sandbox.status.timer_settings)
        accesses = taken(sandbox) + timers + settings if hypercalls else 0
        assert sandbox.after == without_zeros({"DOORBELL": doorbells, "APIC": accesses})
    if deterministic:
        assert rung(run["one"]) > 0 and rung(run["two"]) > 0
        assert merged(run) == 0
    else:  # on a busy host a side may never be asleep when the other has something for it
        assert merged(run) < ROUNDS


def without_zeros(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


# ---- the demo, for ten seconds -----------------------------------------------------------------

SECONDS = 10
DEMO = Path(__file__).parents[2] / "examples" / "demo"
SPEECH = b"to be or not to be\n" * 200


@functools.cache
def demo(folder: Path, apic: str) -> BuiltSystem:
    """The demo with a reader that sends its file ten times a second, and a small machine."""
    shutil.copytree(DEMO, folder)
    description = folder / "system.toml"
    text = description.read_text()
    for old, new in {
        "rounds = 1, pause = 0": f"rounds = {SECONDS * 10}, pause = 100_000_000",
        "least = 200": f"least = {SECONDS * 1000}",
        'memory = "1100 MiB"': 'memory = "16 MiB"',
        'size = "1 GiB"': 'size = "64 KiB"',
        "[[sandbox]]\n": f'[[sandbox]]\napic = "{apic}"\n',
    }.items():
        assert old in text
        text = text.replace(old, new)
    description.write_text(text)
    return build(folder)


@pytest.mark.parametrize("apic", ["direct", "guarded"])
def test_ten_seconds_of_the_demo(folder: Path, tmp_path: Path, apic: str) -> None:
    """No exit at all while direct kernels work; guarded ones exit for each doorbell they ring."""
    system = demo(folder / f"demo-{apic}", apic)
    run = run_system(
        system,
        tmp_path,
        deterministic=True,
        metronome=1_000_000,  # coarse: the kernels mostly sleep, and time goes by in leaps
        contents=(input_file(system, "reader", SPEECH, tmp_path),),
        timeout=60,
    )
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    for sandbox in run.sandboxes.values():
        assert sandbox.state == SandboxState.FINISHED
        assert int(sandbox.public.ended) - int(sandbox.public.started) >= SECONDS * 10**9
        timer = 1 if apic == "guarded" else 0
        assert sandbox.before == without_zeros({"HYPERCALL": 1, "APIC": timer})
        doorbells = rung(sandbox) if apic == "guarded" else 0
        assert sandbox.after == without_zeros({"DOORBELL": doorbells})
    # The work: the control task was woken a thousand times a second, and rang the report's bell.
    digest = run["digest"]
    assert int(digest.status.timer_interrupts) >= SECONDS * 1000
    assert int(digest.ends["ticks"].rung) >= SECONDS * 1000
    assert int(run["reader"].status.timer_interrupts) == SECONDS * 10
    sent = SECONDS * 10 * len(SPEECH)
    assert any(line.startswith(f"{sent} bytes, ") for line in run["report"].lines)
    # All doorbells were taken, save the last ones that came to kernels which had finished.
    assert merged(run) <= len(system.plan.channels)
