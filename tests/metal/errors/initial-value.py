from __future__ import annotations

from questv.metal.lang import static, u8

level: u8 = static(256)
