"""Rules on foreign kernels: what they are given, and what they are not."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, Located, inputs, kernel, tasks
from questv.system.model import ApicMode, Kernel, Sandbox, VirtioConsoleDevice
from questv.system.units import format_size

COMMAND_LINE_LIMIT = 2047
"""Bytes of a kernel's command line: there is room for so many on the page that it is on."""


def kernel_with_tasks(draft: Draft) -> Iterator[Diagnostic]:
    """Tasks are parts of a kernel of ours; another one has its own, of which nobody here knows."""
    for sandbox, own in _foreign(draft):
        for task in tasks(sandbox)[:1]:
            yield Diagnostic(
                task.key(),
                f'sandbox "{sandbox.item.name}" has tasks and a foreign kernel (line {own.line})',
                "give the tasks a sandbox of their own, or remove the [sandbox.kernel]",
                "kernel-with-tasks",
            )


def kernel_with_input(draft: Draft) -> Iterator[Diagnostic]:
    """An input is given to a task as a parameter; a foreign kernel has neither."""
    for sandbox, own in _foreign(draft):
        for each in inputs(sandbox):
            yield Diagnostic(
                each.key(),
                f'input "{each.item.name}" is for tasks, and sandbox "{sandbox.item.name}" has '
                f"a foreign kernel (line {own.line})",
                "remove the input, or give it to a sandbox with tasks",
                "kernel-with-input",
            )


def kernel_direct(draft: Draft) -> Iterator[Diagnostic]:
    """Nobody here knows what a foreign kernel does, so it must not be able to stop other cores."""
    for sandbox, own in _foreign(draft):
        if sandbox.item.apic is ApicMode.DIRECT:
            yield Diagnostic(
                sandbox.value("apic"),
                f'sandbox "{sandbox.item.name}" has a foreign kernel (line {own.line}), '
                'and apic = "direct" would let it stop other cores',
                'leave the key out: such a kernel is always "guarded"',
                "kernel-direct",
            )


def kernel_channel(draft: Draft) -> Iterator[Diagnostic]:
    """A channel ends in a task, so a foreign kernel can have no end of one."""
    names = {sandbox.item.name: own for sandbox, own in _foreign(draft)}
    for channel in draft.channels:
        for end, name in (("from", channel.item.sender), ("to", channel.item.receiver)):
            if name in names:
                yield Diagnostic(
                    channel.value(end),
                    f'channel "{channel.item.name}" ends in "{name}", whose kernel is foreign '
                    f"(line {names[name].line})",
                    "join sandboxes with tasks",
                    "kernel-channel",
                )


def kernel_device(draft: Draft) -> Iterator[Diagnostic]:
    """A virtio device is told physical addresses, of which a foreign kernel sees others."""
    names = {sandbox.item.name: own for sandbox, own in _foreign(draft)}
    for device in draft.devices:
        name = device.item.owner
        if name in names and isinstance(device.item, VirtioConsoleDevice):
            yield Diagnostic(
                device.value("owner"),
                f'device "{device.item.name}" is that of "{name}", whose kernel is foreign '
                f"(line {names[name].line})",
                'give it to a sandbox with tasks, or make it one of kind "uart"',
                "kernel-device",
            )


def kernel_file_missing(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel is a file that is there when the system is built."""
    for _, own in _foreign(draft):
        file = draft.document.file.parent / own.item.file
        if not file.is_file():
            yield Diagnostic(
                own.value("file"),
                f"there is no file {file}",
                "build or install it first, or name another one",
                "kernel-file-missing",
            )


def kernel_entry_alone(draft: Draft) -> Iterator[Diagnostic]:
    """ELF files and sources say themselves where they begin; a flat binary can't."""
    for _, own in _foreign(draft):
        if own.item.entry is not None and (own.item.load is None or _is_source(own.item)):
            yield Diagnostic(
                own.value("entry"),
                f'"entry" is for flat binaries, and {own.item.file} is '
                + ("assembly source" if _is_source(own.item) else 'none: it has no "load"'),
                "remove the key: the file says where it begins",
                "kernel-entry-alone",
            )


def kernel_address(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel is loaded into its sandbox's memory, which it sees from address 0, and nowhere."""
    for sandbox, own in _foreign(draft):
        end = sandbox.item.memory
        for key, address in (("load", own.item.load), ("entry", own.item.entry)):
            if address is not None and address >= end:
                yield Diagnostic(
                    own.value(key),
                    f'"{key}" is {address:#x}, and the memory of "{sandbox.item.name}" ends at '
                    f"{end:#x} ({format_size(end)})",
                    "name an address below that, or give the sandbox more memory",
                    "kernel-address",
                )


def kernel_command_line(draft: Draft) -> Iterator[Diagnostic]:
    """A command line ends with a zero byte, on one page with all else that a kernel is told."""
    for _, own in _foreign(draft):
        length = len(own.item.command_line.encode())
        if length > COMMAND_LINE_LIMIT or "\0" in own.item.command_line:
            yield Diagnostic(
                own.value("command_line"),
                f"the command line is {length} bytes long"
                if length > COMMAND_LINE_LIMIT
                else "the command line holds a zero byte, which would end it",
                f"write at most {COMMAND_LINE_LIMIT} bytes, none of them zero",
                "kernel-command-line",
            )


def _is_source(own: Kernel) -> bool:
    return own.file.endswith(".s")


def _foreign(draft: Draft) -> Iterator[tuple[Located[Sandbox], Located[Kernel]]]:
    for sandbox in draft.sandboxes:
        own = kernel(sandbox)
        if own is not None:
            yield sandbox, own


RULES = (
    kernel_with_tasks,
    kernel_with_input,
    kernel_direct,
    kernel_channel,
    kernel_device,
    kernel_file_missing,
    kernel_entry_alone,
    kernel_address,
    kernel_command_line,
)
