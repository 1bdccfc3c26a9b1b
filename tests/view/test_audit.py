from __future__ import annotations

import re
from pathlib import Path

import pytest

from questv.audit.model import Audit, TableEntry, Violation
from questv.view.audit import audit_view
from tests.audit.subjects import audited, built

from .plans import DEMO, HELLO
from .rendering import coloured, plain


def audit_of(folder: Path) -> Audit:
    return audited(built(folder))


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("system", [HELLO, DEMO])
def test_it_fits_common_terminals(width: int, system: Path) -> None:
    text = plain(audit_view(audit_of(system)), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_what_was_looked_at() -> None:
    text = plain(audit_view(audit_of(HELLO)))
    assert re.search(r"  owners +[0-9,]+ pages  holds +each page of the machine has the one", text)
    assert re.search(r"  control blocks +-  not here  filled in by the monitors at run time", text)
    audit = audit_of(HELLO)
    found = re.search(r"  0       ping +(\d+) in (\d) +(\d+) in (\d) +(\d+) in (\d)", text)
    assert found is not None
    pages = audit.sandboxes[0]
    walked = (pages.view, pages.kernel, pages.monitor)
    assert [int(each) for each in found.groups()] == [
        number for each in walked for number in (each.pages, each.tables)
    ]


def test_the_map_has_a_column_for_each_sandbox_and_monitor() -> None:
    audit = audit_of(HELLO)
    text = plain(audit_view(audit), width=100)
    assert re.search(r"from +size +what +0 +1 +m0 +m1\n", text)
    rows = {
        int(line.split()[0], 16): line.split()[-4:]
        for line in text.splitlines()
        if line.strip().startswith("0x")
    }
    assert rows == {piece.start: [right or "-" for right in piece.rights] for piece in audit.map}
    wide = plain(audit_view(audit), width=160)
    assert "ping  pong  monitor of ping  monitor of pong" in wide


def test_violations() -> None:
    found = Violation(
        "ping", "'ping' may read 0x1000 (\x1b[2J)", "nothing", 0x1000, "r", TableEntry(0x5000, 7, 9)
    )
    bare = Violation("pong", "pong is on core 3", "")
    audit = audit_of(HELLO)
    checks = (audit.checks[0].model_copy(update={"violations": 25}), *audit.checks[1:])
    audit = audit.model_copy(
        update={"verdict": "violated", "checks": checks, "violations": (found, bare)}
    )
    text = plain(audit_view(audit))
    assert text.endswith(
        "\nviolation: 'ping' may read 0x1000 (\\x1b[2J)\n"
        "  declared: nothing\n"
        "  found in: entry 7 of the table at 0x5000, 0x0000000000000009\n"
        "\n"
        "violation: pong is on core 3\n"
        "\n"
        "violated: 25 violations; 23 more are not shown\n"
    )
    assert "25 violations  each page" in text
    assert "\x1b[1;31mviolated: 25 violations" in coloured(audit_view(audit))
