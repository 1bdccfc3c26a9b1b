"""Images that are damaged or lie: an error for people or a violation, never a traceback."""

from __future__ import annotations

import random
import re
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from questv.audit.auditor import Auditor, audit_image
from questv.audit.sources import ImageMemory, NoMemoryError
from questv.diagnostics import BadInputError
from questv.plan.build import build
from questv.plan.model import Owner, Plan
from questv.system.model import ApicMode
from tests.plan.systems import TASKS, descriptions
from tests.running import write_system

from .subjects import (
    HELLO,
    PAGE,
    Changed,
    audited,
    built,
    entry_of,
    hello,
    memory,
    subject,
    with_sandbox,
    word,
)

SYSTEM = hello()
PLAN = SYSTEM.plan
PING, PONG = (PLAN.sandbox(name) for name in ("ping", "pong"))


def messages(plan: Plan) -> list[str]:
    """What is said of the image with other claims in its plan."""
    audit = Auditor(subject(SYSTEM, plan=plan), memory(SYSTEM), live=False).audit()
    assert audit.verdict == "violated"
    return [violation.message for violation in audit.violations]


def with_region(name: str, **changes: Any) -> Plan:
    regions = tuple(
        region.model_copy(update=changes) if region.name == name else region
        for region in PLAN.regions
    )
    return PLAN.model_copy(update={"regions": regions})


# ---- the systems that there are ---------------------------------------------------------------


