"""The injector inside QEMU: a plugin that is called before each instruction, and does one fault.

Until the moment of the fault the machine runs as one without it, to the last instruction; the fault
itself takes no time. It needs a deterministic machine on which each block that is translated has
one instruction: only then may the clock be read, and left is what has not begun.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

from questv.arch.x86.apic import X2APIC_MSR_BASE, XAPIC_ADDRESS, ApicRegister
from questv.counter import emulator as api
from questv.counter.host import end_process, map_file
from questv.faults import emulator
from questv.faults.orders import SIZE, Action, Exchange, Trigger
from questv.metal.lang import Array, Ptr, addr, metal, static, u32, u64
from questv.metal.structs import width

EXCHANGE_ARGUMENT = "exchange="
"""The plugin's one argument: the path of the file that it shares with the host."""

NO_EXCHANGE = 1
"""What it refuses with."""

# gdb's numbers of registers (gdb/features/i386/64bit-core.xml)
RAX, RCX, RDX, RIP, EFLAGS = 0, 2, 3, 16, 17

WORD = 8
TIMER_WORDS = 16  # more than QEMU's timers have

_MESSAGE_CORE = 12  # bit of a message's address
_INTERRUPTS = 1 << 9  # in EFLAGS
_SLEEP = 0xFDEB_F4FA  # cli; hlt; jmp to hlt
_WAIT = 0xFCEB_90F3  # pause; jmp to pause
_LOOP_LENGTH = 4
_WRMSR = 0x300F
_WRMSR_LENGTH = 2
_COMMAND_MSR = X2APIC_MSR_BASE + int(ApicRegister.COMMAND)


@width(u32)
class Stage(IntEnum):
    """How far the fault is."""

    AWAITED = 0  # its moment has not come
    STALLED = 1  # the core is in a loop
    LISTENING = 2  # the next doorbell is the one
    REPEATING = 3  # it is being sent for the first time
    OVER = 4


qemu_plugin_version: u32 = static(api.VERSION, export="qemu_plugin_version")

exchange: Ptr[Exchange] = static()
array: u64 = static()
stage: Stage = static(Stage.AWAITED)
begun: bool = static(False)
horizon: Array[u64, TIMER_WORDS] = static()
place: u64 = static()  # of the loop, or of the instruction that sends the doorbell
until: u64 = static()  # when the stall ends
word: u64 = static()  # what is on its way from or to QEMU
saved_code: u64 = static()
saved_flags: u64 = static()
delay: Array[u64, TIMER_WORDS] = static()
late_core: u32 = static()
late_vector: u32 = static()


@metal(export="qemu_plugin_install")
def install(id: u64, _machine: api.Machine, count: u32, arguments: Ptr[u64]) -> u32:
    """Begin; 0 if all is well."""
    global exchange, array
    if count != 1:
        return NO_EXCHANGE
    mapped = map_file(arguments[0] + len(EXCHANGE_ARGUMENT), SIZE)
    if mapped == 0:
        return NO_EXCHANGE
    exchange = Ptr[Exchange](mapped)
    array = emulator.new_array()
    api.register_translation(id, addr(translated))
    return 0


@metal
def translated(_id: u64, block: u64) -> None:
    """Be called before every instruction of a new block that can be the sandbox's."""
    global begun
    if not begun:  # only now are there clocks
        begun = True
        emulator.set_up_timer(addr(horizon), 0, emulator.VIRTUAL, 1, 0, addr(end_run))
        emulator.start_timer(addr(horizon), exchange[0].orders.horizon)
    for index in range(api.block_length(block)):
        instruction = api.instruction(block, index)
        address = api.virtual_address(instruction)
        if _code_at(address) < exchange[0].orders.code_count:
            api.register_execution(instruction, addr(own), emulator.READ_WRITE_REGISTERS, address)


@metal
def _code_at(address: u64) -> u32:
    """The stretch of the sandbox's code that holds an address; their number if none does."""
    orders = exchange[0].orders
    for index in range(orders.code_count):
        if orders.code[index].start <= address and address < orders.code[index].end:
            return index
    return orders.code_count


@metal
def end_run(_opaque: u64) -> None:
    """The machine has come to its horizon."""
    exchange[0].found.late = 1
    end_process()


@metal
def own(core: u32, address: u64) -> None:
    """A core is about to execute what is code at the same address in the sandbox."""
    if core == exchange[0].orders.core:
        exchange[0].found.executed += 1
        match stage:
            case Stage.AWAITED:
                if _is_due(address):
                    _inject(core, address)
            case Stage.STALLED:
                _stall(core, address)
            case Stage.LISTENING:
                _listen(core, address)
            case Stage.REPEATING:
                _repeat(core, address)
            case Stage.OVER:
                pass


@metal
def _is_due(address: u64) -> bool:
    orders = exchange[0].orders
    found = exchange[0].found
    match orders.trigger:
        case Trigger.COUNT:
            return found.executed >= orders.count
        case Trigger.PLACE:
            if address == orders.place:
                found.passed += 1
            return found.passed >= orders.count
        case _:
            return _now() >= orders.time


@metal
def _inject(core: u32, address: u64) -> None:
    global stage
    orders = exchange[0].orders
    code = orders.code[_code_at(address)]
    at = address - code.start + code.physical
    match orders.action:
        case Action.REGISTER:
            _note(address)
            stage = Stage.OVER
            _flip_register(core, address)
        case Action.MEMORY:
            _note(address)
            stage = Stage.OVER
            _flip_memory(orders.address)
        case Action.CODE:
            length = min(u64(orders.length), code.end - address)
            _note(address)
            stage = Stage.OVER
            _replace(at, addr(orders.bytes), length)
            _go_to(core, address)
        case Action.KILL | Action.STALL:
            # The loop is the kernel's: what runs below it can't keep interrupts off.
            if code.ring0 != 0 and code.end - address >= _LOOP_LENGTH:
                _note(address)
                _loop(core, address, at)
        case Action.DROP | Action.REPEAT | Action.DELAY:
            stage = Stage.LISTENING
            _listen(core, address)
        case _:
            if _is_doorbell(core, address):
                exchange[0].found.doorbell = exchange[0].found.executed


