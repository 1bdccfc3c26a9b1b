"""Page table entries (APM vol. 2, 5.3), for guest, monitor and nested tables alike."""

from __future__ import annotations

PAGE_SIZE = 4096
LARGE_PAGE_SIZE = 2 << 20
HUGE_PAGE_SIZE = 1 << 30
ENTRIES = 512

PRESENT = 1 << 0
WRITABLE = 1 << 1
USER = 1 << 2
CACHE_DISABLE = 1 << 4
ACCESSED = 1 << 5
DIRTY = 1 << 6
LARGE = 1 << 7
NO_EXECUTE = 1 << 63
ADDRESS_MASK = 0x000F_FFFF_FFFF_F000
