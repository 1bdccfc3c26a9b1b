"""What of a sandbox can be hit."""

from __future__ import annotations

from itertools import pairwise

from questv.faults.laboratory import Laboratory
from questv.faults.targets import LINE, code_of, region_at, targets

from .systems import system


def test_all_of_a_sandbox_and_nothing_of_others() -> None:
    plan = system().plan
    for sandbox in plan.sandboxes:
        found = targets(plan, sandbox)
        regions = {target.region for target in found}
        wanted = {"text", "constants", "data", "stacks", "page tables"}
        assert regions - {"channels"} == wanted
        assert ("channels" in regions) == bool(sandbox.ends)
        for target in found:
            owner = plan.region_at(target.start)
            assert owner is not None and target.start + target.size <= owner.end
            if target.region == "channels":
                channel = next(each for each in plan.channels if each.name == owner.of)
                mine = {
                    channel.sender: channel.sender_area,
                    channel.receiver: channel.receiver_area,
                }
                assert target.start == mine[sandbox.name]
            else:
                assert owner.of == sandbox.name
        places = [(target.start, target.start + target.size) for target in found]
        assert all(end <= start for (_, end), (start, _) in pairwise(places))


def test_code() -> None:
    [code] = code_of(system().plan.sandbox("asker"))
    address = system().kernels["asker"].symbols.address("tasks.ask")
    assert code.ring0 and code.start <= address < code.start + code.size


def test_what_is_used(laboratory: Laboratory) -> None:
    """The task's code, and where its kernel's tables are; not the rest of the console's lines."""
    mine = laboratory.targets("asker")
    used = laboratory.reference("asker").used
    assert {target.region for target in used} == {target.region for target in mine}
    assert all(target.size == LINE and region_at(mine, target.start) for target in used)
    assert sum(target.size for target in used) < sum(target.size for target in mine) / 2
    sandbox = system().plan.sandbox("asker")
    symbols = system().kernels["asker"].symbols
    assert region_at(used, sandbox.physical(symbols.address("tasks.ask"))) == "text"
    last = sandbox.physical(symbols.by_name["kernel_console"].address) + 60 * 256
    assert region_at(mine, last) == "data" and region_at(used, last) is None
