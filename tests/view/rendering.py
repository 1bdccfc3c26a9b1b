"""Renders as a person would see it."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

from questv.view.terminal import show, terminal


def plain(*parts: RenderableType, width: int | None = None) -> str:
    """Without colour; as it is piped, or on a terminal of a width."""
    stream = io.StringIO()
    if width is None:
        console = terminal(stream)
    else:
        console = Console(
            file=stream, width=width, highlight=False, markup=False, emoji=False, no_color=True
        )
    show(console, *parts)
    return stream.getvalue()


def coloured(*parts: RenderableType, width: int = 100) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=True,
        color_system="standard",
    )
    show(console, *parts)
    return stream.getvalue()
