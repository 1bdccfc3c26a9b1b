from __future__ import annotations

import io

from rich.console import Console

from questv.cli.copying import CopyProgress

GIB = 1 << 30


def shown(*steps: tuple[int, int], terminal: bool = True) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=80)
    with CopyProgress(console) as progress:
        for done, total in steps:
            progress(done, total)
    return stream.getvalue()


def test_big_inputs_are_shown_on_a_terminal() -> None:
    text = shown((0, GIB), (GIB // 2, GIB), (GIB, GIB))
    assert "copying inputs" in text and "1.0/1.0 GiB" in text
    assert text.endswith("\x1b[2K")  # the bar is gone at the end


def test_an_end_before_all_is_copied_removes_the_bar() -> None:
    text = shown((0, GIB), (1 << 20, GIB))
    assert "copying inputs" in text and text.endswith("\x1b[2K")


def test_small_inputs_and_pipes_need_no_bar() -> None:
    assert shown((0, 1000), (1000, 1000)) == ""
    assert shown((0, GIB), (GIB, GIB), terminal=False) == ""
