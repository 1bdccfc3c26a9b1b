from __future__ import annotations

from questv.inspect.model import Frame, PanicReport
from questv.view.crash import crash_view, repair_text
from tests.inspect.samples import crash

from .rendering import coloured, plain


def test_a_crash() -> None:
    assert plain(crash_view("left", crash())) == (
        "left wrote to port 0x70 (the real-time clock (CMOS)), which is not its own\n"
        "  in task work, at 0.001500 s; innermost call first:\n"
        "  0x10  out8  questv/arch/x86/instructions.py:86\n"
        "  0x20  work\n"
        "  rip    0000000040000010  rflags 0000000000000002  r8     ffffffffffffffff\n"
    )


def test_a_panic_shows_its_own_trace_and_no_registers_of_the_reporting_kernel() -> None:
    frame = Frame(function="divide", file="tasks.py", line=35, address=0x400024A6)
    record = crash(PanicReport(reason="division by zero", task=None, trace=(frame,)))
    record = record.model_copy(update={"reason": "panicked: division by zero", "task": None})
    assert plain(crash_view("left", record)) == (
        "left panicked: division by zero\n"
        "  in the kernel itself, at 0.001500 s; innermost call first:\n"
        "  0x400024a6  divide  tasks.py:35\n"
    )


def test_what_was_done_about_it() -> None:
    moments = {"waited": 1_600_500, "restored": 1_620_500, "entered": 1_621_000, "started": None}
    restarted = crash().model_copy(update={"action": "restart", "incarnation": 4, **moments})
    assert (
        "  restarted as incarnation 5: decided 500 ns, waited 100 us, restored 20.0 us, entered "
        "500 ns\n" in plain(crash_view("left", restarted))
    )
    storm = crash().model_copy(update={"action": "stop storm"})
    assert "  stopped: it was restarted too often\n" in plain(crash_view("left", storm))


def test_in_brief() -> None:
    record = crash().model_copy(update={"reason": "hung", "incarnation": 1, "started": 1_600_000})
    assert repair_text(record) == "hung; restarted in 100 us as incarnation 2"
    for unknown in ("time", "started"):
        partly = record.model_copy(update={unknown: None})
        assert repair_text(partly) == "hung; restarted as incarnation 2"


def test_nothing_is_known() -> None:
    record = crash().model_copy(update={"trace": (), "time": None, "registers": {}})
    assert plain(crash_view("left", record)).splitlines()[1:] == [
        "  in task work; innermost call first:",
        "  (no call is known)",
    ]


def test_a_hostile_message() -> None:
    record = crash().model_copy(update={"reason": "panicked: \x1b[2J[red]"})
    assert plain(crash_view("left", record)).startswith("left panicked: \\x1b[2J[red]\n")


def test_narrow_and_in_colour() -> None:
    assert coloured(crash_view("left", crash())).startswith("\x1b[1;31mleft wrote to port")
    narrow = plain(crash_view("left", crash()), width=40)
    assert "  rip    0000000040000010\n  rflags" in narrow
    assert "questv/arch/x86/instructions.py:86" in narrow
