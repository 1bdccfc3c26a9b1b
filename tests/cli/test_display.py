from __future__ import annotations

import pytest

from questv.cli.display import Display
from questv.cli.output import Output
from tests.inspect.machines import HELLO, plan_of
from tests.inspect.samples import crash, line


def test_after_a_crash_it_is_said_what_the_run_waits_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = Display(plan_of(HELLO), Output(json=False))
    display.crashed("ping", crash(), ("pong", "other"))
    said = capsys.readouterr().out
    assert said.endswith(
        "\nthe run goes on until the end of pong and other; "
        "Ctrl-C ends it now, --for TIME limits it\n"
    )
    display.crashed("pong", crash(), ())
    assert "goes on" not in capsys.readouterr().out


def test_a_fault_that_is_repaired_is_a_line_among_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = Display(plan_of(HELLO), Output(json=False))
    repaired = crash().model_copy(update={"action": "restart", "started": 1_532_400})
    display.wrote(line(1, "before", sandbox="ping", task="ping"))
    display.crashed("ping", repaired, ("ping",))
    display.wrote(line(2, "after", sandbox="ping", task="ping"))
    first, middle, last = capsys.readouterr().out.strip("\n").split("\n")
    assert first.endswith("before") and last.endswith("after")
    assert middle == (
        "  0.001500  ping/work  wrote to port 0x70 (the real-time clock (CMOS)), which is not its "
        "own; restarted in 32.4 us as incarnation 1"
    )
