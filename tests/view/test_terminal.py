from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from questv.arch.x86.machine import MAX_CORES
from questv.view.terminal import (
    PIPED_WIDTH,
    indented,
    printable,
    sandbox_symbol,
    table,
    terminal,
)

from .rendering import coloured, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb\bc\x00", "a\\rb\\x08c\\x00"),
        ("two\nlines", "two\nlines"),
        ("a\tb", "a       b"),
        ("\u202eright", "\\u202eright"),
        ("\x9b31m", "\\x9b31m"),
        ("naïve 中", "naïve 中"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_what_is_printable_is_printed(text: str) -> None:
    assert all(character == "\n" or character.isprintable() for character in printable(text))


def test_a_pipe_has_one_width_and_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "31")
    console = terminal(io.StringIO())
    assert console.width == PIPED_WIDTH
    assert plain(Text("x", style="bold red")) == "x\n"


def test_square_brackets_are_no_markup() -> None:
    made = table("name")
    made.add_row("[bold]x[/bold] [0] :smile:")
    assert "[bold]x[/bold] [0] :smile:" in plain("[red]y[/red]", made)
    assert "[red]y[/red]" in plain("[red]y[/red]", made)


def test_no_line_ends_in_spaces() -> None:
    made = table("name", "what")
    made.add_row("a", "")
    made.add_row("", "b")
    assert plain(indented(made), "") == "  name  what\n  a\n        b\n\n"


def test_numbers_are_right_justified() -> None:
    made = table("name", "count", numbers=("count",))
    made.add_row("a", "1")
    made.add_row("b", "1,000")
    assert plain(made) == "name  count\na         1\nb     1,000\n"


@pytest.mark.parametrize("width", [20, 40, 200])
def test_no_word_is_ever_broken_or_lost(width: int) -> None:
    words = ["identification", "some words that wrap", "0x1234567890"]
    made = table("first", "second", "third", numbers=("third",))
    made.add_row(*words)
    shown = plain(indented(made), width=width)
    for word in [*" ".join(words).split(), "first", "second", "third"]:
        assert word in shown


def test_columns_without_room_come_below_with_what_their_rows_are_about() -> None:
    made = table("name", "kind", "first", "second", numbers=("first", "second"), keys=2)
    made.add_row("one", "ring", "1,000,000", "2")
    made.add_row("two", "slot", "3", "4,000,000")
    assert plain(indented(made), width=26) == (
        "  name  kind      first\n"
        "  one   ring  1,000,000\n"
        "  two   slot          3\n"
        "  name  kind     second\n"
        "  one   ring          2\n"
        "  two   slot  4,000,000\n"
    )
    assert plain(indented(made), width=36).count("\n") == 3


def test_colours_end_where_they_should() -> None:
    shown = coloured(Text("red", style="red"), "plain")
    assert shown == "\x1b[31mred\x1b[0m\nplain\n"


def test_every_core_has_a_symbol() -> None:
    assert len({sandbox_symbol(index) for index in range(MAX_CORES)}) == MAX_CORES
