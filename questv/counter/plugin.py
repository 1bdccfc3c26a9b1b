"""The counter inside QEMU: a plugin, called before each instruction of the guest's.

It looks, and changes nothing that the guest could see: QEMU counts only the guest's own
instructions as its time.
"""

from __future__ import annotations

from questv.counter import emulator
from questv.counter.host import map_file
from questv.counter.results import MAX_CORES, MAX_EVENTS, SIZE, Results
from questv.metal.lang import RELAXED, Ptr, addr, metal, static, u32, u64

RESULTS_ARGUMENT = "results="
"""The plugin's one argument: the path of the file for the results."""

NO_RESULTS, TOO_MANY_CORES = 1, 2
"""What it refuses with."""

_NO_REGISTERS = 0

qemu_plugin_version: u32 = static(emulator.VERSION, export="qemu_plugin_version")

results: Ptr[Results] = static()


@metal(export="qemu_plugin_install")
def install(id: u64, machine: emulator.Machine, count: u32, arguments: Ptr[u64]) -> u32:
    """Begin; 0 if all is well."""
    global results
    if count != 1:
        return NO_RESULTS
    mapped = map_file(arguments[0] + len(RESULTS_ARGUMENT), SIZE)
    if mapped == 0:
        return NO_RESULTS
    if machine.max_cores > MAX_CORES:
        return TOO_MANY_CORES
    results = Ptr[Results](mapped)
    emulator.register_translation(id, addr(translated))
    return 0


@metal
def translated(_id: u64, block: u64) -> None:
    """Have every instruction of a new block counted, and those recorded that are marked."""
    for index in range(emulator.block_length(block)):
        instruction = emulator.instruction(block, index)
        address = emulator.virtual_address(instruction)
        callback = addr(passed) if _is_marked(address) else addr(executed)
        emulator.register_execution(instruction, callback, _NO_REGISTERS, address)


@metal
def _is_marked(address: u64) -> bool:
    for index in range(results[0].mark_count):
        if results[0].marks[index].address == address:
            return True
    return False


@metal
def executed(core: u32, _address: u64) -> None:
    """A core is about to execute an instruction."""
    results[0].cores[core].instructions += 1


@metal
def passed(core: u32, address: u64) -> None:
    """A core is about to execute an instruction that is marked, for it or for another core."""
    for index in range(results[0].mark_count):
        mark = results[0].marks[index]
        if mark.address == address and mark.core == core:
            _record(u32(index), results[0].cores[core].instructions)
    executed(core, address)


@metal
def _record(mark: u32, before: u64) -> None:
    number = results[0].happened.add(1, RELAXED)
    if number < MAX_EVENTS:
        results[0].events[number].mark = mark
        results[0].events[number].before = before
