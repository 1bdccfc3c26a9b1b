"""Which incarnation of its kernel a process belongs to, as the kernel says."""

from __future__ import annotations

from questv.metal.lang import metal, static, u64
from questv.process.info import info

session: u64 = static(0)
"""What channels know it by: see ``kernel.incarnation``."""


@metal
def start() -> None:
    """Set it; to be called before all else."""
    global session
    session = info.session
