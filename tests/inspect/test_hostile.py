"""Whatever a sandbox leaves in its memory, looking at it works."""

from __future__ import annotations

import random

import pytest

from questv.inspect.inspector import Inspector
from questv.inspect.model import Snapshot
from questv.monitor.interface import CrashReason, CrashRecord, PublicPage, SandboxState
from questv.plan.model import Owner
from questv.view.snapshot import inspection_view
from tests.view.rendering import plain

from .machines import HELLO, Sheet, built, plan_of, programs
from .test_inspector import ASKED

PLAN = plan_of(HELLO)


def scribbled(seed: int) -> Sheet:
    """Memory in which the sandboxes have written garbage wherever they can, before a panic."""
    source = random.Random(seed)
    sheet = Sheet()
    for region in PLAN.regions:
        if region.owner in (Owner.SANDBOX, Owner.CHANNEL):
            sheet.put(region.start, source.randbytes(region.size))
    for sandbox in PLAN.sandboxes:
        record = CrashRecord(
            reason=CrashReason.KERNEL_PANIC,
            rip=source.choice((0x4000_0000, 0x4000_1000)) + source.randrange(0x1000),
            rbp=source.choice([task.stack_top - 64 for task in sandbox.tasks]),
            rsp=source.getrandbits(64),
        )
        page = PublicPage(state=SandboxState.CRASHED, crash_count=1)
        page.crashes[0] = record
        sheet.put(sandbox.public, page)
    return sheet


@pytest.mark.parametrize("seed", range(8))
def test_garbage(seed: int) -> None:
    inspector = Inspector(PLAN, programs(built(HELLO)), scribbled(seed))
    snapshot = inspector.snapshot(ASKED)
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot
    assert len(snapshot.crashed) == 2
    console = [inspector.console(sandbox.name) for sandbox in PLAN.sandboxes]
    shown = plain(inspection_view(snapshot, console))
    assert all(character == "\n" or character.isprintable() for character in shown)
