"""What can be typed: commands, their options, and their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from questv.cli.completion import (
    complete_audited,
    complete_fault,
    complete_input,
    complete_machine,
    complete_sandbox,
    complete_stream,
)
from questv.machine.options import MachineKind

app = typer.Typer(
    help="Quest-V: kernels side by side on one chip, each with its own core, memory and monitor.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

UsageError: Any = typer.BadParameter.__base__
"""What is raised for a command line that makes no sense; Typer itself has no name for it."""

System = Annotated[
    Path, typer.Argument(metavar="SYSTEM", help="A folder with a system.toml, or the file itself.")
]
SystemOrImage = Annotated[
    Path,
    typer.Argument(metavar="SYSTEM|IMAGE", help="A system, which is built first, or an image."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=FILE",
        help="Put a file into the input NAME; may be given for each input.",
        autocompletion=complete_input,
    ),
]
Streams = Annotated[
    list[str] | None,
    typer.Option(
        "--stream",
        metavar="NAME=FROM:TO",
        help="Connect a stream to files or pipes, NAME=PATH to a terminal or socket, NAME=- "
        "to this terminal.",
        autocompletion=complete_stream,
    ),
]
RunFor = Annotated[
    str | None,
    typer.Option("--for", metavar="TIME", help="End after 250ms, 5s, 2m, or a number of seconds."),
]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="Every run alike, to the last instruction.")
]
Machine = Annotated[MachineKind, typer.Option("--machine", help="The machine to run on.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
Checks = Annotated[
    bool,
    typer.Option("--checks", help="A debug build: check array bounds, null pointers and casts."),
]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"questv {version('questv')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command()
def check(system: System, json: Json = False) -> None:
    """Check a system, and show its plan.

    What is wrong is shown with its place in the file and how to mend it: all of it at once in a
    description that can be read and whose keys are right, and in the Python beside it. How much
    memory and stack a kernel needs is known only when nothing else is wrong.

    \b
    Examples:
      questv check examples/hello
      questv check examples/hello --json
    """
    from questv.cli.check import check

    check(system, json=json)


@app.command()
def build(
    system: System,
    file: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The image.")],
    checks: Checks = False,
    json: Json = False,
) -> None:
    """Build a system's image, and show its sizes.

    \b
    Examples:
      questv build examples/hello -o hello.elf
      questv build examples/hello -o hello.elf --checks
    """
    from questv.cli.build import build

    build(system, file, checks=checks, json=json)


@app.command()
def run(
    path: SystemOrImage,
    run_for: RunFor = None,
    inputs: Inputs = None,
    streams: Streams = None,
    deterministic: Deterministic = False,
    machine: Machine = MachineKind.MICROVM,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.json", help="Write all that was found to a file."),
    ] = None,
    checks: Checks = False,
    json: Json = False,
) -> None:
    """Run a system, and show what it does.

    Consoles and crashes are shown as they come, all counters at the end; Ctrl-C ends the run in
    order. The exit code is 1 if a sandbox crashes, or if the system expects something of a run
    that does not come.

    \b
    Examples:
      questv run examples/hello
      questv run examples/demo --input file=README.md
      questv run examples/hello --deterministic --report run.json
      questv run examples/serial --stream com1=-
      questv run hello.elf --for 5s --machine q35
    """
    from questv.cli.run import run

    run(
        path,
        run_for=run_for,
        inputs=inputs or [],
        streams=streams or [],
        deterministic=deterministic,
        kind=machine,
        report_file=report,
        checks=checks,
        json=json,
    )


@app.command()
def inspect(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|PID|REPORT.json",
            help="A running machine, or the report of a run; if left out, the machine that runs.",
            autocompletion=complete_machine,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Look into a running machine, or at its report.

    Looking costs the machine nothing: its memory is read from outside.

    \b
    Examples:
      questv inspect
      questv inspect hello
      questv inspect run.json
    """
    from questv.cli.inspect import inspect

    inspect(what, json=json)


@app.command(context_settings={"allow_interspersed_args": False})
def debug(
    path: SystemOrImage,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[GDB...]", help="Further words for gdb.")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option(
            "--sandbox",
            metavar="NAME",
            help="The one to look into; the first if left out.",
            autocompletion=complete_sandbox,
        ),
    ] = None,
    inputs: Inputs = None,
    streams: Streams = None,
    deterministic: Deterministic = False,
    machine: Machine = MachineKind.MICROVM,
    checks: Checks = False,
) -> None:
    """Run a system under gdb, which knows Python's lines and names.

    Options come first, then the system. The machine waits until gdb lets it start. Breakpoints
    stop the chosen sandbox alone, in its kernel, its tasks and its monitor; quitting gdb ends the
    machine.

    \b
    Examples:
      questv debug examples/hello
      questv debug --sandbox pong examples/hello
      questv debug examples/hello -ex "break ./tasks.py:19" -ex continue
    """
    from questv.cli.debug import debug

    debug(
        path,
        sandbox=sandbox,
        inputs=inputs or [],
        streams=streams or [],
        deterministic=deterministic,
        kind=machine,
        checks=checks,
        words=words or [],
    )


