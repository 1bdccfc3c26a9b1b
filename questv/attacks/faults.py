"""Attacks by faults that nobody handles, or that never end: to reset the machine, or to hold it."""

from __future__ import annotations

from questv.arch.x86.descriptors import TablePointer
from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, halt, load_gdt
from questv.attacks.descriptors import (
    faults,
    handle_all,
    returns,
    returns_over_error,
    stays,
    use_handlers_at,
)
from questv.attacks.orders import Orders
from questv.attacks.sight import own_page, own_page_physical, see_everything
from questv.metal.lang import addr, asm, local, metal, u64

# ---- triple faults: a fault in handling a fault in handling a fault ------------------------------


@metal
def without_handlers(orders: Orders) -> None:
    """Reset the machine by a fault without a table of handlers."""
    use_handlers_at(0, 0)
    asm("ud2", None, "")


@metal
def without_gates(orders: Orders) -> None:
    """Reset the machine by a fault whose handlers are not there: the table is full of zeros."""
    use_handlers_at(u64(own_page(2)), 0xFFF)
    asm("ud2", None, "")


@metal
def without_segments(orders: Orders) -> None:
    """Reset the machine by a fault whose handler's segment does not exist."""
    pointer: TablePointer = local()
    load_gdt(addr(pointer))
    asm("int3", None, "")


@metal
def without_stack(orders: Orders) -> None:
    """Reset the machine by a fault whose frame can't be pushed: the stack is outside memory."""
    handle_all(addr(returns))
    asm("mov rsp, 0x1000\nint3", None, "")


@metal
def with_wild_stack(orders: Orders) -> None:
    """Reset the machine by a fault whose frame can't be pushed: the stack is at no address."""
    handle_all(addr(returns))
    asm("mov rsp, $0\nint3", None, "r", u64(1) << 47)


@metal
def without_tables(orders: Orders) -> None:
    """Reset the machine by page tables that show nothing, not even the handlers."""
    asm("mov cr3, $0", None, "r", own_page_physical(orders, 2))


@metal
def fault_in_handler(orders: Orders) -> None:
    """Reset the machine by handlers that fault themselves, until the stack is full."""
    handle_all(addr(faults))
    asm("ud2", None, "")


@metal
def trash(orders: Orders) -> None:
    """Overwrite all of one's own memory, page tables and handlers included, and see what breaks."""
    see_everything(orders)
    disable_interrupts()
    asm("rep stosb", None, "{rdi},{rcx},{al}", orders.target, orders.value, u64(0xCC))


# ---- no end ------------------------------------------------------------------------------------


@metal
def hang(orders: Orders) -> None:
    """Keep the run from ending: never end, and never be interrupted."""
    disable_interrupts()
    while True:
        pass


@metal
def sleep_for_ever(orders: Orders) -> None:
    """Keep the run from ending by a sleep that nothing but an NMI can end."""
    disable_interrupts()
    while True:
        halt()


@metal
def stay_in_nmi(orders: Orders) -> None:
    """Keep the run from ending by a stay in the handler of NMIs, during which no other can come."""
    handle_all(addr(stays))
    asm("int 2", None, "")


@metal
def fault_for_ever(orders: Orders) -> None:
    """Keep the run from ending by nothing but page faults, one after the other."""
    handle_all(addr(returns_over_error))
    disable_interrupts()
    asm("mov rax, [0x10]", None, "~{rax}")


@metal
def trap_for_ever(orders: Orders) -> None:
    """Keep the run from ending by nothing but illegal instructions."""
    handle_all(addr(returns))
    disable_interrupts()
    asm("ud2", None, "")


@metal
def break_for_ever(orders: Orders) -> None:
    """Keep the run from ending by nothing but breakpoints."""
    handle_all(addr(returns))
    disable_interrupts()
    while True:
        asm("int3", None, "")


@metal
def hold_the_bus(orders: Orders) -> None:
    """Slow all cores down by locked accesses across cache lines, for which all have to wait."""
    disable_interrupts()
    place = u64(own_page(2)) + 4093
    while True:
        asm("lock inc dword ptr [$0]", None, "r", place - 32)


@metal
def shadow_for_ever(orders: Orders) -> None:
    """Keep the run from ending by STI after STI, each of which puts interrupts off a little."""
    while True:
        enable_interrupts()


# ---- exceptions whose delivery can raise them again ----------------------------------------------


@metal
def single_step(orders: Orders) -> None:
    """Begin an exception whose delivery some processors repeat for ever: a debug exception."""
    asm("pushfq\nor qword ptr [rsp], 0x100\npopfq\nnop", None, "")


@metal
def check_machine(orders: Orders) -> None:
    """Have the monitor believe that the hardware has failed."""
    asm("int 18", None, "")


@metal
def numeric_error(orders: Orders) -> None:
    """Change the interrupt controller by a numeric error of the old kind, which is a line of it."""
    asm(
        "mov rax, cr0\nbtr rax, 5\nmov cr0, rax\nfninit\npush 0x340\nfldcw [rsp]\npop rax\n"
        "fldz\nfldz\nfdivp\nfwait",
        None,
        "~{rax}",
    )
