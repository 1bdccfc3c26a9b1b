"""What to write for a name that is not defined: an import, or the name that was meant."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable

_LANGUAGE = ("questv.metal.lang", "questv.metal.structs")
_CLOSE = 0.75  # short names are soon alike: u8 and u16 must not count as one


def name_fix(name: str, defined: Iterable[str], otherwise: str) -> str:
    """The fix for ``name``, where only ``defined`` is known; ``otherwise`` if nothing is near."""
    for module in _LANGUAGE:  # imported only now, since they need what needs this
        if name in importlib.import_module(module).__all__:
            return f"write at the top: from {module} import {name}"
    close = close_name(name, defined)
    return f"did you mean '{close}'?" if close else otherwise


def close_name(name: str, defined: Iterable[str]) -> str | None:
    """The one of ``defined`` that ``name`` is most likely a slip of the pen for, if any is."""
    close = difflib.get_close_matches(name, defined, n=1, cutoff=_CLOSE)
    return close[0] if close else None
