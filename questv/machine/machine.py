"""A machine on QEMU, from its start to the last trace of it."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from questv.machine import runfiles
from questv.machine.command import GUEST_EPOCH, qemu_command
from questv.machine.contents import Progress, copy_contents, open_contents
from questv.machine.errors import MachineError
from questv.machine.exits import Exit, complaint, decode_exit
from questv.machine.image import check_extents, image_extents
from questv.machine.interrupts import uninterrupted
from questv.machine.leash import bound_to_this_process
from questv.machine.memory import GuestMemory, MemoryLayout, make_memory, memory_layout
from questv.machine.options import MIB, MachineOptions
from questv.machine.qemu import Qemu, find_qemu
from questv.machine.qmp import ControlChannel, Message
from questv.machine.running import RunningMachine, read_serial

ROOM = 64 * MIB
"""The host's memory that a guest may come to use beyond its contents; the rest stays a hole."""

START_LIMIT = 60.0
"""Seconds until a QEMU that has not started its guest is given up."""

ANSWER_LIMIT = 5.0
"""Seconds until an answer of QEMU's is given up."""

# Asks for what the guest's real-time clock says; the answer has the same "id".
_CLOCK_QUESTION: Message = {
    "execute": "qom-get",
    "arguments": {"path": "/machine", "property": "rtc-time"},
    "id": "clock",
}


