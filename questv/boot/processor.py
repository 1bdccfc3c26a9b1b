"""Can this processor do what the walls are made of?"""

from __future__ import annotations

from questv.arch.x86 import svm
from questv.arch.x86.instructions import cpuid, read_msr, write_msr
from questv.arch.x86.machine import MachineFacts
from questv.arch.x86.registers import VM_CR_SVM_DISABLED, Efer, Msr
from questv.boot import apic
from questv.boot.plan import BootPlan, X2ApicUse
from questv.boot.serial import say, stop
from questv.metal.lang import metal, u32, u64

_EAX, _ECX, _EDX = 0, 2, 3
_LEAF_FEATURES = 1
_X2APIC = 1 << 21  # leaf 1, ecx
_SSE42 = 1 << 20  # leaf 1, ecx: the CRC32 instruction
_LEAF_EXTENDED = 0x8000_0000
_NO_EXECUTE = 1 << 20  # leaf 0x8000_0001, edx


@metal
def check(machine: MachineFacts, plan: BootPlan) -> None:
    """Check the first core, note what differs between machines, turn its local APIC on."""
    if has_x2apic():
        machine.x2apic = 1
    elif plan.x2apic == X2ApicUse.REQUIRED:
        say(
            "this processor has no x2APIC, which the system asks for; use one that has "
            '(QEMU 9 or later: -cpu EPYC,+svm,+npt,+x2apic), or drop x2apic = "required"'
        )
        stop()
    check_features(machine)
    if cpuid(svm.CPUID_SVM, _EDX) & svm.CPUID_SVM_NEXT_RIP != 0:
        machine.next_rip = 1


@metal
def has_x2apic() -> bool:
    """Whether this core's local APIC can be switched to x2APIC mode."""
    return cpuid(_LEAF_FEATURES, _ECX) & _X2APIC != 0


@metal
def check_features(machine: MachineFacts) -> None:
    """Check what every core must have, and turn on its local APIC and the NX bit of its tables."""
    if (
        cpuid(_LEAF_EXTENDED, _EAX) < svm.CPUID_SVM
        or cpuid(svm.CPUID_FEATURES, _ECX) & svm.CPUID_FEATURES_SVM == 0
    ):
        say(
            "this processor has no AMD SVM; use one that has (QEMU: -cpu EPYC,+svm,+npt), "
            "or switch virtualization on in the firmware's set-up"
        )
        stop()
    if read_msr(u32(Msr.VM_CR)) & VM_CR_SVM_DISABLED != 0:
        say("the firmware has switched AMD SVM off; switch virtualization on in its set-up")
        stop()
    if cpuid(svm.CPUID_SVM, _EDX) & svm.CPUID_SVM_NESTED_PAGING == 0:
        say(
            "this processor's SVM has no nested paging; use one that has "
            "(QEMU: -cpu EPYC,+svm,+npt)"
        )
        stop()
    if cpuid(svm.CPUID_FEATURES, _EDX) & _NO_EXECUTE == 0:
        say("this processor can't forbid execution of data (NX); use one that can")
        stop()
    write_msr(u32(Msr.EFER), read_msr(u32(Msr.EFER)) | u64(Efer.NO_EXECUTE_ENABLE))
    apic.enable(machine.x2apic != 0)


@metal
def check_checksums() -> None:
    """Check for the instruction that the image's checksums are computed with."""
    if cpuid(_LEAF_FEATURES, _ECX) & _SSE42 == 0:
        say("this processor has no CRC32 instruction (SSE4.2); use one that has")
        stop()
