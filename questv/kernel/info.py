"""What a kernel is told about its sandbox; read-only to it, written by the builder and the boot."""

from __future__ import annotations

from enum import IntEnum

from questv.arch.x86.machine import MachineFacts
from questv.kernel.states import KeptStates
from questv.metal.lang import Array, external, u32, u64
from questv.metal.structs import Struct, width
from questv.monitor.interface import ApicMode

MAX_TASKS = 128
MAX_VCPUS = 128
MAX_ENDS = 64
MAX_INPUTS = 16
MAX_STREAMS = 4
MAX_MUTEXES = 16
MAX_ARGUMENTS = 6


@width(u32)
class EndKind(IntEnum):
    """Which side of which kind of channel."""

    SENDER = 1
    RECEIVER = 2
    WRITER = 3
    READER = 4


@width(u32)
class VcpuKind(IntEnum):
    """How a VCPU gets its time."""

    BEST_EFFORT = 0  # what is left, without an account
    MAIN = 1  # a sporadic server
    IO = 2  # a server whose budget and urgency are those of the task that it works for


class VcpuInfo(Struct):
    """One VCPU. Times are in nanoseconds."""

    kind: VcpuKind
    level: u32  # its criticality
    budget: u64
    overrun_budget: u64  # what it has in the kernel's raised modes; the budget if it has no other
    period: u64
    utilization: u64  # of an I/O VCPU, in units of 2**-32


class Call(Struct):
    """A function of a task, with what it is called with."""

    function: u64  # its address, 0 if there is none
    arguments: Array[u64, MAX_ARGUMENTS]  # in the order of its parameters that are no floats
    floats: Array[u64, MAX_ARGUMENTS]  # bits of each in the order of those that are (f32: the low)


class TaskInfo(Struct):
    """One task, the most urgent first. Addresses are virtual, times are in nanoseconds."""

    body: Call
    initialize: Call  # called once, before the body
    stack_top: u64
    float_state: u64  # its ``FloatState``, 0 if it uses no floats
    vcpu: u64  # index of its VCPU
    period: u64  # between calls of its body; 0: it is called once
    deadline: u64  # after the release of each call
    process: u64  # its ``Process``, 0 if it is a part of the kernel
    moves: u64  # 1 if it can be in other kernels too; then its period is 0 where it does not begin
    is_service: u64  # 1 if it is the kernel's own, which never ends
    stands_in: u64  # 1 if it sleeps until it can take the place of a task of another kernel


MAX_ELSEWHERE = 3


class PeerInfo(Struct):
    """How an end and the other side ring each other, if the other side is in one of its places."""

    core: u32
    vector: u32  # by which this end wakes the peer there
    bell: u32  # by which the peer wakes this end from there
    reserved: u32


class EndInfo(Struct):
    """One end of a channel. Addresses are virtual."""

    kind: EndKind
    task: u32  # whose it is: index of the task
    object: u64  # the kernel's ``Sender``, ``Receiver``, ``Writer`` or ``Reader`` for it
    own: u64  # the area that this end writes
    peer: u64  # the area that it reads
    size: u64  # bytes of the ring, or of a value
    bell_vector: u32  # the vector by which the peer wakes this end
    peer_vector: u32  # the vector by which this end wakes the peer
    peer_core: u32
    index: u32  # of this end in ``SandboxInfo.ends``
    elsewhere_count: u32
    place: u32  # in which of the places of its own side this end is
    roams: u32  # 1 if the peer changes its place while it runs, and not only with its session
    stands_in: u32  # 1 if it is connected when its task takes the place of another kernel's
    elsewhere: Array[
        PeerInfo, MAX_ELSEWHERE
    ]  # where else the peer can be, as it is said in its area


class MutexInfo(Struct):
    """A mutex that tasks share."""

    object: u64  # the kernel's ``Mutex`` for it
    ceiling: u64  # index of the most urgent task that uses it
    hold: u64  # nanoseconds; the longest that it is held


class InputInfo(Struct):
    """A host's file in this sandbox's memory."""

    object: u64  # the kernel's ``Input`` for it
    header: u64  # where the ``InputHeader`` lies; the file's bytes follow on the next page


class StreamInfo(Struct):
    """A device that a task drives. Addresses are virtual, but for that which the device is told."""

    object: u64  # the kernel's ``Stream`` for it
    driver: u64  # the ``Driver`` for its kind
    device: u64  # what that driver knows of it
    registers: u64  # its first I/O port, or the address of its registers
    memory: u64  # what the driver shares with it, 0 if nothing
    physical: u64  # where that is for the device
    vector: u32  # of its interrupt
    task: u32  # whose it is: index of the task
    bottom_half: u32  # index of the task that serves its interrupts, MAX_TASKS if they do so


MAX_WATCHED = 8


class WatchedInfo(Struct):
    """A kernel that this one watches."""

    pulse: u64  # where its ``Pulse`` is seen (virtual)
    core: u64
    deadline: u64  # nanoseconds without a sign of life after which it is suspected


class HeartbeatInfo(Struct):
    """The signs of life that a kernel gives and looks for."""

    pulse: u64  # where its own ``Pulse`` is (virtual)
    period: u64  # nanoseconds; 0: it gives none, and looks for none
    checked: u64  # bytes of memory that never changes which are checked each period
    program: u32  # CRC-32C of the kernel's text and constants
    watched_count: u64
    watched: Array[WatchedInfo, MAX_WATCHED]


class InputHeader(Struct):
    """Written by the host before the boot."""

    magic: u64
    length: u64  # bytes of the file


FIRST_DEVICE_VECTOR = 0x21
DEVICE_VECTORS = 15
"""How many vectors there are for devices' interrupts, between the timer's and the doorbells'."""

DEVICE_MEMORY = 0x1000
"""Bytes that a driver shares with a device that reads and writes memory by itself."""

INPUT_MAGIC = int.from_bytes(b"questvin", "little")


class SandboxInfo(Struct, size=0xD000):
    """All of it."""

    machine: MachineFacts  # written by the boot
    core: u32
    apic_mode: ApicMode
    task_count: u32
    vcpu_count: u32
    end_count: u32
    input_count: u32
    stream_count: u32
    mutex_count: u32
    console_port: u32  # first port of the 16550 that shows the console, 0 if there is none
    takeover_bell: u32  # the vector by which its monitor tells that stand-ins are needed, or 0
    tasks: Array[TaskInfo, MAX_TASKS]
    vcpus: Array[VcpuInfo, MAX_VCPUS]
    ends: Array[EndInfo, MAX_ENDS]
    inputs: Array[InputInfo, MAX_INPUTS]
    streams: Array[StreamInfo, MAX_STREAMS]
    mutexes: Array[MutexInfo, MAX_MUTEXES]
    heartbeat: HeartbeatInfo
    kept: KeptStates  # those of its own tasks' states that survive


info: SandboxInfo = external("sandbox_info")
