from __future__ import annotations

import pytest

from questv.cli.display import Display
from questv.cli.output import Output
from tests.inspect.machines import HELLO, plan_of
from tests.inspect.samples import crash


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
