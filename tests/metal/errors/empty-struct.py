from __future__ import annotations

from questv.metal.structs import Struct


class Nothing(Struct):
    """Holds nothing."""
