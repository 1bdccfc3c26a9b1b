"""What must hold of every plan, read from the bytes of the image that carries it.

The systems are random. The walker and the ELF reader share nothing with the product.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from questv.metal.structs import offsetof
from questv.monitor.plan import MonitorPlan
from questv.plan.build import BuiltSystem, build
from questv.plan.model import SandboxPlan
from tests.boot.test_refusals import patched
from tests.plan.systems import TASKS, descriptions
from tests.plan.test_permissions import exits
from tests.plan.walker import LoadedImage, Walk, walk
from tests.running import write_system

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = 4096
GIB = 1 << 30
APIC = 0xFEE0_0000
FOREIGN = {0x174, 0x175, 0x176, *range(0xC000_0081, 0xC000_0085), *range(0xC000_0100, 0xC000_0104)}
GUARDED_READ = {0x802, 0x803, 0x808, 0x832, 0x838, 0x839, 0x83E, *range(0x810, 0x829)}
GUARDED_WRITE = {0x808, 0x80B, 0x828, 0x838, 0x83E, 0x83F}


class Checked:
    """A built system with everything that its image's tables show."""

    def __init__(self, system: BuiltSystem) -> None:
        self.plan = system.plan
        self.image = LoadedImage(system.image)
        self.views = {each.name: self._walk(each.nested_tables) for each in self.plan.sandboxes}
        self.kernels = {
            each.name: self._walk(each.kernel_tables)
            for each in self.plan.sandboxes
            if each.foreign is None
        }
        self.monitors = {each.name: self._walk(each.monitor_tables) for each in self.plan.sandboxes}

    def _walk(self, root: int) -> Walk:
        return walk(self.image.read, root)

    def owner(self, address: int) -> tuple[str, str]:
        """Whose a physical page is: the kind of owner, and of which sandbox or channel."""
        region = self.plan.region_at(address)
        if region is None:
            return ("the APIC", "") if address == APIC else ("nobody", "")
        return region.owner.value, region.of

    def all(self) -> None:
        self.regions()
        for sandbox in self.plan.sandboxes:
            if sandbox.foreign is not None:
                self.foreign(sandbox)
            else:
                self.view(sandbox)
                self.kernel(sandbox)
            self.monitor(sandbox)
            self.maps(sandbox)
            self.told(sandbox)
        self.sharing()
        self.doorbells()
        for sandbox in self.plan.sandboxes:
            windows = sorted(sandbox.view, key=lambda window: window.physical)
            assert all(window.size > 0 for window in windows)
            assert all(a.physical + a.size <= b.physical for a, b in itertools.pairwise(windows))

    def regions(self) -> None:
        """Each byte has one owner at most; all of them lie in the machine's memory.

        What QEMU looks up by more than 32 bits of rcx lies from 4 GiB on, and nothing else does.
        """
        end = 0x100000
        for region in sorted(self.plan.regions, key=lambda region: region.start):
            assert region.start >= end and region.size > 0
            assert region.start % PAGE == region.size % PAGE == 0
            end = region.end
            if region.start >= 4 * GIB or region.end > self.plan.memory:
                assert region.owner.value == "guard" or "MSR map" in region.name
                assert 4 * GIB <= region.start < region.end <= 8 * GIB
        assert end == self.plan.end
        for start, whole in self.image.segments:
            for page in range(start // PAGE * PAGE, start + len(whole), PAGE):
                assert self.owner(page)[0] not in ("nobody", "the APIC", "input")

    def view(self, sandbox: SandboxPlan) -> None:
        """An identity map of what is the sandbox's, with the rights that it should have."""
        apic = {APIC} if sandbox.apic == "direct" else set()
        own: set[int] = set()
        for page in self.views[sandbox.name].pages.values():
            assert page.address == page.physical
            assert page.user and page.accessed and page.dirty
            assert page.rights in ("r", "rw", "rx")
            kind, of = self.owner(page.physical)
            if kind == "sandbox":
                assert of == sandbox.name
                own.add(page.physical)
            elif kind == "channel":
                assert page.rights == self.channel_rights(sandbox, of, page.physical)
            elif kind == "input":
                assert of in {each.name for each in sandbox.inputs}
                assert page.rights == "r"
            elif kind == "heartbeat":
                assert of in self.heartbeats(sandbox)
                assert page.rights == ("rw" if of == sandbox.name else "r")
            else:
                assert page.physical in apic and page.rights == "rw" and page.uncached
        # It has all of its memory, and all that it was promised.
        for region in self.plan.regions:
            pages = range(region.start, region.end, PAGE)
            mine = region.owner.value == "sandbox" and region.of == sandbox.name
            mine |= region.of in {each.name for each in sandbox.inputs}
            mine |= region.of in {end.channel for end in sandbox.ends}
            mine |= region.owner.value == "heartbeat" and region.of in self.heartbeats(sandbox)
            seen = [page in self.views[sandbox.name].pages for page in pages]
            assert all(seen) if mine else not any(seen)
        assert apic <= self.views[sandbox.name].pages.keys()
        assert sandbox.memory == len(own) * PAGE

    def foreign(self, sandbox: SandboxPlan) -> None:
        """Its own memory from address 0, all rights in it, and above it what it is given."""
        view = self.views[sandbox.name].pages
        [own] = [
            each
            for each in self.plan.regions
            if each.of == sandbox.name and each.owner == "sandbox"
        ]
        assert view.keys() == set(range(0, own.size, PAGE))
        for page in view.values():
            assert page.physical == own.start + page.address
            assert page.user and page.accessed and page.dirty and not page.uncached
            assert (
                page.rights == "rwx"
                if page.address < sandbox.memory
                else page.rights in ("r", "rw")
            )
        assert view[sandbox.memory].rights == "r"
        assert all(page.rights == "rw" for page in view.values() if page.address > sandbox.memory)
        # It begins with a page table that shows it all of that, where it is.
        if sandbox.start.mode == "64-bit":
            shown = walk(
                lambda at, size: self.image.read(own.start + at, size), sandbox.kernel_tables
            )
            assert view.keys() <= shown.pages.keys()
            assert all(p.address == p.physical and p.rights == "rwx" for p in shown.pages.values())
            assert all(view[table].rights == "rw" for table in shown.tables)
            assert view[sandbox.stack_top - PAGE].rights == "rw"

    def heartbeats(self, sandbox: SandboxPlan) -> set[str]:
        """Whose signs of life it gives and sees."""
        if sandbox.heartbeat is None:
            return set()
        return {sandbox.name, *(each.sandbox for each in sandbox.heartbeat.watched)}

    def channel_rights(self, sandbox: SandboxPlan, channel: str, address: int) -> str:
        found = next(each for each in self.plan.channels if each.name == channel)
        region = self.plan.region_at(address)
        assert region is not None
        writer = {found.sender_area: found.sender, found.receiver_area: found.receiver}
        assert sandbox.name in (found.sender, found.receiver)
        return "rw" if writer[region.start] == sandbox.name else "r"

    def kernel(self, sandbox: SandboxPlan) -> None:
        """Its own tables show no more than its view, with the same rights; guards show nothing."""
        found = self.kernels[sandbox.name]
        view = self.views[sandbox.name].pages
        for page in found.pages.values():
            assert page.rights == view[page.physical].rights
            assert not page.user and page.accessed and page.dirty
        writable = [page.physical for page in found.pages.values() if page.writable]
        assert len(writable) == len(set(writable)), "what is written is seen at one place"
        for table in found.tables:
            assert self.owner(table) == ("sandbox", sandbox.name)
            assert view[table].rights == "rw"
            assert table not in writable
        assert 0 not in found.pages
        starts = {window.address for window in sandbox.kernel_windows}
        stacks = [w for w in sandbox.kernel_windows if w.name.startswith("stack ")]
        assert len(stacks) == 2 + len(sandbox.tasks)
        assert {task.stack_top for task in sandbox.tasks} <= {w.address + w.size for w in stacks}
        assert sandbox.stack_top in {w.address + w.size for w in stacks}
        for stack in stacks:
            assert stack.address - PAGE not in found.pages
            assert found.pages[stack.address].rights == "rw"
        for state in (state for task in sandbox.tasks for state in task.states):
            pages = range(state.address, state.address + state.size, PAGE)
            assert state.address % PAGE == 0
            assert all(found.pages[page].rights == "rw" for page in pages)
            assert state.address - PAGE not in found.pages
        for end in sandbox.ends:
            for area in (end.own, end.peer):
                assert area in starts and area - PAGE not in found.pages
                last = next(w for w in sandbox.kernel_windows if w.address == area)
                assert last.address + last.size not in found.pages
            assert found.pages[end.own].rights == "rw"
            assert found.pages[end.peer].rights == "r"
        entry = found.pages[sandbox.entry // PAGE * PAGE]
        assert entry.rights == "rx"

    def monitor(self, sandbox: SandboxPlan) -> None:
        """Its own memory, everybody's public pages to read, and the APIC; nothing else."""
        found = self.monitors[sandbox.name]
        public = {each.public: each for each in self.plan.sandboxes}
        for page in found.pages.values():
            assert page.rights in ("r", "rw", "rx")
            assert not page.user and page.accessed and page.dirty
            kind, of = self.owner(page.physical)
            if kind == "the APIC":
                assert page.rights == "rw" and page.uncached
            elif page.physical in public and page.rights == "r":
                offset = page.address // PAGE
                assert offset % 64 == public[page.physical].core
            elif kind == "heartbeat":
                assert of == sandbox.name and page.rights == "r"
            elif kind == "sandbox":
                # For restarts: of its kernel's memory it writes what the kernel writes.
                assert sandbox.recovery is not None and of == sandbox.name
                seen = self.views[sandbox.name].pages[page.physical]
                assert page.rights == ("rw" if seen.writable else "r")
            else:
                assert (kind, of) == ("monitor", sandbox.name)
        peers = {page.physical for page in found.pages.values() if page.rights == "r"}
        assert public.keys() <= peers
        for table in found.tables:
            assert self.owner(table) == ("hardware", sandbox.name)
        top = sandbox.monitor_stack_top
        assert found.pages[top - PAGE].rights == "rw"
        bottom = top - PAGE
        while bottom in found.pages:
            bottom -= PAGE
        assert top - bottom <= 3 * PAGE  # the stack's page or two, and below them nothing
        assert top not in found.pages
        assert found.pages[sandbox.monitor_entry // PAGE * PAGE].rights == "rx"
        assert 0 not in found.pages

    def maps(self, sandbox: SandboxPlan) -> None:
        """Its permission maps are open for what it was given, and for its own APIC."""
        msrs = self.image.read(sandbox.msr_map, 0x2000)
        given = dict(sandbox.msrs)
        for number in (*range(0x2000), *range(0xC000_0000, 0xC000_2000)):
            read, write = number in given, given.get(number) == "rw"
            if sandbox.foreign is not None:
                read |= number in FOREIGN or number == 0x1B
                write |= number in FOREIGN
            if 0x800 <= number < 0x840:
                direct = sandbox.apic == "direct"
                read = direct or number in GUARDED_READ
                write = direct or number in GUARDED_WRITE
            assert exits(msrs, number, False) == (not read)
            assert exits(msrs, number, True) == (not write)
        assert set(msrs[0x1000:]) == {0xFF}
        for times in (1, 2, 3):
            guard = sandbox.msr_map + times * GIB
            assert self.owner(guard) == self.owner(guard + 0x7FF) == ("guard", "")
            assert set(self.image.read(guard, 0x800)) == {0xFF}
        ports = self.image.read(sandbox.io_map, 0x3000)
        wanted = {port for first, last in sandbox.ports for port in range(first, last + 1)}
        found = {port for port in range(0x10000) if not ports[port // 8] >> port % 8 & 1}
        assert found == wanted

    def told(self, sandbox: SandboxPlan) -> None:
        """What the monitor is told is what the plan says; its doorbells are those of its ends."""
        made = MonitorPlan.view(self.image.read(sandbox.monitor_plan, PAGE))
        assert int(made.core) == sandbox.core
        assert int(made.nested_tables) == sandbox.nested_tables
        assert int(made.start.cr3) == sandbox.kernel_tables
        assert int(made.foreign) == (sandbox.foreign is not None)
        assert (int(made.msr_map), int(made.io_map)) == (sandbox.msr_map, sandbox.io_map)
        assert (int(made.control), int(made.host_save)) == (sandbox.control, sandbox.host_save)
        assert (int(made.start.rip), int(made.start.rsp)) == (sandbox.entry, sandbox.stack_top)
        cores = {each.core for each in self.plan.sandboxes}
        assert int(made.sandboxes) == sum(1 << core for core in cores)
        wanted = {end.peer_vector: end.peer_core for end in sandbox.ends}
        found = {v: int(made.doorbells[v]) - 1 for v in range(256) if int(made.doorbells[v])}
        assert found == wanted

    def sharing(self) -> None:
        """What one sandbox can write no other sees, but for the two sides of a channel."""
        seen: dict[int, list[tuple[str, str]]] = {}
        for name, view in self.views.items():
            for page in view.pages.values():
                seen.setdefault(page.physical, []).append((name, page.rights))
        for physical, parties in seen.items():
            if physical == APIC or len(parties) == 1:
                continue
            kind, of = self.owner(physical)
            if kind == "heartbeat":
                assert [name for name, rights in parties if rights != "r"] == [of]
                continue
            assert kind == "channel"
            assert sorted(rights for _, rights in parties) == ["r", "rw"]

    def doorbells(self) -> None:
        """A vector means one thing to who sends it, and one to who receives it."""
        by_core = {each.core: each for each in self.plan.sandboxes}
        for sandbox in self.plan.sandboxes:
            sent = [end.peer_vector for end in sandbox.ends]
            received = [end.bell_vector for end in sandbox.ends]
            assert len(sent) == len(set(sent)) and len(received) == len(set(received))
            assert all(0x30 <= vector <= 0xEF for vector in sent + received)
            for end in sandbox.ends:
                peer = by_core[end.peer_core]
                other = next(each for each in peer.ends if each.channel == end.channel)
                assert end.peer_vector == other.bell_vector
                assert end.bell_vector == other.peer_vector


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("random")


def check(folder: Path, text: str) -> None:
    Checked(build(write_system(folder, text, TASKS))).all()


RANDOM = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=8, **RANDOM)  # type: ignore[arg-type]
@given(text=descriptions())
def test_random_systems(folder: Path, text: str) -> None:
    check(folder, text)


@pytest.mark.long
@settings(max_examples=300, **RANDOM)  # type: ignore[arg-type]
@given(text=descriptions())
def test_many_random_systems(folder: Path, text: str) -> None:
    check(folder, text)


@pytest.mark.parametrize("name", ["hello", "foreign", pytest.param("demo", marks=pytest.mark.long)])
def test_examples(name: str) -> None:
    Checked(build(EXAMPLES / name)).all()


# ---- the checks themselves notice --------------------------------------------------------------


@functools.cache
def hello() -> BuiltSystem:
    return build(EXAMPLES / "hello")


def entry_of(system: BuiltSystem, root: int, address: int) -> int:
    """Where the last entry of a walk to ``address`` stands."""
    read = LoadedImage(system.image).read
    table = root
    for level in (4, 3, 2):
        at = table + (address >> 12 + 9 * (level - 1) & 511) * 8
        entry = int.from_bytes(read(at, 8), "little")
        if entry >> 7 & 1:
            return at
        table = entry & 0x000F_FFFF_FFFF_F000
    return table + (address >> 12 & 511) * 8


def holes() -> dict[str, tuple[int, int]]:
    """One bit that stands wrong, by what it would let through: its word's place, and the bit."""
    system = hello()
    one, two = system.plan.sandboxes
    text = next(window for window in one.kernel_windows if window.name == "text")
    data = next(window for window in one.kernel_windows if window.rights == "rw")
    peer = next(end for end in one.ends)
    return {
        "writable text": (entry_of(system, one.nested_tables, text.physical), 1),
        "executable data": (entry_of(system, one.nested_tables, data.physical), 63),
        "another's memory": (entry_of(system, one.nested_tables, data.physical), 20),
        "writable text in the kernel's tables": (
            entry_of(system, one.kernel_tables, text.address), 1),
        "the other side of a channel": (
            entry_of(system, one.nested_tables, one.physical(peer.peer)), 1),
        "the other side in the kernel's tables": (
            entry_of(system, one.kernel_tables, peer.peer), 1),
        "another's public page": (
            entry_of(system, two.monitor_tables, 0x80_0020_0000 + one.core * PAGE), 1),
        "writing EFER": (one.msr_map + 0x800 + 0x80 * 2 // 8 // 8 * 8, 0x80 * 2 % 64 + 1),
        "the APIC's command by 33 bits": (one.msr_map + GIB + 0x830 // 4, 1),
        "a timer by 34 bits": (two.msr_map + 3 * GIB + 0x832 // 4 // 8 * 8, 0x832 * 2 % 64),
        "port 0xCF9": (one.io_map + 0xCF9 // 64 * 8, 0xCF9 % 64),
        "a doorbell": (one.monitor_plan + int(offsetof(MonitorPlan, "doorbells")) + 0x80, 1),
    }  # fmt: skip


@pytest.mark.parametrize("hole", holes())
def test_one_wrong_bit_is_noticed(hole: str) -> None:
    system = hello()
    Checked(system).all()
    at, bit = holes()[hole]
    word = int.from_bytes(LoadedImage(system.image).read(at, 8), "little") ^ 1 << bit
    image = patched(system, at, word.to_bytes(8, "little"))
    with pytest.raises(AssertionError):
        Checked(dataclasses.replace(system, image=image)).all()
