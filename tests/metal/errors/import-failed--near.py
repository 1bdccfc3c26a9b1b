from __future__ import annotations

from questv.metal.lang import RELAXD, metal
