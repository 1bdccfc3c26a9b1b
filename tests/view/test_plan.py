from __future__ import annotations

from pathlib import Path

import pytest

from questv.view.plan import plan_view, title

from .plans import DEMO, HELLO, plan_of
from .rendering import plain


def test_title() -> None:
    assert (
        plain(title(plan_of(HELLO)))
        == "hello: 2 sandboxes, 2 cores, 2 channels, 16 MiB of memory\n"
    )


def test_sections() -> None:
    text = plain(plan_view(plan_of(DEMO)))
    sections = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert [section.split(":")[0].split(",")[0] for section in sections] == [
        "demo",
        "Sandboxes",
        "Tasks",
        "Channels",
        "Inputs",
        "Memory",
        "Who may do what",
    ]
    assert "control:tick   best effort, 100  " in text
    assert "reader   input file, up to 1 GiB" in text
    assert "  ticks          four-slot  digest  report     40 B" in text


def test_systems_without_channels_and_inputs_have_no_such_sections() -> None:
    plan = plan_of(HELLO).model_copy(update={"channels": ()})
    text = plain(plan_view(plan))
    assert "Channels" not in text and "Inputs" not in text


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("system", [HELLO, DEMO])
def test_it_fits_common_terminals(width: int, system: Path) -> None:
    text = plain(plan_view(plan_of(system)), width=width)
    assert max(map(len, text.splitlines())) <= width
