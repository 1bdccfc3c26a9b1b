from __future__ import annotations

import pytest

from questv.inspect import places
from questv.plan.model import SandboxPlan, Window

from .machines import HELLO, plan_of


def window(windows: tuple[Window, ...], name: str) -> int:
    return next(each.physical for each in windows if each.name == name)


def targets() -> dict[str, int]:
    plan = plan_of(HELLO)
    ping, pong = plan.sandboxes
    there = plan.channels[0]
    return {
        "(memory of the boot), which is outside its view": 0x10_0000,
        "(the monitor of 'pong': code), which is outside its view": window(
            pong.monitor_windows, "text"
        ),
        "(the monitor of 'pong': public page), which is outside its view": pong.public,
        "(its own monitor: control block), which is outside its view": ping.control,
        "(its own monitor: stack), which is outside its view": window(
            ping.monitor_windows, "stack"
        ),
        "(its own nested tables), which is outside its view": ping.nested_tables,
        "(MSR map of 'pong'), which is outside its view": pong.msr_map,
        "(memory of sandbox 'pong': its text), which is outside its view": window(
            pong.kernel_windows, "text"
        )
        + 5,
        "(memory of sandbox 'pong': its stack of pong), which is outside its view": window(
            pong.kernel_windows, "stack pong"
        ),
        "(memory of sandbox 'pong': its page tables), which is outside its view": (
            pong.kernel_tables
        ),
        "(memory of sandbox 'pong': its free memory), which is outside its view": _end(pong) - 8,
        "(its own text), which it may only read and execute": window(ping.kernel_windows, "text"),
        "(its own info), which it may only read": ping.info,
        "(its own bss), which it may only read and write": window(ping.kernel_windows, "bss"),
        "(channel 'there', the side that 'pong' writes), which it may only read": (
            there.receiver_area
        ),
        "(channel 'there', the side that 'ping' writes), which it may only read and write": (
            there.sender_area
        ),
        "(a guard behind the MSR maps), which is outside its view": 0x1_4000_0000,
        "(memory of the firmware), which is outside its view": 0xA_0000,
        "(memory that the plan gives to nobody), which is outside its view": 0xF0_0000,
        "(beyond the memory of the plan), which is outside its view": 1 << 40,
        "(the local APIC), which is outside its view": 0xFEE0_0300,
    }


def _end(sandbox: SandboxPlan) -> int:
    region = next(
        region for region in plan_of(HELLO).regions if region.name == f"memory of {sandbox.name}"
    )
    return region.end


@pytest.mark.parametrize("text", targets())
def test_every_kind_of_place(text: str) -> None:
    plan = plan_of(HELLO)
    address = targets()[text]
    assert places.describe(plan, plan.sandbox("ping"), address) == f"{address:#x} {text}"


def test_the_first_and_the_last_byte_of_a_region_are_its_own() -> None:
    plan = plan_of(HELLO)
    ping = plan.sandbox("ping")
    for region in plan.regions:
        for address in (region.start, region.end - 1):
            assert "nobody" not in places.whose(plan, ping, address)
    low = max(region.end for region in plan.regions if region.start < plan.memory)
    assert "nobody" in places.whose(plan, ping, low)
    assert "beyond" in places.whose(plan, ping, plan.end)