@metal
def _note(address: u64) -> None:
    exchange[0].found.time = _now()
    exchange[0].found.rip = address


# ---- bits ------------------------------------------------------------------------------------


@metal
def _flip_register(core: u32, address: u64) -> None:
    orders = exchange[0].orders
    found = exchange[0].found
    before = address if orders.register == RIP else _read(core, orders.register)
    found.before[0] = before
    found.after[0] = before ^ orders.flip
    _write(core, orders.register, before ^ orders.flip)
    if orders.register == RIP:
        emulator.leave_instruction(emulator.processor(core))


@metal
def _flip_memory(address: u64) -> None:
    orders = exchange[0].orders
    found = exchange[0].found
    found.address = address
    emulator.access_memory(address, addr(found.before), WORD, 0)
    found.after[0] = found.before[0] ^ orders.flip
    emulator.access_memory(address, addr(found.after), WORD, 1)


# ---- other code ------------------------------------------------------------------------------


@metal
def _replace(address: u64, source: u64, length: u64) -> None:
    found = exchange[0].found
    found.address = address
    emulator.access_memory(address, addr(found.before), length, 0)
    emulator.access_memory(address, source, length, 1)
    emulator.access_memory(address, addr(found.after), length, 0)


@metal
def _loop(core: u32, address: u64, at: u64) -> NoReturn:
    """Put a loop at the place of execution, for ever or for a time."""
    global stage, word, place, until, saved_code, saved_flags
    if exchange[0].orders.action == Action.KILL:
        stage = Stage.OVER
        word = _SLEEP
    else:
        stage = Stage.STALLED
        place = address
        until = _now() + exchange[0].orders.duration
        emulator.access_memory(at, addr(saved_code), _LOOP_LENGTH, 0)
        saved_flags = _read(core, EFLAGS)
        _write(core, EFLAGS, saved_flags & ~u64(_INTERRUPTS))
        word = _WAIT
    _replace(at, addr(word), _LOOP_LENGTH)
    _go_to(core, address)


@metal
def _stall(core: u32, address: u64) -> None:
    """Let the core go on where it was, if it is time."""
    global stage
    if address - place < _LOOP_LENGTH and _now() >= until:
        stage = Stage.OVER
        emulator.access_memory(exchange[0].found.address, addr(saved_code), _LOOP_LENGTH, 1)
        exchange[0].found.address = 0
        _write(core, EFLAGS, saved_flags)
        _go_to(core, place)


# ---- doorbells -------------------------------------------------------------------------------


@metal
def _listen(core: u32, address: u64) -> None:
    """If the kernel is about to send a doorbell: this is the one."""
    global stage, place
    if _is_doorbell(core, address):
        _note(address)
        stage = Stage.OVER
        match exchange[0].orders.action:
            case Action.REPEAT:
                stage = Stage.REPEATING
                place = address
            case Action.DELAY:
                _send_later(core)
                _go_to(core, address + _WRMSR_LENGTH)
            case _:
                _go_to(core, address + _WRMSR_LENGTH)


@metal
def _send_later(core: u32) -> None:
    """Have the doorbell sent that is in the registers, by the emulator's own clock."""
    global late_core, late_vector
    late_core = u32.wrap(_read(core, RDX))
    late_vector = u32.wrap(_read(core, RAX)) & 0xFF
    emulator.set_up_timer(addr(delay), 0, emulator.VIRTUAL, 1, 0, addr(send))
    emulator.start_timer(addr(delay), _now() + exchange[0].orders.duration)


@metal
def send(_opaque: u64) -> None:
    """The time of a late doorbell has come: send it as a device would (APM vol. 2, 16.10)."""
    global word
    word = u64(late_vector)
    emulator.access_memory(XAPIC_ADDRESS + (u64(late_core) << _MESSAGE_CORE), addr(word), 4, 1)


@metal
def _repeat(core: u32, address: u64) -> None:
    """If the doorbell has been sent for the first time: send it again."""
    global stage
    if address == place + _WRMSR_LENGTH:
        stage = Stage.OVER
        _go_to(core, place)


@metal
def _is_doorbell(core: u32, address: u64) -> bool:
    """Whether the kernel is about to write to the command register of its x2APIC."""
    global word
    code = exchange[0].orders.code[_code_at(address)]
    if code.ring0 == 0:
        return False
    word = 0
    emulator.access_memory(address - code.start + code.physical, addr(word), _WRMSR_LENGTH, 0)
    return word == _WRMSR and _read(core, RCX) & 0xFFFF_FFFF == _COMMAND_MSR


# ---- QEMU ------------------------------------------------------------------------------------


@metal
def _now() -> u64:
    return u64(emulator.clock(emulator.VIRTUAL))


@metal
def _read(core: u32, number: u32) -> u64:
    emulator.set_array_size(array, 0)
    length = emulator.read_register(emulator.processor(core), array, number)
    bytes = Ptr[u64](Ptr[u64](array)[0])
    return bytes[0] if length == 8 else bytes[0] & 0xFFFF_FFFF


@metal
def _write(core: u32, number: u32, value: u64) -> None:
    global word
    word = value
    emulator.write_register(emulator.processor(core), addr(word), number)


@metal
def _go_to(core: u32, address: u64) -> NoReturn:
    _write(core, RIP, address)
    emulator.leave_instruction(emulator.processor(core))
