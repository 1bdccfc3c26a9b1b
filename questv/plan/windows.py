"""Windows and the page tables that show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from questv.plan.addresses import page_up
from questv.plan.model import Rights, StatePlan, Window
from questv.plan.page_tables import Mapping

_RIGHTS: dict[str, Rights] = {"rx": "rx", "r": "r", "rw": "rw", "rwx": "rwx"}


def make_window(
    name: str, address: int, size: int, rights: str, physical: int = 0, *, kept: bool = False
) -> Window:
    """A window of whole pages."""
    return Window(
        name=name,
        address=address,
        physical=physical,
        size=page_up(size),
        rights=_RIGHTS[rights],
        kept=kept,
    )


def state_windows(state: StatePlan, name: str) -> Iterator[Window]:
    """A state, and what survives of it; physical addresses come later."""
    yield make_window(f"state {name}", state.address, state.size, "rw")
    if state.kept is not None:
        yield make_window(f"kept {name}", state.kept.slots, state.kept.size, "rw", kept=True)


def mappings(windows: Iterable[Window]) -> list[Mapping]:
    """What page tables have to show for ``windows``."""
    return [
        Mapping(window.address, window.physical, window.size, window.rights, window.device)
        for window in windows
    ]
