"""``questv debug``."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

import questv
from questv.cli.copying import CopyProgress
from questv.cli.ending import ending_on_request
from questv.cli.inputs import bind_inputs
from questv.cli.output import UserError, command
from questv.cli.scratch import scratch_folder
from questv.cli.start import StartOptions, started
from questv.cli.streams import bind_streams
from questv.cli.target import Target, load_target
from questv.interrupted import Interrupted
from questv.machine import MachineError, MachineKind, packages
from questv.machine.leash import bound_to_this_process
from questv.machine.runfiles import DEBUGGER
from questv.plan.model import Plan, SandboxPlan
from questv.system.wording import suggest

_LOOK = 0.2  # seconds between two looks for a request to end


def debug(
    path: Path,
    *,
    sandbox: str | None,
    inputs: Sequence[str],
    streams: Sequence[str],
    deterministic: bool,
    kind: MachineKind,
    checks: bool,
    words: Sequence[str],
) -> None:
    """Start a system or an image under gdb, which knows one sandbox's programs."""
    with command(json=False) as output:
        gdb = _find_gdb()
        target = load_target(path, output, checks=checks)
        chosen = _choose(target.plan, sandbox)
        bound = bind_inputs(target.plan, inputs)
        options = StartOptions(
            kind=kind,
            deterministic=deterministic,
            streams=bind_streams(target.plan, streams, path),
            debugger=True,
        )
        with ExitStack() as stack:
            progress = stack.enter_context(CopyProgress(output.errors))
            machine = stack.enter_context(started(target, bound, options, progress))
            room = sum(len(program.elf) for program in target.programs.values())
            folder = stack.enter_context(scratch_folder(target.plan.name, room))
            script = folder / "start.gdb"
            place = stack.enter_context(_opened(machine.directory))
            script.write_text(_script(target, chosen, place, folder))
            code = _attend([gdb, "-q", "-nx", "-x", str(script), *words], place)
        raise typer.Exit(code)


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    """A file descriptor of a directory, for a process that inherits it."""
    found = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield found
    finally:
        os.close(found)


def _find_gdb() -> str:
    found = shutil.which("gdb")
    if found is None:
        raise MachineError("there is no gdb on this host", packages.install("gdb"))
    return found


def _choose(plan: Plan, name: str | None) -> SandboxPlan:
    """The sandbox of this name, the first if none is given; raises UserError.

    Foreign kernels are left out: QEMU's debugger takes their addresses for the machine's.
    """
    names = [sandbox.name for sandbox in plan.sandboxes]
    if name is not None and name not in names:
        raise UserError(f"{plan.name} has no sandbox '{name}'", suggest(name, names, ""))
    own = [sandbox.name for sandbox in plan.sandboxes if sandbox.foreign is None]
    chosen = name or (own or names)[0]
    if chosen not in own:
        raise UserError(
            f"sandbox '{chosen}' has a foreign kernel, whose addresses gdb would misread",
            suggest("", own, "look at it with questv inspect"),
        )
    return plan.sandbox(chosen)


def _attend(command: Sequence[str], inherited: int) -> int:
    """Let a person use a program, which inherits a file descriptor, until it ends; its exit code.

    Ctrl-C is the program's own business: it reaches it from the terminal. Other requests to end
    end it too; raises Interrupted then. It does not outlive this process.
    """
    bound = bound_to_this_process(list(command))
    with ending_on_request() as request, subprocess.Popen(bound, pass_fds=[inherited]) as process:
        while True:
            try:
                return process.wait(_LOOK)
            except subprocess.TimeoutExpired:
                if request.number not in (None, signal.SIGINT):
                    process.kill()
                    raise Interrupted(request.number) from None


# ---- what gdb is told ---------------------------------------------------------------------------


def _script(target: Target, sandbox: SandboxPlan, place: int, folder: Path) -> str:
    """Commands for gdb: the programs of ``sandbox``, which are put into ``folder``, and where.

    ``place`` is the run directory, open in gdb: the name of a socket has 107 bytes at most, and the
    directory's own may have more.

    The kernel, its processes, the monitor and the boot lie at addresses of their own, so gdb can
    know them all.
    """
    files = {}
    processes = [process.program for process in sandbox.processes]
    for name in (f"kernel-{sandbox.name}", *processes, "monitor", "boot"):
        files[name] = folder / f"{name}.elf"
        files[name].write_bytes(target.programs[name].elf)
    kernel, *others = files.values()
    places = [target.folder or Path(), Path(questv.__file__).parents[1]]
    return _SCRIPT.format(
        kernel=_quoted(kernel),
        others="\n".join(f"add-symbol-file {_quoted(file)}" for file in others),
        places="\n".join(f"directory {_quoted(place.resolve())}" for place in reversed(places)),
        socket=f"/proc/self/fd/{place}/{DEBUGGER}",
        thread=sandbox.core + 1,  # gdb's number of the core
        sandbox=sandbox.name,
        core=sandbox.core,
    )


def _quoted(path: Path) -> str:
    """A path as one word of gdb's, with its spaces."""
    return '"{}"'.format(re.sub(r'([\\"])', r"\\\1", str(path)))


# Every kernel is linked at the same addresses, so a breakpoint would stop all of them: each that is
# set is bound to the core of the sandbox that is being debugged.
_SCRIPT = """\
set confirm off
set remotetimeout 60
set architecture i386:x86-64
file {kernel}
{others}
{places}
python
def bind_to_core(breakpoint):
    if breakpoint.type in (gdb.BP_BREAKPOINT, gdb.BP_HARDWARE_BREAKPOINT):
        if breakpoint.thread is None:
            breakpoint.thread = {thread}
end
target remote {socket}
thread {thread}
python gdb.events.breakpoint_created.connect(bind_to_core)
echo \\n
echo The machine waits before its first instruction; 'continue' starts it.\\n
echo Breakpoints are for sandbox {sandbox} alone, on core {core}.\\n
echo Its kernel, tasks and monitor, and the boot, are known by Python's lines and names;\\n
echo ./tasks.py is the system's own, questv/kernel/tasks.py the kernel's.\\n
echo 'shell questv inspect' shows the whole machine; quitting ends it.\\n
echo \\n
"""
