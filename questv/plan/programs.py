"""The kinds of program: the boot, the monitor, a kernel with its sandbox's tasks, a process."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from elftools.elf.elffile import ELFFile

from questv.diagnostics import Diagnostic
from questv.kernel.info import SandboxInfo
from questv.kernel.process_info import ProcessInfo
from questv.metal.link import link
from questv.metal.stack import StackDepths
from questv.metal.structs import offsetof
from questv.metal.symbols import Symbols
from questv.metal.units import Unit, UnitCompiler
from questv.plan import addresses

BOOT_MODULES = ("questv.boot.main",)
MONITOR_MODULES = ("questv.monitor.main",)
KERNEL_MODULES = (
    "questv.kernel.main",
    "questv.kernel.interrupts",
    "questv.kernel.system_calls",
    "questv.kernel.migration",
)
PROCESS_MODULES = ("questv.process.start",)

_SECTIONS = {".text": "rx", ".rodata": "r", ".data": "rw", ".bss": "rw"}


@dataclass(frozen=True)
class Segment:
    """A stretch of a program with one set of rights: ``rx``, ``r`` or ``rw``.

    ``address`` is virtual and page-aligned; ``size`` is in bytes, of which ``contents`` fills the
    first and the rest is zero.
    """

    name: str
    address: int
    size: int
    contents: bytes
    rights: str


@dataclass(frozen=True)
class Program:
    """A linked program."""

    name: str
    elf: bytes

    @cached_property
    def symbols(self) -> Symbols:
        """Its symbol table and debug information."""
        return Symbols(self.elf)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """What has to be in memory, in order of address."""
        segments = []
        for section in ELFFile(io.BytesIO(self.elf)).iter_sections():
            if section.name in _SECTIONS and section["sh_size"]:
                empty = section["sh_type"] == "SHT_NOBITS"
                segments.append(
                    Segment(
                        section.name.removeprefix("."),
                        section["sh_addr"],
                        section["sh_size"],
                        b"" if empty else section.data(),
                        _SECTIONS[section.name],
                    )
                )
        return tuple(segments)

    def segment_size(self, name: str) -> int:
        """The size in bytes of the segment ``name``, 0 if there is none."""
        return sum(segment.size for segment in self.segments if segment.name == name)


class Programs:
    """Compiles and links programs; ``checks`` makes debug builds."""

    def __init__(self, *, checks: bool) -> None:
        """Nothing is compiled yet."""
        self._checks = checks
        self._units: dict[str, Unit] = {}
        self.compiled: list[str] = []
        """Modules that had to be compiled, since nothing in the cache would do."""

    def compile(self, modules: Iterable[str]) -> None:
        """Compile everything that programs will be linked from. Raises DiagnosticsError."""
        compiler = UnitCompiler(checks=self._checks)
        self._units = compiler.compile([*BOOT_MODULES, *MONITOR_MODULES, *KERNEL_MODULES, *modules])
        self.compiled = compiler.compiled

    def findings(self, modules: Iterable[str]) -> list[Diagnostic]:
        """Everything in ``modules``, and in what they use, that ``compile`` would refuse."""
        return UnitCompiler(checks=self._checks).findings(modules)

    @classmethod
    def alone(cls, name: str, modules: Sequence[str], base: int, entry: str) -> Program:
        """A program on its own, which starts at the symbol ``entry`` and lies from ``base`` on.

        Raises DiagnosticsError or LinkError.
        """
        programs = cls(checks=False)
        programs._units = UnitCompiler(checks=False).compile(modules)
        return programs._link(name, modules, _script(base, {}, entry=entry), [entry])

    def boot(self) -> Program:
        """The boot; its plan is a variable in a page of its own, for the builder to fill in."""
        script = _script(addresses.BOOT_PROGRAM, {}, entry="boot_entry")
        return self._link("boot", BOOT_MODULES, script, ["boot_entry"])

    def monitor(self) -> Program:
        """The monitor, the same for every core."""
        places = {
            "monitor_plan": addresses.MONITOR_PLAN,
            "monitor_public": addresses.MONITOR_PUBLIC,
            "monitor_control": addresses.MONITOR_CONTROL,
            "monitor_apic_page": addresses.MONITOR_APIC,
            "monitor_peers": addresses.MONITOR_PEERS,
            "monitor_pulse": addresses.MONITOR_PULSE,
        }
        script = _script(addresses.MONITOR_PROGRAM, places, entry="monitor_entry")
        return self._link("monitor", MONITOR_MODULES, script, ["monitor_entry"])

    def kernel(
        self, name: str, modules: Sequence[str], wanted: Sequence[str], exception_stack: int
    ) -> Program:
        """A sandbox's kernel; ``wanted`` are the symbols of its tasks and what they are given."""
        places = {
            "sandbox_info": addresses.KERNEL_INFO,
            "kept_states": addresses.KERNEL_INFO + offsetof(SandboxInfo, "kept"),
            "kernel_apic_page": addresses.KERNEL_APIC,
            "kernel_exception_stack_top": exception_stack,
        }
        script = _script(addresses.KERNEL_PROGRAM, places, entry="kernel_entry")
        return self._link(
            f"kernel-{name}",
            [*KERNEL_MODULES, *modules],
            script,
            ["kernel_entry", *sorted(set(wanted))],
        )

    def process(
        self, name: str, modules: Sequence[str], wanted: Sequence[str], base: int
    ) -> Program:
        """A task that is a process, whose part of the address space begins at ``base``."""
        told = base + addresses.PROCESS_INFO
        places = {"process_info": told, "kept_states": told + offsetof(ProcessInfo, "kept")}
        script = _script(base, places, entry="process_entry")
        keep = ["process_entry", "process_start", *sorted(set(wanted))]
        return self._link(f"process-{name}", [*PROCESS_MODULES, *modules], script, keep)

    def reached(self, modules: Iterable[str], symbol: str) -> set[str]:
        """The modules of all functions of the program made of ``modules`` that ``symbol`` calls."""
        units = self._closure(modules)
        homes = {facts.symbol: unit for unit in units for facts in unit.functions}
        found, waiting = {symbol}, [symbol]
        while waiting:
            called = waiting.pop()
            unit = homes[called]
            new = (unit.code.calls.get(called, frozenset()) & homes.keys()) - found
            found |= new
            waiting += new
        return {homes[function].module for function in found}

    def depths(self, modules: Iterable[str], entries: Mapping[str, str]) -> StackDepths:
        """Stack depths of the program made of ``modules``.

        ``entries`` are functions, by symbol, that are called through pointers of the given type.
        """
        return StackDepths(self._closure(modules), entries)

    def closure(self, modules: Iterable[str]) -> list[str]:
        """``modules`` and all that they use, in order."""
        return [unit.module for unit in self._closure(modules)]

    def _closure(self, modules: Iterable[str]) -> list[Unit]:
        wanted, waiting = set(), ["questv.metal.runtime", *modules]
        while waiting:
            module = waiting.pop()
            if module not in wanted:
                wanted.add(module)
                waiting += self._units[module].uses
        return [self._units[module] for module in sorted(wanted)]

    def _link(self, name: str, modules: Iterable[str], script: str, keep: Sequence[str]) -> Program:
        return Program(name, link(self._closure(modules), script, keep))


def _script(base: int, places: Mapping[str, int], *, entry: str) -> str:
    """A linker script: each kind of section on pages of its own, symbols at fixed places."""
    symbols = "\n".join(f"{name} = {address:#x};" for name, address in sorted(places.items()))
    return f"""
ENTRY({entry})
{symbols}
SECTIONS {{
    . = {base:#x};
    program_text_start = .;
    .text   : {{ KEEP(*(.text.{entry})) *(.text .text.*) }}
    . = ALIGN(0x1000);
    .rodata : {{ *(.rodata .rodata.*) }}
    . = ALIGN(0x1000);
    program_rodata_end = .;
    .data   : {{ *(.data .data.*) }}
    . = ALIGN(0x1000);
    .bss    : {{ *(.bss .bss.*) }}
    /DISCARD/ : {{ *(.eh_frame*) *(.comment) *(.note*) *(.debug_names) }}
}}
"""
