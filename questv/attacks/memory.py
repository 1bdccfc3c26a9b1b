"""Attacks on memory that is not the attacker's, by instructions of 64-bit code.

Each looks through page tables of the attacker's own, which show it everything.
"""

from __future__ import annotations

from questv.attacks.orders import Orders
from questv.attacks.sight import see_everything
from questv.metal.lang import Ptr, Volatile, asm, metal, u64

_MARK = 0x6F77_6E65_6421  # what a successful attacker would leave


@metal
def read(orders: Orders) -> None:
    """Learn what another keeps to itself."""
    see_everything(orders)
    Ptr[Volatile[u64]](orders.target)[0].read()


@metal
def write(orders: Orders) -> None:
    """Change what another relies on."""
    see_everything(orders)
    Ptr[Volatile[u64]](orders.target)[0].write(_MARK)


@metal
def execute(orders: Orders) -> None:
    """Borrow another's code, or run one's own data as code."""
    see_everything(orders)
    asm("jmp $0", None, "r", orders.target)


@metal
def call(orders: Orders) -> None:
    """Borrow another's code as a function that returns."""
    see_everything(orders)
    asm("call $0", None, "r", orders.target)


@metal
def push(orders: Orders) -> None:
    """Change another's memory by a stack that lies in it."""
    see_everything(orders)
    asm("mov rcx, rsp\nmov rsp, $0\npush $0\nmov rsp, rcx", None, "r,~{rcx}", orders.target + 8)


@metal
def pop(orders: Orders) -> None:
    """Learn another's memory by a stack that lies in it."""
    see_everything(orders)
    asm("mov rcx, rsp\nmov rsp, $0\npop rax\nmov rsp, rcx", None, "r,~{rcx},~{rax}", orders.target)


@metal
def fill_across(orders: Orders) -> None:
    """Run over the end of one's own memory by a string instruction that began inside it."""
    see_everything(orders)
    asm("rep stosb", None, "{rdi},{rcx},{al}", orders.target - 8, u64(16), orders.value & 0xFF)


@metal
def copy_across(orders: Orders) -> None:
    """Copy another's memory by a string instruction that began inside one's own."""
    see_everything(orders)
    asm(
        "rep movsq",
        None,
        "{rsi},{rdi},{rcx}",
        orders.target - 16,
        orders.target - 32,
        u64(3),
    )


@metal
def straddle_reading(orders: Orders) -> None:
    """Read another's memory by an access that begins in one's own page, if only that is checked."""
    see_everything(orders)
    Ptr[Volatile[u64]](orders.target - 4)[0].read()


@metal
def straddle_writing(orders: Orders) -> None:
    """Change another's memory by an access that begins in one's own page."""
    see_everything(orders)
    Ptr[Volatile[u64]](orders.target - 4)[0].write(_MARK)


@metal
def add_locked(orders: Orders) -> None:
    """Change another's memory by a locked instruction, which takes another way than a store."""
    see_everything(orders)
    asm("lock add qword ptr [$0], 1", None, "r", orders.target)


@metal
def add_locked_across(orders: Orders) -> None:
    """Change another's memory by a locked access that begins in one's own page: yet another way."""
    see_everything(orders)
    asm("lock add qword ptr [$0], 1", None, "r", orders.target - 4)


@metal
def compare_and_swap(orders: Orders) -> None:
    """Learn what another's memory holds by comparing it, and change it where it is as expected."""
    see_everything(orders)
    asm("lock cmpxchg [$0], $1", None, "r,r,{rax}", orders.target, u64(0), u64(1))


@metal
def compare_and_swap_16(orders: Orders) -> None:
    """Change 16 bytes of another's memory at once."""
    see_everything(orders)
    asm(
        "xor ebx, ebx\nlock cmpxchg16b [$0]",
        None,
        "r,{rax},{rdx},{rcx},~{rbx},~{rax},~{rdx}",
        orders.target & ~u64(15),
        u64(0),
        u64(0),
        u64(0),
    )


@metal
def save_registers(orders: Orders) -> None:
    """Write 512 bytes of another's memory at once, by FXSAVE."""
    see_everything(orders)
    asm("fxsave64 [$0]", None, "r", orders.target & ~u64(15))


@metal
def load_registers(orders: Orders) -> None:
    """Read 512 bytes of another's memory at once, by FXRSTOR."""
    see_everything(orders)
    asm("fxrstor64 [$0]", None, "r", orders.target & ~u64(15))


@metal
def save_extended_registers(orders: Orders) -> None:
    """Write the state of registers over another's memory, by XSAVE."""
    see_everything(orders)
    asm("mov rax, cr4\nor eax, 0x40000\nmov cr4, rax", None, "~{rax}")
    asm("xsave64 [$0]", None, "r,{eax},{edx}", orders.target & ~u64(63), u64(7), u64(0))


@metal
def store_descriptor_table(orders: Orders) -> None:
    """Have the processor store one of its own registers in another's memory, by SIDT."""
    see_everything(orders)
    asm("sidt [$0]", None, "r", orders.target)


@metal
def without_protection(orders: Orders) -> None:
    """Write one's own constants or text through a cleared CR0.WP, to run code made up later."""
    see_everything(orders)
    asm("mov rax, cr0\nbtr rax, 16\nmov cr0, rax", None, "~{rax}")
    Ptr[Volatile[u64]](orders.target)[0].write(_MARK)


@metal
def touch_nothing(orders: Orders) -> None:
    """Find out what lies in another's memory, or drop it from caches, by what only hints at it."""
    see_everything(orders)
    asm(
        "prefetcht0 [$0]\nprefetchw [$0]\nclflush [$1]\ninvlpg [$0]\nlea rax, [$0]",
        None,
        "r,r,~{rax}",
        orders.target,
        orders.scratch,
    )
