"""The command line.

``app`` has what can be typed, and one module for each command has what it does; those are loaded
when they are called for, so that help and completion come at once.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import suppress

from questv.cli.ending import ending_in_order
from questv.interrupted import Interrupted

_FAILED = 1
_BAD_INPUT = 2
_DEFECT = 70


def main() -> None:
    """Run the command on this process's command line, and leave with its exit code.

    0: done; 1: the system failed, or the machine or this host did; 2: what was typed or written
    can't be used; 70: a defect of Quest-V itself; 128 and more: ended by that signal.
    """
    _prepare_streams()
    try:
        with ending_in_order():
            code = _typed()
            sys.stdout.flush()
            sys.exit(code)
    except Interrupted as interrupted:
        _say("interrupted")
        sys.exit(interrupted.exit_code)
    except OSError as error:  # no room, say, wherever that shows
        _explain(f"this host refuses something: {error}", "mend that on the host")
        _drop_unwritten()
        sys.exit(_FAILED)
    except Exception as error:
        _explain(f"a defect of Quest-V: {type(error).__name__}: {error}", "report it")
        sys.exit(_DEFECT)


def _typed() -> int:
    """Run what was typed; its exit code."""
    from questv.cli.app import UsageError, app

    try:
        return app(prog_name="questv", standalone_mode=False) or 0
    except UsageError as error:
        # What a type says of a value that it refuses comes with this in some releases of Typer.
        error.message = error.message.replace("Value error, ", "")
        if "--json" in sys.argv[1:]:
            fix = "questv --help lists the commands, and questv COMMAND --help its options"
            told = {"message": error.format_message(), "fix": fix}
            print(json.dumps({"errors": [told]}, indent=2))
        else:
            error.show()
        return _BAD_INPUT


def _prepare_streams() -> None:
    # A stream that is closed swallows everything, as /dev/null would.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    # A terminal that lacks a character shows another in its place.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _drop_unwritten() -> None:
    """Let go of what can't be written: Python would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explain(what: str, fix: str) -> None:
    """Two lines on the error being handled, or all about it for those who ask."""
    if os.environ.get("QUESTV_DEBUG"):
        traceback.print_exc()
    else:
        _say(
            f"error: {' '.join(what.split())}\n  fix: {fix}; QUESTV_DEBUG=1 shows where it happens"
        )


def _say(text: str) -> None:
    with suppress(OSError):  # nobody may be there to read it
        print(text, file=sys.stderr)
