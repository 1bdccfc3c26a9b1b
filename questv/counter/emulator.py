"""What QEMU offers its plugins, of version 2 of that interface (QEMU 9.0) and all later ones.

The names are those of QEMU's ``qemu-plugin.h`` without their prefix; handles are addresses.
"""

from __future__ import annotations

from questv.metal.lang import assembly, u32, u64
from questv.metal.structs import Struct

VERSION = 2


class Machine(Struct):
    """The start of ``qemu_info_t``."""

    target: u64
    oldest_version: u32
    version: u32
    is_system: u32  # a bool, and padding
    cores: u32
    max_cores: u32


@assembly("jmp qemu_plugin_register_vcpu_tb_trans_cb@PLT")
def register_translation(id: u64, callback: u64) -> None:
    """Call ``callback(id, block)`` for each block of instructions that is being translated."""
    raise NotImplementedError


@assembly("jmp qemu_plugin_tb_n_insns@PLT")
def block_length(block: u64) -> u64:
    """How many instructions a block has."""
    raise NotImplementedError


@assembly("jmp qemu_plugin_tb_get_insn@PLT")
def instruction(block: u64, index: u64) -> u64:
    """One of them."""
    raise NotImplementedError


@assembly("jmp qemu_plugin_insn_vaddr@PLT")
def virtual_address(instruction: u64) -> u64:
    """Where it is for the guest."""
    raise NotImplementedError


@assembly("jmp qemu_plugin_register_vcpu_insn_exec_cb@PLT")
def register_execution(instruction: u64, callback: u64, flags: u32, data: u64) -> None:
    """Call ``callback(core, data)`` each time before the instruction is executed."""
    raise NotImplementedError