class Machine:
    """A context manager that runs a guest: it runs inside the ``with`` block, at the longest.

    Whatever ends the block, nothing of the machine is left: no process and no file. If this process
    (or the thread that entered the block) is killed, QEMU is killed with it, and the next machine
    to start removes the files. To be used by one thread at a time; its memory by any number.

    Inside the block ``memory`` is the guest's memory, ``directory`` the run directory and ``pid``
    QEMU's process.
    """

    memory: GuestMemory
    directory: Path
    pid: int

    def __init__(
        self,
        options: MachineOptions,
        *,
        name: str | None = None,
        qemu: Qemu | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Prepare a machine; nothing is started yet.

        ``name`` is for people (the image's own name if not given); ``qemu`` is the host's if not
        given; ``progress`` is told how far the copying of contents is.
        """
        self.options = options
        self.name = name or options.image.stem
        self._qemu = qemu
        self._progress = progress
        self._release = ExitStack()
        self._stopped = False
        self._reason: str | None = None
        self._exit: Exit | None = None

    def __enter__(self) -> Machine:
        """Start the guest; it runs, or waits for a debugger, when this returns.

        Raises MachineError, with nothing left behind, if it can't.
        """
        try:
            layout = self._make_files()
            self._start_qemu()
            self._await_guest()
            self._open(layout)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the guest if it still runs, and remove all that there was of it."""
        self._leave()

    def wait(self, timeout: float | None = None) -> Exit:
        """Wait until the machine has ended, and tell how.

        Raises TimeoutError if it still runs after ``timeout`` seconds (None: wait for ever).
        """
        if self._exit is None:
            deadline = None if timeout is None else time.monotonic() + timeout
            while self._receive(deadline) is not None:
                pass
            code = self._process.wait()
            self._exit = decode_exit(code, self._reason, self._qemu_words(), stopped=self._stopped)
        return self._exit

    def stop(self) -> Exit:
        """End the guest now, if it has not ended by itself; tell how it ended."""
        self._stopped = True
        self._process.kill()
        return self.wait()

    def guest_seconds(self) -> int | None:
        """Whole seconds of the guest's time since its start; None if it has ended, or QEMU is mute.

        For deterministic machines, of which the host's own clock tells nothing.
        """
        deadline = time.monotonic() + ANSWER_LIMIT
        with suppress(BrokenPipeError, TimeoutError):
            self._control.send(_CLOCK_QUESTION)
            while (message := self._receive(deadline)) is not None:
                if message.get("id") == _CLOCK_QUESTION["id"]:
                    date = message["return"]
                    parts = (date[f"tm_{part}"] for part in ("mday", "hour", "min", "sec"))
                    now = datetime(date["tm_year"] + 1900, date["tm_mon"] + 1, *parts)
                    return int((now - GUEST_EPOCH).total_seconds())
        return None

    def serial_text(self) -> str:
        """All that the serial port has said so far; what is not UTF-8 is shown as U+FFFD."""
        return read_serial(self.directory)

    def publish(self, name: str, data: bytes) -> None:
        """Let other processes have ``data`` as ``RunningMachine.published(name)``, from now on."""
        self._run_directory.publish(name, data)

    def _make_files(self) -> MemoryLayout:
        """Make the run directory and the memory file with its contents; check all that goes in."""
        options = self.options
        layout = memory_layout(options.kind, options.memory)
        with ExitStack() as files:
            contents = open_contents(options.contents, files)
            extents = (*image_extents(options.image), *(content.extent for content in contents))
            check_extents(extents, layout)
            room = ROOM + sum(content.size for content in contents)
            with uninterrupted():
                self._run_directory = runfiles.RunDirectory.make(self.name, room)
                self._release.callback(self._run_directory.remove)
            self.directory = self._run_directory.path
            memory = self.directory / runfiles.MEMORY
            make_memory(memory, layout)
            copy_contents(contents, memory, layout, self._progress)
        return layout

    def _start_qemu(self) -> None:
        self._control = self._release.enter_context(ControlChannel())
        command = bound_to_this_process(
            qemu_command(self._qemu or find_qemu(), self.options, self._control.qemu_end)
        )
        ends = (*self.options.streams, *self.options.consoles)
        streams = [fd for _, fd in ends if fd is not None]
        start = "query-status" if self.options.debugger else "cont"
        self._control.send({"execute": "qmp_capabilities"}, {"execute": start})
        with (self.directory / runfiles.QEMU_LOG).open("xb") as log, uninterrupted():
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._control.qemu_end, *streams],
                start_new_session=True,  # A terminal's Ctrl-C is for this process, not for QEMU.
            )
            self._release.callback(self._end_qemu)
        self._control.hand_over()
        self.pid = self._process.pid

    def _await_guest(self) -> None:
        """Wait until the guest runs, or QEMU is ready for a debugger.

        Raises MachineError in QEMU's words if that never comes.
        """
        deadline = time.monotonic() + START_LIMIT
        try:
            while not self._is_there(message := self._receive(deadline)):
                if message is None:
                    code = self._process.wait()
                    raise MachineError(
                        f"QEMU can't start the machine:"
                        f" {complaint(self._qemu_words()) or f'it ended with code {code}'}",
                        "check the options of the machine",
                    )
        except TimeoutError as error:
            raise MachineError(
                f"QEMU has not started the machine within {START_LIMIT:.0f} seconds",
                "look for what keeps this host busy, and start it again",
            ) from error

    def _is_there(self, message: Message | None) -> bool:
        """Whether QEMU's ``message`` says that the guest runs, or that it waits for a debugger."""
        if message is None:
            return False
        if self.options.debugger:
            return "status" in message.get("return", {})  # the answer to query-status
        return message.get("event") == "RESUME"

    def _open(self, layout: MemoryLayout) -> None:
        """Make the running machine visible, here and to other processes."""
        self.memory = self._release.enter_context(
            GuestMemory(self.directory / runfiles.MEMORY, layout, writable=True)
        )
        facts = RunningMachine(
            name=self.name,
            pid=os.getpid(),
            directory=self.directory,
            image=self.options.image.resolve(),
            kind=self.options.kind,
            memory_size=layout.size,
            started=datetime.now(UTC),
        )
        self._run_directory.describe(facts.to_json())

    def _receive(self, deadline: float | None) -> Message | None:
        """QEMU's next event or reply, or None if QEMU has ended."""
        left = None if deadline is None else deadline - time.monotonic()
        message = self._control.receive(left)
        if message is not None and message.get("event") == "SHUTDOWN":
            self._reason = message["data"]["reason"]
        return message

    def _qemu_words(self) -> str:
        return (self.directory / runfiles.QEMU_LOG).read_text(encoding="utf-8", errors="replace")

    def _end_qemu(self) -> None:
        self._process.kill()
        self._process.wait()

    def _leave(self) -> None:
        with uninterrupted():
            self._release.close()
