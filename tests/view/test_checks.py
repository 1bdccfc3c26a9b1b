from __future__ import annotations

from questv.machine import Check, State
from questv.view.checks import checks_view

from .rendering import plain


def test_checks_and_what_to_do() -> None:
    long = "sudo apt install " + "package " * 20 + "end"
    checks = [
        Check("Python", State.OK, "3.11.7"),
        Check("QEMU", State.MISSING, "there is none", long),
        Check("cores", State.WARNING, "1", "get more"),
    ]
    assert plain(checks_view(checks)) == (
        "check   state    found\n"
        "Python  ok       3.11.7\n"
        "QEMU    missing  there is none\n"
        "cores   warning  1\n"
        "\n"
        "To mend it:\n"
        f"QEMU: {long}\n"
        "cores: get more\n"
    )


def test_nothing_to_do() -> None:
    assert "mend" not in plain(checks_view([Check("Python", State.OK, "3.11.7")]))