@app.command()
def audit(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="IMAGE|SYSTEM|NAME|PID",
            help="An image, a system, or with --live a running machine.",
            autocompletion=complete_audited,
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Audit the memory of a running machine.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that memory is shared as declared, and no more.

    Page tables, permission maps and control blocks are read as the processor
    reads them, and compared with the description, bit by bit. The exit code
    is 1 if anything is not as declared.

    \b
    Examples:
      questv audit examples/hello
      questv audit hello.elf --json
      questv audit --live
      questv audit --live hello
    """
    from questv.cli.audit import audit

    audit(what, live=live, json=json)


@app.command()
def inject(
    path: SystemOrImage,
    sandbox: Annotated[
        str,
        typer.Option(
            "--sandbox", metavar="NAME", help="Whose fault.", autocompletion=complete_sandbox
        ),
    ],
    fault: Annotated[
        str,
        typer.Option(
            "--fault",
            metavar="KIND",
            help="What happens; alone, or with all its details.",
            autocompletion=complete_fault,
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="WHEN",
            help="SYMBOL+offset:N, a time (3.2ms) or an instruction (500th).",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", help="Draws what is not said.", min=0)
    ] = 0,
    inputs: Inputs = None,
    run_for: RunFor = None,
    json: Json = False,
) -> None:
    """Run a system with a fault on purpose, and show what comes of it.

    The run is deterministic, and compared with one without the fault. Kinds of
    fault are register-bit, register-bits, memory-bit, memory-bits, instruction,
    kill, stall, doorbell-drop, doorbell-repeat and doorbell-delay. The exit code
    is 1 if the fault has done anything to another sandbox.

    \b
    Examples:
      questv inject examples/hello --sandbox pong --fault kill
      questv inject examples/hello --sandbox ping --fault register-bit --seed 7
      questv inject examples/hello --sandbox ping --fault stall --at tasks.ping
      questv inject examples/demo --input file=README.md --sandbox digest \\
          --fault register-bit:rsp:40 --at 3.2ms
    """
    from questv.cli.inject import inject

    inject(
        path,
        sandbox=sandbox,
        fault=fault,
        at=at,
        seed=seed,
        inputs=inputs or [],
        run_for=run_for,
        json=json,
    )


@app.command()
def campaign(
    path: SystemOrImage,
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", help="How many machines.", min=1)
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Draws all faults.", min=0)] = 0,
    sandboxes: Annotated[
        list[str] | None,
        typer.Option(
            "--sandbox",
            metavar="NAME",
            help="Whose faults; may be given again. All if left out.",
            autocompletion=complete_sandbox,
        ),
    ] = None,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="KIND",
            help="Which kinds; may be given again. All if left out.",
            autocompletion=complete_fault,
        ),
    ] = None,
    inputs: Inputs = None,
    run_for: RunFor = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The results; NAME-SEED.sqlite if left out."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="Write a page with plots."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Make only the runs that are missing.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", help="Processes; one a core if left out.", min=1),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="A dask cluster to spread over."),
    ] = None,
    json: Json = False,
) -> None:
    """Run a system many times, each time with another fault, and count what comes of it.

    Each run is a machine of its own, and can be had again with questv inject.
    The same system and seed draw the same faults. Ctrl-C stops in order, and
    --resume goes on. The exit code is 1 if a fault has done anything to another
    sandbox.

    \b
    Examples:
      questv campaign examples/hello --runs 1000 --seed 1
      questv campaign examples/hello --runs 1000 --seed 1 --resume
      questv campaign examples/hello --fault kill --fault stall --report kill.html
      questv campaign examples/hello --sandbox pong --scheduler tcp://node1:8786
    """
    from questv.cli.campaign import campaign

    campaign(
        path,
        runs=runs,
        seed=seed,
        sandboxes=sandboxes or [],
        faults=faults or [],
        inputs=inputs or [],
        run_for=run_for,
        file=output,
        report=report,
        resume=resume,
        workers=workers,
        scheduler=scheduler,
        json=json,
    )


@app.command()
def migrate(
    machine: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PID", help="A running machine.", autocompletion=complete_machine
        ),
    ],
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="The task; with its sandbox's name if need be.")
    ],
    sandbox: Annotated[str, typer.Argument(metavar="SANDBOX", help="Where it is to go.")],
    json: Json = False,
) -> None:
    """Move a task of a running machine to another kernel.

    A word is written into the memory of the kernel that has the task, which
    looks at it once each period of its [sandbox.migration]. The task goes as
    soon as none of its deadlines is at risk.

    \b
    Examples:
      questv migrate demo worker.count spare
      questv migrate demo count worker --json
    """
    from questv.cli.migrate import migrate

    migrate(machine, task, sandbox, json=json)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="NAME", help="The folder to make.")],
) -> None:
    """Make a small system to begin with.

    \b
    Examples:
      questv new my-system
      questv run my-system
    """
    from questv.cli.new import new

    new(folder)


@app.command()
def doctor(
    machine: Annotated[
        bool,
        typer.Option("--machine", help="Probe what isolation rests on, on each kind of machine."),
    ] = False,
    json: Json = False,
) -> None:
    """Show what this host has of what is needed.

    With --machine, small guests try what must not pass, on each machine that this QEMU makes; the
    exit code is 1 if one passes that isolation rests on, but for those that are known.

    \b
    Examples:
      questv doctor
      questv doctor --machine
    """
    from questv.cli.doctor import doctor, probe

    if machine:
        probe(json=json)
    else:
        doctor(json=json)
