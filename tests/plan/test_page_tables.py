"""Page tables show what they were asked to show and nothing else, whatever that is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.plan.page_tables import Mapping, PageTables
from tests.plan.walker import Page, walk

PAGE, LARGE = 4096, 2 << 20
TOP = 1 << 47


@st.composite
def mappings(draw: st.DrawFn) -> list[Mapping]:
    """A few stretches that do not overlap, near each other and far apart, often aligned."""
    made: list[Mapping] = []
    address = draw(st.sampled_from([0, PAGE, LARGE - PAGE, LARGE, 1 << 30, (1 << 39) - LARGE]))
    for _ in range(draw(st.integers(0, 6))):
        gap = draw(st.sampled_from([0, 1, 511, 512, 513, 1 << 18, 1 << 27]))
        address += gap * PAGE
        if draw(st.booleans()):
            address = -(-address // LARGE) * LARGE
        size = draw(st.sampled_from([0, 1, 2, 511, 512, 513, 1024, 1030])) * PAGE
        same = draw(st.booleans())
        physical = address if same else draw(st.integers(0, (1 << 40) // PAGE)) * PAGE
        if not same and draw(st.booleans()):
            physical = physical // LARGE * LARGE
        rights = draw(st.sampled_from(["r", "rw", "rx"]))
        made.append(Mapping(address, physical, size, rights, draw(st.booleans())))
        address += size
        if address >= TOP:
            break
    return made


@settings(deadline=None, max_examples=60)
@given(mappings(), st.booleans(), st.integers(0, 1 << 28), st.randoms())
def test_what_is_shown(wanted: list[Mapping], nested: bool, place: int, random: object) -> None:
    root = place * PAGE
    random.shuffle(wanted)  # type: ignore[attr-defined]
    tables = PageTables(wanted, user=nested)
    contents = tables.contents(root)
    assert len(contents) == tables.size

    def read(address: int, size: int) -> bytes:
        assert root <= address <= address + size <= root + len(contents)
        return contents[address - root :][:size]

    found = walk(read, root)
    expected = {
        mapping.address + offset: Page(
            mapping.address + offset,
            mapping.physical + offset,
            writable="w" in mapping.rights,
            executable="x" in mapping.rights,
            user=nested,
            uncached=mapping.device,
            accessed=True,
            dirty=True,
        )
        for mapping in wanted
        for offset in range(0, mapping.size, PAGE)
    }
    assert found.pages == expected
    # Each table is reached once, and all of the memory is tables.
    assert sorted(found.tables) == list(range(root, root + len(contents), PAGE))


def test_large_pages_are_used_where_they_can_be() -> None:
    def size(*wanted: Mapping) -> int:
        return PageTables(wanted, user=True).size // PAGE

    assert size() == 1
    assert size(Mapping(0, 0, 1 << 30, "rw")) == 3
    assert size(Mapping(PAGE, PAGE, 1 << 30, "rw")) == 6
    assert size(Mapping(0, LARGE, LARGE, "r")) == 3
    assert size(Mapping(0, PAGE, LARGE, "r")) == 4
    assert size(Mapping(0, 0, LARGE - PAGE, "r")) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Mapping(0, 0, PAGE, "r"), Mapping(0, PAGE, PAGE, "r")),
        (Mapping(0, 0, 3 * PAGE, "r"), Mapping(2 * PAGE, 0, PAGE, "rw")),
        (Mapping(0, 0, LARGE, "r"), Mapping(5 * PAGE, 0, PAGE, "r")),
        (Mapping(0, 0, LARGE, "r"), Mapping(0, 0, LARGE, "rw")),
    ],
)
def test_overlaps_are_refused(one: Mapping, other: Mapping) -> None:
    for pair in ((one, other), (other, one)):
        with pytest.raises(ValueError, match="two mappings hold 0x"):
            PageTables(pair, user=False)


@pytest.mark.parametrize(
    "mapping",
    [Mapping(1, 0, PAGE, "r"), Mapping(0, 8, PAGE, "r"), Mapping(0, 0, PAGE + 1, "r")],
)
def test_parts_of_pages_are_refused(mapping: Mapping) -> None:
    with pytest.raises(ValueError, match="is not in whole pages"):
        PageTables([mapping], user=False)
