from __future__ import annotations

from enum import Struct
