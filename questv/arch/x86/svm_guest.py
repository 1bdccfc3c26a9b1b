"""A guest's first registers, for whoever makes small guests (APM vol. 2, 14.1 and 15.5)."""

from __future__ import annotations

from questv.arch.x86 import svm
from questv.arch.x86.instructions import read_msr, write_msr
from questv.arch.x86.registers import RFLAGS_FIXED, Cr0, Efer, Msr
from questv.arch.x86.svm import Vmcb
from questv.metal.lang import metal, u32, u64


@metal
def turn_svm_on(host_save: u64) -> None:
    """Let this core run guests; ``host_save`` is a page for the processor alone."""
    write_msr(u32(Msr.EFER), read_msr(u32(Msr.EFER)) | u64(Efer.SVM_ENABLE))
    write_msr(u32(Msr.VM_HSAVE_PA), host_save)


@metal
def confine(guest: Vmcb, nested_tables: u64, msr_map: u64, io_map: u64) -> None:
    """Hold the guest behind nested page tables and permission maps, at physical addresses."""
    guest.nested_paging = svm.NESTED_PAGING_ENABLE
    guest.nested_cr3 = nested_tables
    guest.msr_permissions = msr_map
    guest.io_permissions = io_map
    guest.asid = 1
    guest.tlb_control = svm.TLB_FLUSH_ALL


@metal
def real_mode(guest: Vmcb, start: u64) -> None:
    """Registers of a processor after reset, except that it starts at ``start``."""
    guest.cs.attributes = 0x9B
    guest.cs.limit = 0xFFFF
    guest.ds.attributes = 0x93
    guest.ds.limit = 0xFFFF
    guest.ss.attributes = 0x93
    guest.ss.limit = 0xFFFF
    guest.cr0 = u64(Cr0.EXTENSION_TYPE)
    guest.efer = u64(Efer.SVM_ENABLE)
    guest.rflags = RFLAGS_FIXED
    guest.g_pat = svm.PAT_RESET
    guest.rip = start
