from __future__ import annotations

import re
from pathlib import Path

import pytest

from questv.plan.model import Plan
from questv.view.rights import RightsTable

from .plans import DEMO, HELLO, many, plan_of
from .rendering import plain


def rights_at(plan: Plan, address: int) -> list[str]:
    found = []
    for sandbox in plan.sandboxes:
        windows = [
            window.rights
            for window in sandbox.view
            if window.physical <= address < window.physical + window.size
        ]
        found.append(windows[0] if windows else "-")
    return found


@pytest.mark.parametrize("folder", [HELLO, DEMO])
def test_each_page_has_the_rights_of_the_views(folder: Path) -> None:
    plan = plan_of(folder)
    text = plain(RightsTable(plan), width=160)
    shown = {
        int(line.split()[0], 16): line.split()[-len(plan.sandboxes) :]
        for line in text.splitlines()
        if line.strip().startswith("0x")
    }
    starts = sorted(shown)
    for region in plan.regions:
        for address in range(region.start, region.end, max(4096, region.size // 64)):
            start = max(start for start in starts if start <= address)
            assert shown[start] == rights_at(plan, address), hex(address)


def test_names_where_there_is_room_and_symbols_where_there_is_none() -> None:
    plan = plan_of(DEMO)
    wide = plain(RightsTable(plan), width=140)
    assert re.search(r"what +reader  digest  words +report$", wide, re.MULTILINE)
    narrow = plain(RightsTable(plan), width=80)
    assert re.search(r"what +0   1   2   3$", narrow, re.MULTILINE)


def test_more_sandboxes_than_columns(tmp_path: Path) -> None:
    plan = many(tmp_path, 16)
    text = plain(RightsTable(plan), width=100)
    headers = re.findall(r"what +(\S.*)$", text, re.MULTILINE)
    assert len(headers) > 1
    symbols = "".join(headers).replace(" ", "")
    assert symbols == "0123456789ACDEFG"
    assert text.count("monitor of number-7") == 1
    assert text.count("number-7: text") == 1
    assert all(len(line) <= 100 for line in text.splitlines())
