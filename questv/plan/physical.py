"""Hands out physical memory."""

from __future__ import annotations

from questv.arch.x86.paging import PAGE_SIZE
from questv.plan.addresses import page_up
from questv.plan.model import Owner, Region


class PhysicalMemory:
    """Gives out regions one after the other, in whole pages, from an address upwards."""

    def __init__(self, start: int) -> None:
        """Begin at ``start``, which is page-aligned."""
        self._next = start
        self.regions: list[Region] = []

    @property
    def end(self) -> int:
        """The first address that was not given out."""
        return self._next

    def take(
        self, name: str, owner: Owner, of: str, size: int, *, align: int = PAGE_SIZE
    ) -> Region:
        """A region of at least ``size`` bytes."""
        start = -(-self._next // align) * align
        region = Region(name=name, owner=owner, of=of, start=start, size=page_up(size))
        self._next = region.end
        self.regions.append(region)
        return region
