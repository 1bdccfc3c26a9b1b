"""Processes that can't outlive the one that starts them."""

from __future__ import annotations

import os
import shutil

from questv.machine import packages
from questv.machine.errors import MachineError


def bound_to_this_process(command: list[str]) -> list[str]:
    """``command``, such that it can't outlive the thread that starts it, however that one ends.

    The kernel is asked for the signal (prctl PR_SET_PDEATHSIG) by a program of its own, since
    Python would have to copy this whole process for it. The shell looks whether this process is
    still there, as the request comes too late for one that is gone. Raises MachineError if the
    host lacks the program.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise MachineError("there is no setpriv on this host", packages.install("util-linux"))
    guard = '[ "$PPID" = "$0" ] && exec "$@"'
    return [setpriv, "--pdeathsig", "KILL", "/bin/sh", "-c", guard, str(os.getpid()), *command]
