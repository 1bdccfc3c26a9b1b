"""The process that runs LLVM: reads IR on its standard input, writes objects on its output.

A process of its own, since LLVM ends the process on some errors (a wrong mnemonic in inline
assembly), and since several compile at once only in several processes.
"""

from __future__ import annotations

import struct
import sys
from typing import BinaryIO

import llvmlite
import llvmlite.binding as llvm

OPTIONS = (
    # Prologues stay at a function's start, where the stack analysis reads the frame's size.
    "-enable-shrink-wrap=false",
    # Most loops here wait: no padding before them, which is executed on the way to them.
    "-x86-experimental-pref-innermost-loop-alignment=0",
)

REQUEST = struct.Struct("<II")  # optimization level, length of the IR that follows
REPLY = struct.Struct("<BI")  # 1 for an object, 0 for an error text; length of what follows


def version() -> str:
    """What decides an object besides its IR: the versions and options of LLVM as used here."""
    numbers = ".".join(map(str, llvm.llvm_version_info))
    return f"llvmlite {llvmlite.__version__} llvm {numbers} {' '.join(OPTIONS)}"


class Compiler:
    """LLVM, set up once for a process."""

    def __init__(self) -> None:
        """Set up the x86-64 target."""
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        llvm.initialize_native_asmparser()
        for option in OPTIONS:
            llvm.set_option("metal", option)
        self._target = llvm.Target.from_triple("x86_64-unknown-none-elf")

    def compile(self, ir: str, level: int) -> bytes:
        """The ELF object for a unit's IR; raises RuntimeError with LLVM's complaint."""
        module = llvm.parse_assembly(ir)
        machine = self._target.create_target_machine(
            cpu="x86-64", opt=level, reloc="pic", codemodel="small", jit=False
        )
        module.data_layout = str(machine.target_data)
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization = False
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        return bytes(machine.emit_object(module))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until their end."""
    compiler = Compiler()
    while header := requests.read(REQUEST.size):
        level, length = REQUEST.unpack(header)
        ir = requests.read(length).decode()
        try:
            done, payload = 1, compiler.compile(ir, level)
        except RuntimeError as error:
            done, payload = 0, str(error).encode()
        replies.write(REPLY.pack(done, len(payload)) + payload)
        replies.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
