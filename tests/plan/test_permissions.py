"""Permission maps: bit for bit what the manual says, for any set of MSRs and ports."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.plan.permissions import DIRECT_APIC, GUARDED_APIC, apic_msrs, io_map, msr_map

# The manual's ranges (APM vol. 2, 15.11): the first MSR of each, and its bytes in the map.
RANGES = ((0, 0), (0xC000_0000, 0x800), (0xC001_0000, 0x1000))
MSRS = st.builds(
    lambda base, number: base[0] + number, st.sampled_from(RANGES), st.integers(0, 0x1FFF)
)


def exits(contents: bytes, number: int, write: bool) -> bool:
    """Whether the processor leaves the guest for this access."""
    for first, offset in RANGES:
        if first <= number <= first + 0x1FFF:
            bit = 2 * (number - first) + write
            return bool(contents[offset + bit // 8] >> bit % 8 & 1)
    return True


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(MSRS, st.sampled_from(["r", "w", "rw"]), max_size=20))
def test_msrs(allowed: dict[int, str]) -> None:
    contents = msr_map(allowed)
    assert len(contents) == 0x2000
    open_bits = sum(8 - byte.bit_count() for byte in contents)
    assert open_bits == sum(map(len, allowed.values()))  # nothing else is open
    for number, rights in allowed.items():
        assert exits(contents, number, False) == ("r" not in rights)
        assert exits(contents, number, True) == ("w" not in rights)


@pytest.mark.parametrize("number", [0x2000, 0xBFFF_FFFF, 0xC000_2000, 0xC001_2000, 0x4000_0000])
def test_msrs_outside_the_map(number: int) -> None:
    with pytest.raises(ValueError, match=f"MSR {number:#x} is outside the permission map"):
        msr_map({number: "r"})


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 40)), max_size=8))
def test_ports(stretches: list[tuple[int, int]]) -> None:
    wanted = [range(first, min(first + length, 0x10000)) for first, length in stretches]
    contents = io_map(wanted)
    assert len(contents) == 0x3000
    expected = {port for ports in wanted for port in ports}
    found = {port for port in range(0x10000) if not contents[port // 8] >> port % 8 & 1}
    assert found == expected
    # A wide access at port 0xffff looks beyond the last port: that is closed.
    assert set(contents[0x2000:]) == {0xFF}


def test_what_guarded_kernels_reach_of_the_apic() -> None:
    """Only what concerns their own core: no command, no base, no error or local interrupt lines."""
    contents = msr_map(apic_msrs(GUARDED_APIC))
    reading = {n for n in range(0x900) if not exits(contents, n, False)}
    writing = {n for n in range(0x900) if not exits(contents, n, True)}
    assert writing == {0x808, 0x80B, 0x828, 0x838, 0x83E, 0x83F}
    assert reading == {0x802, 0x803, 0x808, 0x832, 0x838, 0x839, 0x83E, *range(0x810, 0x829)}
    assert {n for n in range(0x1000) if not exits(msr_map(apic_msrs(DIRECT_APIC)), n, True)} == (
        set(range(0x800, 0x840))
    )
