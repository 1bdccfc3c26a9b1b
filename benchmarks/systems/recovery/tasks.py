"""A kernel that fails again and again, each time in the way that its task is told."""

from questv.api import log, now, panic, sleep_until, task
from questv.metal.lang import Array, Ptr, addr, asm, metal, static, u64

PANIC, NO_MEMORY, INSTRUCTION, MSR, PORT, HYPERCALL, SHUTDOWN, HANG = range(8)

empty: Array[u64, 2] = static()


@task
def live(fault: u64) -> None:
    """Say that this incarnation has begun, and fail: from the label on."""
    log("begins")
    sleep_until(now() + 200_000)
    asm(".globl recovery_fail\nrecovery_fail:", None, "")
    fail(fault)


@metal
def fail(fault: u64) -> None:
    """What it fails by."""
    match fault:
        case 0:
            panic("no more")
        case 1:
            Ptr[u64](0x123456)[0] = 1
        case 2:
            asm("wbinvd", None, "~{memory}")
        case 3:
            asm("mov ecx, 0xC0000080\nrdmsr", None, "~{rax},~{rcx},~{rdx}")
        case 4:
            asm("out 0x70, al", None, "")
        case 5:
            asm("mov eax, 99\nvmmcall", None, "~{rax}")
        case 6:
            asm("lidt [$0]\nud2", None, "r", addr(empty))
        case _:
            asm("cli\n2: pause\njmp 2b", None, "")


@task
def last(nanoseconds: u64) -> None:
    """The other kernel, which ends the run."""
    sleep_until(now() + nanoseconds)
