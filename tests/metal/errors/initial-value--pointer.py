from __future__ import annotations

from questv.metal.lang import Ptr, static, u8, u32

byte: u8 = static(1)
place: Ptr[u32] = static(byte)
