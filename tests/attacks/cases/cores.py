"""Attacks on other cores by interrupts, on the local APIC, and on the monitor by hypercalls."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from questv.arch.x86.apic import (
    COMMAND_ASSERT,
    COMMAND_INIT,
    COMMAND_NMI,
    COMMAND_STARTUP,
    LVT_MASKED,
    LVT_PERIODIC,
    X2APIC_MSR_BASE,
    ApicRegister,
)
from questv.arch.x86.registers import Msr
from questv.attacks import hypercalls, interrupts, registers
from questv.boot.entry import TRAMPOLINE
from questv.kernel.stubs import TIMER_VECTOR
from questv.monitor.interface import CrashReason, Hypercall, SandboxState
from questv.plan.build import BuiltSystem

from .case import Case, doorbell
from .memory import part

_SMI, _EXTERNAL, _LOWEST = 0x200, 0x700, 0x100
_LOGICAL, _LEVEL = 1 << 11, 1 << 15
_SELF, _ALL, _OTHERS = 1 << 18, 2 << 18, 3 << 18
_EVERYBODY = 0xFFFF_FFFF << 32
_BELL = 0x30


def cases(built: BuiltSystem) -> Iterator[Case]:
    """All of them."""
    yield from _commands(built)
    yield from _registers(built)
    yield from _wide_msrs(built)
    yield from _hypercalls(built)


def _commands(built: BuiltSystem) -> Iterator[Case]:
    sink = built.plan.sandbox("sink").core << 32
    middle = built.plan.sandbox("middle").core << 32
    start = COMMAND_STARTUP | TRAMPOLINE >> 12
    bell = doorbell(built)
    for name, command in {
        "INIT": sink | COMMAND_INIT,
        "INIT with assertion": sink | COMMAND_INIT | COMMAND_ASSERT,
        "the end of INIT": sink | COMMAND_INIT | _LEVEL,
        "startup": sink | start,
        "startup in firmware": sink | COMMAND_STARTUP | 0xF0,
        "NMI": sink | COMMAND_NMI,
        "SMI": sink | _SMI,
        "ExtINT": sink | _EXTERNAL,
        "a vector of somebody else's": sink | 0x60,
        "the timer's vector": sink | TIMER_VECTOR,
        "the vector of machine checks": sink | 18,
        "a vector to whom it is not for": middle | _BELL,
        "a doorbell to a core that is not there": 0x77 << 32 | _BELL,
        "a doorbell to whoever has the lowest priority": bell | _LOWEST,
        "a doorbell by logical address": bell | _LOGICAL,
        "a doorbell with assertion": bell | COMMAND_ASSERT,
        "a doorbell with a reserved bit": bell | 1 << 20,
        "a doorbell to everybody": _EVERYBODY | _BELL,
        "a doorbell to all": _ALL | _BELL,
        "a doorbell to all others": _OTHERS | _BELL,
        "a doorbell to itself": _SELF | _BELL,
        "INIT to all others": _OTHERS | COMMAND_INIT,
        "INIT to all": _ALL | COMMAND_INIT,
        "startup to all others": _OTHERS | start,
        "NMI to all others": _OTHERS | COMMAND_NMI,
        "NMI to everybody": _EVERYBODY | COMMAND_NMI,
        "SMI to all": _ALL | _SMI,
        "INIT to itself": built.plan.sandbox("attacker").core << 32 | COMMAND_INIT,
        "NMI to itself": _SELF | COMMAND_NMI,
        "nothing": 0,
    }.items():
        yield Case(f"send {name}", interrupts.send_command, command).stopped(
            CrashReason.FORGED_DOORBELL, command
        )
    init = sink | COMMAND_INIT
    yield Case("ask the monitor to send INIT", interrupts.ask_for_command, init).stopped(
        CrashReason.FORGED_DOORBELL, init
    )
    yield Case("ask the monitor to ring a doorbell", interrupts.ask_for_command, bell)
    yield Case("ring a doorbell for ever", interrupts.ring_for_ever, bell, endless=True)


def _registers(built: BuiltSystem) -> Iterator[Case]:
    data = part(built.plan.sandbox("attacker"), "bss") & ~0xFFF
    yield Case("move the local APIC over memory", registers.relocate_apic, data).stopped(
        CrashReason.MSR_WRITE, 0x1B
    )
    yield Case("turn the local APIC off", registers.write_denied_msr, 0x1B, 0xFEE0_0000).stopped(
        CrashReason.MSR_WRITE, 0x1B
    )
    for name, number in {
        "destination": 0x0D,
        "spurious vector": ApicRegister.SPURIOUS,
        "corrected errors": 0x2F,
        "heat": 0x33,
        "counters": 0x34,
        "first line": ApicRegister.LINT0,
        "second line": ApicRegister.LINT1,
        "errors": 0x37,
        "last of all": 0xFF,
    }.items():
        msr = X2APIC_MSR_BASE + number
        case = Case(f"set the local APIC's {name}", registers.write_denied_msr, msr)
        yield case.at(msr, COMMAND_NMI).stopped(CrashReason.MSR_WRITE, msr)
    for number in (ApicRegister.COMMAND, ApicRegister.COMMAND_HIGH, ApicRegister.SELF_INTERRUPT):
        msr = X2APIC_MSR_BASE + number
        case = Case(f"read the local APIC's register {number:#x}", registers.read_denied_msr, msr)
        yield case.stopped(CrashReason.MSR_READ, msr)
    for name, bits in {
        "SMI": _SMI,
        "masked SMI": _SMI | LVT_MASKED,
        "NMI": COMMAND_NMI,
        "INIT": COMMAND_INIT,
        "ExtINT": _EXTERNAL,
        "periodic": LVT_PERIODIC,
        "by deadline": 1 << 18,
        "from beyond 32 bits": 1 << 32,
    }.items():
        yield Case(f"timer {name}", interrupts.set_timer, bits | TIMER_VECTOR).stopped(
            CrashReason.FORBIDDEN_APIC_ACCESS, ApicRegister.TIMER
        )
    yield Case("timer again and again", interrupts.arm_timer, 10_000).stopped(
        CrashReason.KERNEL_PANIC
    )
    for vector in (0, 2, 8, 14, 18, TIMER_VECTOR, _BELL, 0xFF):
        yield Case(f"interrupt itself by vector {vector}", interrupts.interrupt_self, vector, 100)
    yield Case("interrupt itself for ever", interrupts.interrupt_self_for_ever, 0x40, endless=True)
    yield Case("raise the priority of the task", interrupts.raise_priority)


def _wide_msrs(built: BuiltSystem) -> Iterator[Case]:
    """Processors ignore the upper half of rcx. QEMU 10 adds it to the address of the MSR map."""
    init = built.plan.sandbox("sink").core << 32 | COMMAND_INIT
    command = X2APIC_MSR_BASE + ApicRegister.COMMAND
    timer = X2APIC_MSR_BASE + ApicRegister.TIMER
    refused = CrashReason.FORBIDDEN_APIC_ACCESS
    for high in (1, 2, 3, 0xFFFF_FFFF):
        for msr in (int(Msr.APIC_BASE), command):
            case = Case(f"read MSR {msr:#x} as {high:#x}_{msr:08x}", registers.read_wide_msr)
            yield case.at(high << 32 | msr).stopped(CrashReason.MSR_READ, msr)
        for msr, value, reason, address in (
            (int(Msr.APIC_BASE), 0xFEE0_0000, CrashReason.MSR_WRITE, int(Msr.APIC_BASE)),
            (command, init, CrashReason.FORGED_DOORBELL, init),
            (timer, _SMI | TIMER_VECTOR, refused, int(ApicRegister.TIMER)),
        ):
            case = Case(f"write MSR {msr:#x} as {high:#x}_{msr:08x}", registers.write_wide_msr)
            yield case.at(high << 32 | msr, value).stopped(reason, address)


def _hypercalls(built: BuiltSystem) -> Iterator[Case]:
    known = {int(each) for each in Hypercall}
    last = max(known)
    numbers = [*range(65), 1 << 31, 1 << 32, 1 << 32 | 2, 1 << 63, (1 << 64) - 1]
    chosen = random.Random(1)  # the same in every run
    numbers += [chosen.getrandbits(64) for _ in range(6)]
    for number in numbers:
        if number not in known:
            case = Case(f"hypercall {number:#x}", hypercalls.call, number)
            case = replace(case, rare=last + 2 < number < 64)
            yield case.stopped(CrashReason.BAD_HYPERCALL, number)
    started = Case("hypercall STARTED once more", hypercalls.call, Hypercall.STARTED)
    yield started.stopped(CrashReason.BAD_HYPERCALL, Hypercall.STARTED)
    finished = Case("hypercall FINISHED", hypercalls.call, Hypercall.FINISHED)
    yield replace(finished, ends=SandboxState.FINISHED)
    monitor = part(built.plan.sandbox("attacker"), "monitor bss")
    arguments = {"1": 1, "the largest number": (1 << 64) - 1, "the monitor's data": monitor}
    for name, argument in arguments.items():
        yield replace(
            finished,
            name=f"hypercall FINISHED with {name}",
            value=argument,
            ends=SandboxState.CUT_OFF,
        )
        case = Case(f"hypercall PANIC with {name}", hypercalls.call)
        case = case.at(Hypercall.PANIC, argument)
        yield case.stopped(CrashReason.KERNEL_PANIC, argument)
        for call in (Hypercall.APIC_READ, Hypercall.APIC_WRITE):
            case = Case(f"hypercall {call.name} with {name}", hypercalls.call)
            yield case.at(call, argument).stopped(CrashReason.FORBIDDEN_APIC_ACCESS, argument)
    for register in (ApicRegister.SPURIOUS, ApicRegister.LINT1, ApicRegister.COMMAND_HIGH):
        case = Case(f"hypercall APIC_WRITE of {register.name}", hypercalls.call)
        case = case.at(Hypercall.APIC_WRITE, register)
        yield case.stopped(CrashReason.FORBIDDEN_APIC_ACCESS, register)
    case = Case("hypercall with pointers to the monitor", hypercalls.call_with_pointers)
    yield case.at(99, monitor).stopped(CrashReason.BAD_HYPERCALL, 99)
    for name, attack in {
        "with prefixes": hypercalls.call_with_prefixes,
        "right after STI": hypercalls.call_in_shadow,
    }.items():
        yield Case(f"hypercall {name}", attack, 99).stopped(CrashReason.BAD_HYPERCALL, 99)
    yield Case("hypercall of another make", hypercalls.call_of_another_make, 1).panics(6)
