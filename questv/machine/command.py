"""The command line that starts QEMU.

The common arguments leave out every device that is not asked for. Of what decides how long a boot
takes the firmware counts by far the most: qboot hands over within three milliseconds on both kinds
of machine, puts the ACPI tables below 1 MiB and writes nothing above; SeaBIOS takes 20 ms more on
microvm and 40 ms more on q35, and nearly half a second there in a deterministic run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from questv.machine import runfiles
from questv.machine.options import WITHOUT_X2APIC, MachineKind, MachineOptions
from questv.machine.qemu import Qemu

EXIT_PORT = 0xF4
"""A guest ends its machine by writing an Exit's value to this port, 8 to 32 bits wide."""

GUEST_EPOCH = datetime(2026, 1, 1)
"""When a deterministic machine starts, by its real-time clock."""

_MACHINES = {
    # With ACPI the command line is the guest's own; without it QEMU would add to it.
    MachineKind.MICROVM: "microvm,memory-backend=ram,acpi=on,pic=on,pit=on,rtc=on,isa-serial=on,"
    "ioapic2=on,x-option-roms=off",
    MachineKind.Q35: "q35,memory-backend=ram,acpi=on,"
    "sata=off,usb=off,smbus=off,i8042=off,vmport=off,hpet=off",
}
_DETERMINISTIC = (
    *("-icount", "shift=0,sleep=off"),
    *("-seed", "1"),
    *("-rtc", f"base={GUEST_EPOCH:%Y-%m-%d},clock=vm"),
)
_PARALLEL = ("-accel", "tcg,thread=multi")

# An x2APIC's timer is reached by RDMSR and WRMSR, which read the clock. QEMU ends the whole run
# ("Bad icount read") when it meets that in the middle of a translated block: in a deterministic
# run, on a machine that has one, each block holds one instruction. That takes four times as long.
_ONE_CLOCK = ("-accel", "tcg,thread=single")
_ONE_CLOCK_X2APIC = ("-accel", "tcg,thread=single,one-insn-per-tb=on")


def qemu_command(qemu: Qemu, options: MachineOptions, control: int) -> list[str]:
    """The program and arguments that run ``options`` in a run directory, as current directory.

    The machine waits for ``cont`` on its control channel, the file descriptor ``control``, or for a
    debugger's word.
    """
    memory = {
        "qom-type": "memory-backend-file",
        "id": "ram",
        "mem-path": runfiles.MEMORY,
        "size": options.memory,
        "share": True,
    }
    return [
        str(qemu.path),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-S"),
        *("-display", "none"),
        *("-M", _MACHINES[options.kind]),
        *("-bios", "qboot.rom"),
        *("-cpu", options.cpu),
        *("-smp", str(options.cores)),
        *("-m", f"{options.memory >> 10}K"),
        *("-object", json.dumps(memory)),
        *("-chardev", f"socket,id=control,fd={control}"),
        *("-mon", "chardev=control,mode=control"),
        *_serial_ports(dict(options.streams)),
        *_consoles(options.consoles),
        *("-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4"),
        *("-kernel", str(options.image.resolve())),
        *("-append", options.command_line),
        *_execution(qemu, options),
        *_debugger(options),
        *options.extra,
    ]


def _serial_ports(streams: dict[str, int | None]) -> tuple[str, ...]:
    """``com1`` is always there, as the boot says its words there: they are kept in any case."""
    first = f"file,id=com1,path={runfiles.SERIAL}"
    if streams.get("com1") is not None:
        first = f"socket,id=com1,fd={streams['com1']},logfile={runfiles.SERIAL}"
    words = ["-chardev", first, "-serial", "chardev:com1"]
    if "com2" in streams:
        fd = streams["com2"]
        second = "null,id=com2" if fd is None else f"socket,id=com2,fd={fd}"
        words += ["-chardev", second, "-device", "isa-serial,index=1,chardev=com2"]
    return tuple(words)


def _consoles(consoles: Sequence[tuple[int, int | None]]) -> Iterator[str]:
    """Virtio consoles, of which each has one more port than that for people.

    That one, number 0, drops what the host does not take at once.
    """
    for slot, fd in consoles:
        name = f"virtio{slot}"
        yield from ("-chardev", f"null,id={name}" if fd is None else f"socket,id={name},fd={fd}")
        bus = f"bus=virtio-mmio-bus.{slot}"
        yield from ("-device", f"virtio-serial-device,id={name}-ports,{bus},max_ports=2")
        yield from ("-device", f"virtserialport,bus={name}-ports.0,nr=1,chardev={name}")
    if consoles:
        yield from ("-global", "virtio-mmio.force-legacy=false")


def _debugger(options: MachineOptions) -> tuple[str, ...]:
    return ("-gdb", f"unix:{runfiles.DEBUGGER},server=on,wait=off") if options.debugger else ()


def _execution(qemu: Qemu, options: MachineOptions) -> tuple[str, ...]:
    if not options.deterministic:
        return _PARALLEL
    has_x2apic = qemu.has_x2apic and options.cpu != WITHOUT_X2APIC
    return (*(_ONE_CLOCK_X2APIC if has_x2apic else _ONE_CLOCK), *_DETERMINISTIC)
