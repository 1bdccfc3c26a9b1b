"""The plan: who owns which memory, who sees it where, and where everything in it lies.

It is stored in the image, so that tools can look into a machine that runs it. Addresses and sizes
are in bytes; rights are ``r``, ``rw`` or ``rx``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

Rights = Literal["r", "rw", "rx"]


class Part(BaseModel):
    """Base of the plan's parts: they never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Owner(StrEnum):
    """Who a region belongs to."""

    BOOT = "boot"
    MONITOR = "monitor"
    HARDWARE = "hardware"  # read by the processor only: nested tables, permission maps
    SANDBOX = "sandbox"
    CHANNEL = "channel"
    INPUT = "input"


class Region(Part):
    """A stretch of physical memory. ``of`` names the sandbox, channel or input it belongs to."""

    name: str
    owner: Owner
    of: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.start + self.size


class Window(Part):
    """Memory as somebody sees it: at ``address``, physical memory from ``physical`` on."""

    name: str
    address: int
    physical: int
    size: int
    rights: Rights
    device: bool = False


class TaskPlan(Part):
    """A task: its index in the kernel is its place in the list."""

    name: str
    function: str
    symbol: str
    priority: int
    stack_size: int
    stack_needed: int
    stack_top: int
    float_state: int
    """Address of what the kernel keeps of its floating-point registers, 0 if it uses none."""
    arguments: tuple[int, ...]


class EndPlan(Part):
    """An end of a channel: its index in the kernel is its place in the list."""

    channel: str
    role: Literal["sender", "receiver", "writer", "reader"]
    task: int
    object: int
    own: int
    peer: int
    size: int
    bell_vector: int
    peer_vector: int
    peer_core: int


class InputPlan(Part):
    """A host's file: its header lies at ``physical``, its bytes on the page after."""

    name: str
    capacity: int
    object: int
    address: int
    physical: int


class DevicePlan(Part):
    """A device that a sandbox drives.

    ``slot`` is its place among the virtio devices, if it is one. ``registers`` is its first I/O
    port or a physical address; ``interrupt`` is the ISA's below 16, and from there on the number of
    a line of the I/O APICs.
    """

    name: str
    kind: Literal["uart", "virtio-console"]
    slot: int | None
    registers: int
    interrupt: int

    @property
    def reaches_all_memory(self) -> bool:
        """Whether whoever drives it can have it read and write any memory."""
        return self.slot is not None


class StreamPlan(Part):
    """A device that a task drives, with what the kernel has for it.

    ``memory`` is what the kernel shares with the device, 0 if nothing. Its driver is at ``driver``,
    which keeps what it knows of the device at ``device``.
    """

    name: str
    task: int
    object: int
    driver: int
    device: int
    registers: int
    memory: int
    interrupt: int
    vector: int


class SandboxPlan(Part):
    """One sandbox with its monitor."""

    name: str
    core: int
    apic: Literal["guarded", "direct"]
    memory: int
    memory_used: int
    kernel_windows: tuple[Window, ...]
    view: tuple[Window, ...]
    monitor_windows: tuple[Window, ...]
    entry: int
    stack_top: int
    kernel_tables: int
    monitor_tables: int
    monitor_entry: int
    monitor_stack_top: int
    nested_tables: int
    msr_map: int
    io_map: int
    control: int
    host_save: int
    public: int
    monitor_plan: int
    info: int
    status: int
    console: int
    tasks: tuple[TaskPlan, ...]
    ends: tuple[EndPlan, ...]
    inputs: tuple[InputPlan, ...]
    ports: tuple[tuple[int, int], ...]
    msrs: tuple[tuple[int, str], ...]
    devices: tuple[DevicePlan, ...]
    streams: tuple[StreamPlan, ...]
    console_port: int
    """First port of the serial port that shows the console, 0 if there is none."""

    def physical(self, address: int) -> int:
        """Where the kernel's virtual ``address`` is in physical memory; raises LookupError."""
        for window in self.kernel_windows:
            if window.address <= address < window.address + window.size:
                return window.physical + address - window.address
        raise LookupError(f"{self.name} has nothing at {address:#x}")


class ChannelPlan(Part):
    """A channel between two sandboxes."""

    name: str
    kind: Literal["ring", "four-slot"]
    sender: str
    receiver: str
    size: int
    sender_area: int
    receiver_area: int


class Plan(Part):
    """The whole of it."""

    name: str
    memory: int
    cores: int
    until: tuple[str, ...]
    checks: bool
    x2apic: Literal["preferred", "required", "off"]
    boot_machine: int
    regions: tuple[Region, ...]
    sandboxes: tuple[SandboxPlan, ...]
    channels: tuple[ChannelPlan, ...]

    def sandbox(self, name: str) -> SandboxPlan:
        """The sandbox of this name; raises KeyError."""
        for sandbox in self.sandboxes:
            if sandbox.name == name:
                return sandbox
        raise KeyError(name)

    def region_at(self, address: int) -> Region | None:
        """The region that holds a physical address."""
        for region in self.regions:
            if region.start <= address < region.end:
                return region
        return None
