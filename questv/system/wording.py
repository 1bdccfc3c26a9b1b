"""Phrases that messages to people share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from questv.diagnostics import Place


def one_of(names: Iterable[str]) -> str:
    """The quoted ``names`` as alternatives: ``"a", "b" or "c"``."""
    quoted = [f'"{name}"' for name in names]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """The fix for an unknown ``word``: the closest of ``known``, or all, or ``otherwise``.

    ``otherwise`` is what to do when nothing at all is known.
    """
    choices = list(dict.fromkeys(known))
    close = difflib.get_close_matches(word, choices, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    if choices:
        return f"write {one_of(choices)}"
    return otherwise


def source_position(place: Place) -> str:
    """Where ``place`` is, for the middle of a sentence: ``tasks.py:12``."""
    return f"{place.file.name}:{place.line}"