def test_the_demo() -> None:
    audit = audited(built(HELLO.parent / "demo"))
    assert audit.verdict == "proven"
    assert audit.sandboxes[0].view.pages > (1 << 30) // PAGE


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=descriptions())
def test_random_systems(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    system = build(write_system(tmp_path_factory.mktemp("system"), text, TASKS))
    audit = audited(system)
    assert audit.violations == () and audit.verdict == "proven"


# ---- claims that are wrong --------------------------------------------------------------------


def test_two_owners_of_one_page() -> None:
    region = next(region for region in PLAN.regions if region.name == "memory of ping")
    said = messages(with_region("monitor of pong", start=region.end - PAGE, size=9 * PAGE))
    assert said[0] == "monitor of pong takes pages of memory of ping"


def test_memory_of_another_size() -> None:
    said = messages(with_region("memory of pong", size=PONG.memory - PAGE))
    assert f"memory of pong has {PONG.memory - PAGE:#x} bytes" in said


def test_memory_that_does_not_exist() -> None:
    said = messages(with_region("host save area of pong", start=16 << 20))
    assert said[0] == "host save area of pong is not all in memory"


def test_a_channel_above_4_gib() -> None:
    """What the description gives is below."""
    said = messages(with_region("back: written by ping", start=5 << 30))
    assert "back: written by ping is not all in memory" in said


def test_parts_of_pages() -> None:
    said = messages(with_region("host save area of pong", size=PAGE - 1))
    assert said[0] == "host save area of pong is not in whole pages"


def test_an_owner_that_is_not_there() -> None:
    said = messages(with_region("host save area of pong", of="zero"))
    assert said[0] == "host save area of pong belongs to hardware 'zero', which is not there"


def test_memory_that_is_said_to_be_the_sandboxs() -> None:
    """The plan calls the nested tables a part of a channel: then no table may be there."""
    said = messages(with_region("nested tables of ping", owner=Owner.CHANNEL, of="there"))
    assert f"ping has its nested tables at {PING.nested_tables:#x} (nested tables of ping)" in said
    assert (
        f"'ping': an entry for 0x0 leads to {PING.nested_tables:#x}, where no table may be" in said
    )


@pytest.mark.parametrize("field", ["nested_tables", "msr_map", "io_map", "host_save"])
def test_what_the_processor_reads_in_a_sandboxs_memory(field: str) -> None:
    own = next(region for region in PLAN.regions if region.name == "memory of ping").start
    said = messages(with_sandbox(PLAN, "ping", **{field: own}))
    assert any(
        message.startswith("ping has its ") and message.endswith(f"{own:#x} (memory of ping)")
        for message in said
    )


@pytest.mark.parametrize(
    ("field", "what"),
    [("control", "control block"), ("public", "public page"), ("monitor_plan", "part of the plan")],
)
def test_what_a_monitor_has_in_anothers_memory(field: str, what: str) -> None:
    said = messages(with_sandbox(PLAN, "ping", **{field: getattr(PONG, field)}))
    assert f"monitor of ping has its {what} at {getattr(PONG, field):#x}" in said


def test_windows_of_a_kernel() -> None:
    windows = list(PING.kernel_windows)
    stack = next(window for window in windows if window.name == "stack ping")
    data = next(window for window in windows if window.name == "data")
    for physical, what in (
        (PONG.kernel_tables, f"kernel of ping has its stack ping at {PONG.kernel_tables:#x}"),
        (data.physical, "kernel of ping has data and stack ping at one place"),
    ):
        moved = stack.model_copy(update={"physical": physical})
        changed = tuple(moved if window is stack else window for window in windows)
        assert what in messages(with_sandbox(PLAN, "ping", kernel_windows=changed))


def test_windows_of_a_monitor() -> None:
    windows = list(PING.monitor_windows)
    stack = next(window for window in windows if window.name == "stack")
    moved = stack.model_copy(update={"physical": PING.msr_map})
    changed = tuple(moved if window is stack else window for window in windows)
    said = messages(with_sandbox(PLAN, "ping", monitor_windows=changed))
    assert f"monitor of ping has its stack at {PING.msr_map:#x}" in said
    text = next(window for window in windows if window.name == "text")
    changed = tuple(window for window in windows if window is not text)
    said = messages(with_sandbox(PLAN, "ping", monitor_windows=changed))
    assert f"monitor of ping has no place for .text of its program, at {text.address:#x}" in said


def test_a_window_that_is_longer_than_what_it_shows() -> None:
    windows = list(PING.kernel_windows)
    side = next(window for window in windows if window.name == "there (other side)")
    longer = side.model_copy(update={"size": side.size + PAGE})
    changed = tuple(longer if window is side else window for window in windows)
    said = messages(with_sandbox(PLAN, "ping", kernel_windows=changed))
    assert f"kernel of ping has its there (other side) at {side.physical:#x}" in said


def test_a_window_of_a_foreign_kernel_outside_its_memory() -> None:
    """Its nested tables, of which no other party sees anything, and tables that show them."""
    system = built(HELLO.parent / "foreign")
    guest = next(sandbox for sandbox in system.plan.sandboxes if sandbox.foreign)
    console = next(window for window in guest.kernel_windows if window.name == "console")
    moved = console.model_copy(update={"physical": guest.nested_tables})
    windows = tuple(moved if window is console else window for window in guest.kernel_windows)
    changes = {}
    for offset in range(0, console.size, PAGE):
        at = entry_of(system, guest.nested_tables, console.address + offset)
        shown = word(system, at) - console.physical + guest.nested_tables
        changes[at] = struct.pack("<Q", shown)
    plan = with_sandbox(system.plan, guest.name, kernel_windows=windows)
    there = Changed(memory(system), changes)
    audit = Auditor(subject(system, plan=plan), there, live=False).audit()
    assert [violation.message for violation in audit.violations] == [
        f"kernel of {guest.name} has its console at {guest.nested_tables:#x}"
    ]


@pytest.mark.parametrize("example", ["hello", "foreign"])
def test_what_a_kernel_is_told_in_anothers_memory(example: str) -> None:
    """The boot writes the machine's facts there."""
    system = built(HELLO.parent / example)
    one, other = system.plan.sandboxes
    plan = with_sandbox(system.plan, one.name, info=other.info)
    audit = Auditor(subject(system, plan=plan), memory(system), live=False).audit()
    assert f"kernel of {one.name} has what it is told at {other.info:#x}" in [
        violation.message for violation in audit.violations
    ]


def test_a_monitors_data_on_anothers_public_page() -> None:
    windows = list(PING.monitor_windows)
    stack = next(window for window in windows if window.name == "stack")
    moved = stack.model_copy(update={"physical": PONG.public})
    changed = tuple(moved if window is stack else window for window in windows)
    said = messages(with_sandbox(PLAN, "ping", monitor_windows=changed))
    assert f"monitor of ping has its stack at {PONG.public:#x}" in said


@pytest.mark.parametrize("where", ["header", "note"])
def test_an_image_that_is_entered_elsewhere(where: str) -> None:
    """Code that is no part of the boot could do anything before any wall stands."""
    image = bytearray(SYSTEM.image)
    entry = SYSTEM.boot.symbols.address("boot_entry")
    at = 24 if where == "header" else image.index(b"Xen\0" + struct.pack("<Q", entry)) + 4
    assert image[at : at + 8] == struct.pack("<Q", entry)
    image[at] ^= 0x40
    audit = audit_image(subject(SYSTEM), bytes(image))
    [violation] = audit.violations
    assert violation.message == (
        f"the image is entered at {entry ^ 0x40:#x}, which is not where its boot begins"
    )
    assert violation.declared == f"{entry:#x}"
    assert audit_image(subject(SYSTEM), SYSTEM.image).verdict == "proven"


@pytest.mark.parametrize(
    ("magic", "at", "protocol"),
    [
        (b"HdrS", 0x202, "Linux's boot protocol"),
        (struct.pack("<I", 0x1BADB002), 0xFFC, "Multiboot"),
        (struct.pack("<I", 0xE85250D6), 0xFF8, "Multiboot 2"),
    ],
)
def test_an_image_for_another_loader(magic: bytes, at: int, protocol: str) -> None:
    """QEMU takes these for what they say they are before it looks at what ELF there is."""
    audit = audit_image(subject(SYSTEM), for_another_loader(magic, at))
    [violation] = audit.violations
    assert violation.message == (
        f"the image has a header for {protocol}, by which it is entered elsewhere"
    )


def for_another_loader(magic: bytes, at: int) -> bytes:
    """The image with a word in what is not loaded: there, a header says nothing of memory."""
    image = bytearray(SYSTEM.image)
    table, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
    if at < table + 56 * count:  # move the headers behind all else
        image[32:40] = struct.pack("<Q", len(image))
        image += image[table : table + 56 * count]
    image[at : at + len(magic)] = magic
    return bytes(image)


@pytest.mark.parametrize(("at", "value"), [(4, 1), (5, 2), (54, 112)])
def test_headers_that_a_loader_would_read_otherwise(at: int, value: int) -> None:
    """Of 32 bits, or another order, or another size, which QEMU does not heed."""
    image = bytearray(SYSTEM.image)
    image[at] = value
    with pytest.raises(BadInputError, match="the image's segments are damaged"):
        audit_image(subject(SYSTEM), bytes(image))


def test_sides_of_a_channel() -> None:
    there, back = PLAN.channels
    changed = there.model_copy(update={"receiver_area": there.sender_area})
    said = messages(PLAN.model_copy(update={"channels": (changed, back)}))
    assert "channel there has not two regions of its own that are large enough" in said


def test_another_core() -> None:
    assert "ping is on core 1" in messages(with_sandbox(PLAN, "ping", core=1))


def test_descriptions_that_say_something_else() -> None:
    """The image against another description: each difference is one in what is allowed."""
    system = SYSTEM.description.system
    ping, pong = system.sandboxes
    other = system.model_copy(
        update={"sandboxes": (ping.model_copy(update={"memory": ping.memory - PAGE}), pong)}
    )
    said = Auditor(subject(SYSTEM, system=other), memory(SYSTEM), live=False).audit().violations
    assert said[0].message == f"memory of ping has {ping.memory:#x} bytes"
    assert said[0].declared == f"{ping.memory - PAGE:#x} bytes"
    there, back = system.channels
    turned = there.model_copy(update={"sender": there.receiver, "receiver": there.sender})
    other = system.model_copy(update={"channels": (turned, back)})
    audit = Auditor(subject(SYSTEM, system=other), memory(SYSTEM), live=False).audit()
    assert {check.name for check in audit.checks if check.violations} == {"views", "kernels"}
    direct = ping.model_copy(update={"apic": ApicMode.DIRECT})
    other = system.model_copy(update={"sandboxes": (direct, pong)})
    audit = Auditor(subject(SYSTEM, system=other), memory(SYSTEM), live=False).audit()
    assert {check.name for check in audit.checks if check.violations} == {
        "roots",
        "views",
        "MSR maps",
    }


# ---- images that are damaged --------------------------------------------------------------------


def test_parts_of_different_systems() -> None:
    for changes in (
        {"plan": built(HELLO.parent / "demo").plan},
        {"programs": {}},
        {"system": built(HELLO.parent / "demo").description.system},
    ):
        with pytest.raises(BadInputError) as caught:
            audit_image(subject(SYSTEM, **changes), SYSTEM.image)
        assert caught.value.message == (
            "the image's description, plan and programs are not of one system"
        )
        assert caught.value.fix == "build it again with 'questv build'"


@pytest.mark.parametrize("elf", [b"", b"\x7fELF", SYSTEM.monitor.elf[:5000]])
def test_programs_that_are_damaged(elf: bytes) -> None:
    programs = dict(subject(SYSTEM).programs) | {"monitor": elf}
    with pytest.raises(BadInputError) as caught:
        audit_image(subject(SYSTEM, programs=programs), SYSTEM.image)
    assert caught.value.message == "the program 'monitor' in the image is damaged"


def test_a_program_without_its_symbols() -> None:
    programs = dict(subject(SYSTEM).programs)
    programs["monitor"] = programs["kernel-ping"]
    with pytest.raises(BadInputError, match="the program 'monitor' in the image is damaged"):
        audit_image(subject(SYSTEM, programs=programs), SYSTEM.image)


def test_images_cut_short() -> None:
    whole = SYSTEM.image
    table = struct.unpack_from("<Q", whole, 32)[0]
    for image in (b"", whole[:63], whole[: table + 60], whole[: len(whole) // 4]):
        with pytest.raises(BadInputError, match="the image's segments are damaged"):
            ImageMemory(image)


def test_segments_at_one_place() -> None:
    whole = bytearray(SYSTEM.image)
    table = struct.unpack_from("<Q", whole, 32)[0]
    starts = []
    for index in range(struct.unpack_from("<H", whole, 56)[0]):
        if struct.unpack_from("<I", whole, table + 56 * index)[0] == 1:
            starts.append(table + 56 * index + 24)
    whole[starts[1] : starts[1] + 8] = whole[starts[0] : starts[0] + 8]
    with pytest.raises(BadInputError, match="the image's segments are damaged"):
        ImageMemory(bytes(whole))


def test_an_image_that_fills_too_little() -> None:
    """Without any of its segments, nothing leads anywhere."""
    image = bytearray(SYSTEM.image)
    image[56:58] = bytes(2)
    with pytest.raises(BadInputError) as caught:
        audit_image(subject(SYSTEM), bytes(image))
    assert caught.value.message == (
        "what the boot and the monitors are told is not there: the image puts nothing there"
    )
    with pytest.raises(NoMemoryError):
        ImageMemory(bytes(image)).read(0x100000, 1)


def test_random_bytes_in_tables_and_plans() -> None:
    """Whatever stands there, it is read to its end and told of."""
    chosen = random.Random(2)
    places = [
        PING.nested_tables,
        PING.nested_tables + PAGE,
        PING.kernel_tables,
        PONG.monitor_tables,
        PING.monitor_plan,
        PONG.info,
        SYSTEM.boot.symbols.address("boot_plan"),
        PING.msr_map,
        PING.io_map,
    ]
    for place in places:
        for _ in range(2):
            audit = audited(SYSTEM, {place: chosen.randbytes(PAGE)})
            assert audit.verdict == "violated"
            assert len(audit.violations) <= 20 * len(audit.checks)
            audit.model_dump_json()


def test_plans_with_any_numbers() -> None:
    """A plan that says anything is refused, or audited to the end."""
    chosen = random.Random(3)
    whole = PLAN.model_dump_json()
    numbers = [match.span() for match in re.finditer(r"(?<=:)\d+", whole)]
    for _ in range(50):
        start, end = chosen.choice(numbers)
        number = chosen.choice([0, 1, PAGE, 1 << 31, 1 << 47, 1 << 63, 1 << 70, -PAGE])
        plan = Plan.model_validate_json(f"{whole[:start]}{number}{whole[end:]}")
        try:
            audit = Auditor(subject(SYSTEM, plan=plan), memory(SYSTEM), live=False).audit()
        except BadInputError:
            continue
        audit.model_dump_json()


def test_tables_that_lead_into_each_other() -> None:
    """Every entry of every table leads to some table: that ends as well."""
    region = next(region for region in PLAN.regions if region.name == "nested tables of ping")
    tables = range(region.start, region.end, PAGE)
    changes = {
        table: b"".join(
            struct.pack("<Q", tables[index % len(tables)] | 0x27) for index in range(512)
        )
        for table in tables
    }
    audit = audited(SYSTEM, changes)
    assert audit.verdict == "violated"
    assert audit.sandboxes[0].view.tables == len(tables)
