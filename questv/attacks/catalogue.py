"""All attacks, by number."""

from __future__ import annotations

from enum import IntEnum

from questv.attacks import interrupts, memory, processor
from questv.attacks.orders import Orders
from questv.metal.lang import metal, u64
from questv.metal.structs import width


@width(u64)
class Attack(IntEnum):
    """What an attacker is ordered to do."""

    NONE = 0  # for the harness: an attacker that does nothing comes back
    READ = 1
    WRITE = 2
    EXECUTE = 3
    READ_MSR = 4
    WRITE_MSR = 5
    READ_PORT = 6
    WRITE_PORT = 7
    VMRUN = 8
    VMLOAD = 9
    VMSAVE = 10
    STGI = 11
    CLGI = 12
    SKINIT = 13
    INVLPGA = 14
    TRIPLE_FAULT = 15
    BAD_HYPERCALL = 16
    SEND_COMMAND = 17
    RELOCATE_APIC = 18
    SET_TIMER = 19
    HANG = 20
    ARM_TIMER = 21
    SINGLE_STEP = 24
    READ_WIDE_MSR = 22
    WRITE_WIDE_MSR = 23


@metal
def perform(orders: Orders) -> None:
    """Do what the orders say; no attack comes back if it is contained."""
    match Attack(orders.attack):
        case Attack.READ:
            memory.read(orders)
        case Attack.WRITE:
            memory.write(orders)
        case Attack.EXECUTE:
            memory.execute(orders)
        case Attack.READ_MSR:
            processor.read_denied_msr(orders)
        case Attack.WRITE_MSR:
            processor.write_denied_msr(orders)
        case Attack.READ_WIDE_MSR:
            processor.read_wide_msr(orders)
        case Attack.WRITE_WIDE_MSR:
            processor.write_wide_msr(orders)
        case Attack.READ_PORT:
            processor.read_denied_port(orders)
        case Attack.WRITE_PORT:
            processor.write_denied_port(orders)
        case Attack.VMRUN:
            processor.vmrun(orders)
        case Attack.VMLOAD:
            processor.vmload(orders)
        case Attack.VMSAVE:
            processor.vmsave(orders)
        case Attack.STGI:
            processor.stgi(orders)
        case Attack.CLGI:
            processor.clgi(orders)
        case Attack.SKINIT:
            processor.skinit(orders)
        case Attack.INVLPGA:
            processor.invlpga(orders)
        case Attack.TRIPLE_FAULT:
            processor.triple_fault(orders)
        case Attack.BAD_HYPERCALL:
            processor.bad_hypercall(orders)
        case Attack.SEND_COMMAND:
            interrupts.send_command(orders)
        case Attack.RELOCATE_APIC:
            interrupts.relocate_apic(orders)
        case Attack.SET_TIMER:
            interrupts.set_timer(orders)
        case Attack.HANG:
            processor.hang(orders)
        case Attack.ARM_TIMER:
            interrupts.arm_timer(orders)
        case Attack.SINGLE_STEP:
            processor.single_step(orders)
        case _:
            pass
