from __future__ import annotations

from questv.view.lines import LineView
from tests.inspect.samples import crash, line

from .rendering import coloured, plain

VIEW = LineView({"left": ["work", "left"], "right": ["rest"]})


def test_lines_stand_beside_each_other() -> None:
    shown = plain(
        VIEW.line(line(1, "one")),
        VIEW.line(line(2, "two", task="left")),
        VIEW.line(line(3, "three", sandbox="right", task="rest")),
        VIEW.line(line(4, "four", sandbox="right", task=None, time=None)),
    )
    assert shown == (
        "  0.001000  left/work   one\n"
        "  0.002000  left        two\n"
        "  0.003000  right/rest  three\n"
        "            right       four\n"
    )


def test_a_text_of_several_lines_stays_together() -> None:
    assert plain(VIEW.line(line(1, "one\ntwo\n"))) == (
        "  0.001000  left/work   one\n                        two\n\n"
    )


def test_a_long_text_is_neither_wrapped_nor_cut() -> None:
    text = "word " * 100 + "end"
    assert plain(VIEW.line(line(1, text))).count("\n") == 1
    assert text in plain(VIEW.line(line(1, text)), width=40)


def test_nothing_in_a_text_is_obeyed() -> None:
    shown = plain(VIEW.line(line(1, "[red]\x1b[31m\r\x07")))
    assert shown.endswith("[red]\\x1b[31m\\r\\x07\n")


def test_each_sandbox_has_its_colour() -> None:
    left = coloured(VIEW.line(line(1, "x")))
    right = coloured(VIEW.line(line(1, "x", sandbox="right", task="rest")))
    assert "\x1b[36mleft/work" in left and "\x1b[32mright/rest" in right
    assert left.endswith("x\n")


def test_lost_lines() -> None:
    assert plain(VIEW.lost("right", 1)) == (
        "            right       (1 line lost: written faster than read)\n"
    )


def test_a_fault_that_is_repaired() -> None:
    reason = "panicked: \x1b[2J[red]\n  0.002000  right/rest  all is well"
    change = {"reason": reason, "action": "restart", "started": 1_532_400}
    record = crash().model_copy(update=change)
    assert plain(VIEW.repaired("left", record)) == (
        "  0.001500  left/work   panicked: \\x1b[2J[red]\n"
        "                          0.002000  right/rest  all is well; restarted in 32.4 us as "
        "incarnation 1\n"
    )
    assert "\x1b[33mpanicked" in coloured(VIEW.repaired("left", record))
