from __future__ import annotations

from questv.metal.lang import assembly


@assembly
def halt() -> None:
    """Stop."""
