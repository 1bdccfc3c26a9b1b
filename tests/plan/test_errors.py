"""What a build that can't be done says, to the letter; and that what it advises helps."""

from __future__ import annotations

import errno
import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from questv.diagnostics import DiagnosticsError
from questv.interrupted import Interrupted
from questv.kernel.states import MAX_KEPT
from questv.metal.link import LinkError
from questv.plan.build import build
from questv.system.units import PAGE_SIZE, format_size, parse_size
from tests.running import sandbox_text, system_text, task_text, timed_text, write_system

GOOD = """
@task
def main() -> None:
    log("here")
"""
ONE = sandbox_text("one", task_text("main"))


def said(folder: Path, text: str, tasks: str = GOOD) -> str:
    """What the build says, the folder's path left out; and that it says one thing only."""
    with pytest.raises(DiagnosticsError) as caught:
        build(write_system(folder, text, tasks))
    assert len(caught.value.diagnostics) == 1
    return str(caught.value).replace(f"{folder}/", "")


def test_what_is_advised_for_a_tiny_sandbox_and_machine_is_enough(tmp_path: Path) -> None:
    one = sandbox_text("one", task_text("main"), memory="513 B")
    text = system_text(one, machine='memory = "600 KiB"')
    for key in ("sandbox", "machine"):
        with pytest.raises(DiagnosticsError) as caught:
            build(write_system(tmp_path, text, GOOD))
        [finding] = caught.value.diagnostics
        assert finding.rule.startswith(key)
        found = re.search(r'memory = ("\d+ [KM]iB")', finding.fix)
        assert found is not None
        wrong = {"sandbox": '"513 B"', "machine": '"600 KiB"'}[key]
        text = text.replace(wrong, found[1])
    build(write_system(tmp_path, text, GOOD))


# ---- what does not fit -------------------------------------------------------------------------


def test_a_sandbox_that_is_too_small(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", task_text("main"), memory="64 KiB"))
    words = said(tmp_path, text)
    fitting = re.search(r'memory = "(.*)" or more', words)
    assert fitting is not None
    assert words == (
        'system.toml:10:10: the kernel of "one" with its tasks, stacks and page tables takes '
        f"{fitting[1]}, and the sandbox has 64 KiB [sandbox-memory-small]\n"
        '    memory = "64 KiB"\n'
        "             ^^^^^^^^\n"
        f'  fix: give it memory = "{fitting[1]}" or more'
    )
    plan = build(write_system(tmp_path, text.replace("64 KiB", fitting[1]), GOOD)).plan
    assert plan.sandbox("one").memory_used == plan.sandbox("one").memory == parse_size(fitting[1])
    less = text.replace("64 KiB", format_size(parse_size(fitting[1]) - PAGE_SIZE))
    assert f"takes {fitting[1]}, and" in said(tmp_path, less)


def test_all_sandboxes_that_are_too_small_are_told(tmp_path: Path) -> None:
    text = system_text(
        *(sandbox_text(name, task_text("main"), memory="64 KiB") for name in ("one", "other"))
    )
    with pytest.raises(DiagnosticsError) as caught:
        build(write_system(tmp_path, text, GOOD))
    found = [(each.rule, each.message.split('"')[1]) for each in caught.value.diagnostics]
    assert found == [("sandbox-memory-small", "one"), ("sandbox-memory-small", "other")]


def test_a_machine_that_is_too_small(tmp_path: Path) -> None:
    """The description's own rule knows nothing of the boot's and the monitors' sizes."""
    memory = 'memory = "3 MiB"'
    text = system_text(sandbox_text("one", task_text("main"), memory="1980 KiB"), machine=memory)
    words = said(tmp_path, text)
    found = re.search(r"ends at (.*?) of physical.*set memory = \"(.*?)\" or more", words, re.S)
    assert found is not None
    assert words == (
        f"system.toml:4:10: the plan ends at {found[1]} of physical memory, and the machine has "
        "3 MiB [machine-memory-small]\n"
        '    memory = "3 MiB"\n'
        "             ^^^^^^^\n"
        f'  fix: set memory = "{found[2]}" or more in [machine]'
    )
    plan = build(write_system(tmp_path, text.replace("3 MiB", found[2]), GOOD)).plan
    assert max(region.end for region in plan.regions if region.start < 4 << 30) <= plan.memory


DEEP = """
@metal
def deeper(number: u64) -> u64:
    room: Array[u64, 1024] = local()
    for i in range(u64(1024)):
        room[i] = i * number
    return room[number & 1023]

@task
def main() -> None:
    log(f"{deeper(now())}")
"""


def test_a_stack_that_is_too_small(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", task_text("main", stack="8 KiB")))
    words = said(tmp_path, text, DEEP)
    needed = re.search(r"needs up to (\d+) bytes", words)
    assert needed is not None and 8192 < int(needed[1]) < 12288
    assert words == (
        f'system.toml:16:9: task "main" needs up to {needed[1]} bytes of stack and has 8192 '
        "[task-stack-small]\n"
        '    stack = "8 KiB"\n'
        "            ^^^^^^^\n"
        '  fix: give it stack = "12 KiB"'
    )
    build(write_system(tmp_path, text.replace('"8 KiB"', '"12 KiB"'), DEEP))


LARGE = """
large: Array[u8, 128 << 20] = static()

@task
def main() -> None:
    large[5] = 1
"""


def test_a_program_that_is_too_large(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text("one", task_text("main"), memory="200 MiB"), machine='memory = "256 MiB"'
    )
    words = said(tmp_path, text, LARGE)
    found = re.search(r"would take (.*?) of", words)
    assert found is not None and parse_size(found[1]) > 128 << 20
    assert words == (
        f'system.toml:9:10: the program of "one" would take {found[1]} of its virtual memory, '
        "where 128 MiB are kept for that [program-too-large]\n"
        '    memory = "200 MiB"\n'
        "             ^^^^^^^^^\n"
        "  fix: let its modules have smaller variables, or move tasks to another sandbox"
    )
    build(write_system(tmp_path, text, LARGE.replace("128", "127")))


def test_stacks_that_are_too_large(tmp_path: Path) -> None:
    def text(stack: str) -> str:
        task = task_text("main", stack=stack)
        machine = 'memory = "1 GiB"'
        return system_text(sandbox_text("one", task, memory="800 MiB"), machine=machine)

    assert said(tmp_path, text("768 MiB")) == (
        'system.toml:9:10: the stacks of "one" would take 786460 KiB of its virtual memory, where '
        "768 MiB are kept for that [stacks-too-large]\n"
        '    memory = "800 MiB"\n'
        "             ^^^^^^^^^\n"
        "  fix: give its tasks smaller stacks, or move some to another sandbox"
    )
    build(write_system(tmp_path, text(f"{768 * 1024 - 28} KiB"), GOOD))


# ---- modules of tasks --------------------------------------------------------------------------


def test_no_python(tmp_path: Path) -> None:
    assert said(tmp_path, system_text(ONE), "def main(:\n    pass\n") == (
        "tasks.py:5:10: this is not Python: invalid syntax [syntax]\n"
        "    def main(:\n"
        "             ^\n"
        "  fix: mend the syntax"
    )


def test_a_module_that_fails(tmp_path: Path) -> None:
    tasks = "\ndef number() -> int:\n    return [][1]\n\nN = number()\n" + GOOD
    assert said(tmp_path, system_text(ONE), tasks) == (
        "tasks.py:7:12: importing 'tasks' fails here: IndexError: list index out of range "
        "[import-failed]\n"
        "    return [][1]\n"
        "           ^^^^^\n"
        "  fix: mend this: before a module is compiled, Python runs it"
    )


def test_a_module_that_is_no_text(tmp_path: Path) -> None:
    told = said(tmp_path, system_text(ONE), GOOD + "\0")
    # Some releases of Python 3.11 call it a ValueError.
    assert re.fullmatch(
        r"tasks\.py: importing 'tasks' fails: (SyntaxError|ValueError): source code string cannot "
        r"contain null bytes \[import-failed\]\n"
        r"  fix: mend this: before a module is compiled, Python runs it",
        told,
    )


@pytest.mark.parametrize(
    ("error", "told"), [("SystemExit(3)", "SystemExit: 3"), ("BaseException()", "BaseException: ")]
)
def test_a_module_that_leaves(tmp_path: Path, error: str, told: str) -> None:
    """That it ends Python, or tries to, is an error like others."""
    tasks = f"\nraise {error}\n" + GOOD
    assert said(tmp_path, system_text(ONE), tasks) == (
        f"tasks.py:6:1: importing 'tasks' fails here: {told} [import-failed]\n"
        f"    raise {error}\n"
        f"    {'^' * len(f'raise {error}')}\n"
        "  fix: mend this: before a module is compiled, Python runs it"
    )


@pytest.mark.parametrize("request_to_end", [KeyboardInterrupt(), Interrupted(15)])
def test_a_request_to_end_while_a_module_is_imported(
    tmp_path: Path, request_to_end: BaseException
) -> None:
    """It is none of the module's errors."""
    tasks = "\nfrom tests.plan import test_errors\n\nraise test_errors.REQUEST[0]\n" + GOOD
    REQUEST[:] = [request_to_end]
    with pytest.raises(type(request_to_end)):
        build(write_system(tmp_path, system_text(ONE), tasks))


REQUEST: list[BaseException] = []


def test_a_name_that_is_written_wrong(tmp_path: Path) -> None:
    tasks = "\nfrom questv.api import FORVER\n" + GOOD
    assert said(tmp_path, system_text(ONE), tasks) == (
        "tasks.py:6:1: importing 'tasks' fails here: ImportError: cannot import name 'FORVER' "
        "from 'questv.api' [import-failed]\n"
        "    from questv.api import FORVER\n"
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  fix: did you mean 'FOREVER'?"
    )


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    text = system_text(ONE.replace('run = "tasks:main"', 'run = "json:main"'))
    write_system(tmp_path, text, GOOD)
    (tmp_path / "json.py").write_text((tmp_path / "tasks.py").read_text())
    import json

    assert said(tmp_path, text) == (
        f"json.py: there is another module named 'json', at {json.__file__} [module-name-taken]\n"
        "  fix: give the file another name"
    )


def test_a_module_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def open_but_tasks(path: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if path.name == "tasks.py" and mode == "rb":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, mode, *more, **options)

    monkeypatch.setattr(Path, "open", open_but_tasks)
    assert said(tmp_path, system_text(ONE)) == (
        "tasks.py: this module can't be read: Permission denied [module-unreadable]\n"
        "  fix: make it a plain file that you may read"
    )


def test_a_name_that_python_itself_has(tmp_path: Path) -> None:
    text = system_text(ONE.replace('run = "tasks:main"', 'run = "time:main"'))
    write_system(tmp_path, text, GOOD)
    (tmp_path / "time.py").write_text((tmp_path / "tasks.py").read_text())
    assert said(tmp_path, text) == (
        "time.py: there is another module named 'time', built into Python [module-name-taken]\n"
        "  fix: give the file another name"
    )


def test_a_name_of_a_library_that_the_tools_have_yet_to_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_system(tmp_path, system_text(ONE), GOOD)
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('this one is not meant')\n")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    build(tmp_path)
    assert importlib.import_module("colorsys").__file__ != str(tmp_path / "colorsys.py")


# ---- tasks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            "def main(text: str) -> None:\n    log(text)",
            "tasks.py:7:16: parameter 'text' of task main is str [task-parameter]\n"
            "    def main(text: str) -> None:\n"
            "                   ^^^\n"
            "  fix: a task takes ends of channels (Sender, Receiver, Writer, Reader), Inputs, "
            "Streams, Mutexes, structs derived from State, integers and floats",
        ),
        (
            "def main() -> u64:\n    return 1",
            "tasks.py:7:15: task main returns u64 [task-result]\n"
            "    def main() -> u64:\n"
            "                  ^^^\n"
            "  fix: a task returns nothing: declare it -> None",
        ),
    ],
)
def test_signatures(tmp_path: Path, function: str, words: str) -> None:
    assert said(tmp_path, system_text(ONE), f"\n@task\n{function}\n") == words


PERIODIC = """
class Own(State):
    count: u64

class Other(State):
    count: u64

@periodic({times})
def main(own: Own, limit: u64) -> None:
    if own.count == limit:
        finish()
"""
MAIN = sandbox_text("one", timed_text("main", "1 ms", "10 us", limit=3))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("'1 minute'", '"1 minute" is not a duration'),
        ("0", "0 ns are not a duration: it is 1 ns to an hour"),
        ("1.5", "1.5 is not a duration"),
        ("True", "True is not a duration"),
    ],
)
@pytest.mark.parametrize("name", ["period", "budget"])
def test_a_decorators_duration(tmp_path: Path, name: str, written: str, words: str) -> None:
    column = len(f"@periodic({name}=") + 1
    assert said(tmp_path, system_text(MAIN), PERIODIC.format(times=f"{name}={written}")) == (
        f"tasks.py:12:{column}: the {name} of main: {words} [task-duration]\n"
        f"    @periodic({name}={written})\n"
        f"    {'^' * len(written):>{column - 1 + len(written)}}\n"
        f'  fix: write {name}="1.5 ms", with ns, us, ms or s; or nanoseconds as a plain integer'
    )


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            "@initialize(main)\ndef prepare(limit: u32) -> None:\n    pass",
            "tasks.py:18:20: parameter 'limit' of prepare is u32, and main has it as u64 "
            "[initialize-parameter]\n"
            "    def prepare(limit: u32) -> None:\n"
            "                       ^^^\n"
            "  fix: take some of the task's parameters, with their names and types",
        ),
        (
            "@initialize(main)\ndef prepare(own: Other) -> None:\n    pass",
            "tasks.py:18:18: parameter 'own' of prepare is Other, and main has it as Own "
            "[initialize-parameter]\n"
            "    def prepare(own: Other) -> None:\n"
            "                     ^^^^^\n"
            "  fix: take some of the task's parameters, with their names and types",
        ),
        (
            "@initialize(main)\ndef prepare(gain: u64) -> None:\n    pass",
            "tasks.py:18:19: parameter 'gain' of prepare is u64, and main has it not at all "
            "[initialize-parameter]\n"
            "    def prepare(gain: u64) -> None:\n"
            "                      ^^^\n"
            "  fix: take some of the task's parameters, with their names and types",
        ),
        (
            "@initialize(main)\ndef prepare() -> u64:\n    return 1",
            "tasks.py:18:18: task's initializer prepare returns u64 [task-result]\n"
            "    def prepare() -> u64:\n"
            "                     ^^^\n"
            "  fix: a task's initializer returns nothing: declare it -> None",
        ),
        (
            "@initialize(main)\ndef prepare(own) -> None:\n    pass",
            "tasks.py:18:13: prepare does not say the type of parameter 'own' "
            "[annotation-missing]\n"
            "    def prepare(own) -> None:\n"
            "                ^^^\n"
            "  fix: annotate parameter 'own'",
        ),
        (
            "@initialize(log_end)\ndef prepare() -> None:\n    pass",
            "tasks.py:18:1: prepare initializes what is no task of this module "
            "[initialize-body]\n"
            "    def prepare() -> None:\n"
            "    ^^^^^^^^^^^^^^^^^^^^^^\n"
            "  fix: name a function with @task or @periodic that stands above: @initialize(step)",
        ),
        (
            "@initialize(main)\ndef prepare() -> None:\n    pass\n\n"
            "@initialize(main)\ndef again() -> None:\n    pass",
            "tasks.py:22:1: main is initialized twice: by prepare (line 17) too "
            "[initialize-repeated]\n"
            "    def again() -> None:\n"
            "    ^^^^^^^^^^^^^^^^^^^^\n"
            "  fix: let one of the two do what both do",
        ),
    ],
)
def test_initializers(tmp_path: Path, function: str, words: str) -> None:
    assert said(tmp_path, system_text(MAIN), f"{PERIODIC.format(times='')}\n{function}\n") == words


def test_a_float_in_a_task_without(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", task_text("main", gain=1.5)))
    words = said(tmp_path, text, "\n@task\ndef main(gain: f64) -> None:\n    pass\n")
    assert words.startswith("tasks.py:7:16: main uses floating point but is compiled without it")
    assert words.endswith(
        "pass floats=True to the decorator of main if it is task code, or use integers"
    )


def test_a_state_without_fields(tmp_path: Path) -> None:
    tasks = "\n@task\ndef main(own: State) -> None:\n    pass\n"
    assert said(tmp_path, system_text(ONE), tasks).startswith(
        "tasks.py:7:15: State is not a type of metal [unknown-type]\n"
    )


OWN = """
class Own(State{options}):
    calls: u64{more}

@task
def main(own: Own) -> None:
    own.calls += 1{call}
"""


def of_state(options: str = "", more: str = "", call: str = "") -> str:
    """Tasks with a state."""
    return OWN.format(options=options, more=f"\n    {more}", call=f"\n    {call}")


@pytest.mark.parametrize("version", ["0", "-1", "1 << 32", "True", "'2'", "1.5"])
def test_a_version_that_is_none(tmp_path: Path, version: str) -> None:
    line = f"class Own(State, version={version}):"
    assert said(tmp_path, system_text(ONE), of_state(f", version={version}")) == (
        f"tasks.py:6:1: Own can't have the version {eval(version)!r} [state-version]\n"
        f"    {line}\n"
        f"    {'^' * len(line)}\n"
        "  fix: write a whole number from 1 to 4294967295: class Own(State, version=1)"
    )


@pytest.mark.parametrize("version", [1, (1 << 32) - 1])
def test_the_first_and_the_last_version(tmp_path: Path, version: int) -> None:
    tasks = of_state(f", version={version}", call="own.save()")
    [state] = (
        build(write_system(tmp_path, system_text(ONE), tasks)).plan.sandboxes[0].tasks[0].states
    )
    assert state.kept is not None and state.kept.version == version


def test_a_version_of_what_has_no_layout(tmp_path: Path) -> None:
    tasks = "\nclass Kind(State, abstract=True, version=1):\n    pass\n"
    assert said(tmp_path, system_text(ONE), tasks + of_state()) == (
        "tasks.py:6:1: Kind is abstract and has a version [state-version]\n"
        "    class Kind(State, abstract=True, version=1):\n"
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  fix: give one to each state that derives from it"
    )


def test_a_version_of_what_is_no_state(tmp_path: Path) -> None:
    tasks = "\nclass Kind(Struct, version=1):\n    calls: u64\n"
    assert said(tmp_path, system_text(ONE), tasks + of_state()) == (
        "tasks.py:6:1: the struct Kind can't have 'version' [struct-option]\n"
        "    class Kind(Struct, version=1):\n"
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  fix: only a task's state has one: class Kind(State, version=1)"
    )


@pytest.mark.parametrize("name", ["save", "restored"])
def test_what_needs_a_version(tmp_path: Path, name: str) -> None:
    assert said(tmp_path, system_text(ONE), of_state(call=f"own.{name}()")) == (
        f"tasks.py:13:5: Own has no method '{name}' [no-method]\n"
        f"    own.{name}()\n"
        f"    {'^' * len(f'own.{name}()')}\n"
        "  fix: only what has a version survives: class Own(State, version=1)"
    )


@pytest.mark.parametrize("name", ["save", "restored"])
def test_a_field_that_hides_what_a_state_has(tmp_path: Path, name: str) -> None:
    assert said(tmp_path, system_text(ONE), of_state(", version=1", f"{name}: u64")) == (
        f"tasks.py:8:5: '{name}' of Own hides what every state with a version has by that name "
        "[state-name]\n"
        f"    {name}: u64\n"
        f"    {'^' * len(f'{name}: u64')}\n"
        "  fix: choose another name"
    )
    build(write_system(tmp_path, system_text(ONE), of_state("", f"{name}: u64")))


def test_more_versions_than_a_kernel_keeps(tmp_path: Path) -> None:
    one = sandbox_text("one", *(task_text("main", i, name=f"t{i}") for i in range(MAX_KEPT + 1)))
    text = system_text(one.replace("512 KiB", "2 MiB"))
    assert said(tmp_path, text, of_state(", version=1")) == (
        'system.toml:10:10: 65 states of tasks of "one" have a version, and a kernel keeps at most '
        "64 [states-too-many]\n"
        '    memory = "2 MiB"\n'
        "             ^^^^^^^\n"
        "  fix: put what some tasks keep into one state, or move tasks to another sandbox"
    )


def test_a_stand_in_that_keeps_what_nobody_leaves(tmp_path: Path) -> None:
    tasks = """
class Own(State, version=1):
    calls: u64

class Other(State, version=2):
    calls: u64

@task
def main(own: Own) -> None:
    pass

@task
def spare(own: Other) -> None:
    pass
"""
    fail_over = '[sandbox.recovery]\non_fault = "fail-over"\nto = "two"\n'
    two = sandbox_text("two", task_text("spare", keys='stands_in_for = "one.main"'))
    text = system_text(sandbox_text("one", fail_over, task_text("main")), two)
    assert said(tmp_path, text, tasks) == (
        'system.toml:33:17: task "spare" keeps 8 bytes of version 2 as "own", and "one.main" has '
        "no such state to leave [stand-in-state]\n"
        '    stands_in_for = "one.main"\n'
        "                    ^^^^^^^^^^\n"
        "  fix: give both functions a parameter of this name and the same type"
    )
    build(write_system(tmp_path, text, tasks.replace("(own: Other)", "(own: Own)")))


def test_states_that_are_too_large(tmp_path: Path) -> None:
    tasks = """
class Own(State):
    rows: Array[Array[u8, 1 << 20], {rows}]

@task
def main(own: Own) -> None:
    own.rows[0][0] = 1
"""
    one = sandbox_text("one", task_text("main"), memory="80 MiB")
    text = system_text(one, machine='memory = "96 MiB"')
    assert said(tmp_path, text, tasks.format(rows=64)) == (
        'system.toml:9:10: the states of the tasks of "one" would take 65540 KiB of its virtual '
        "memory, where 64 MiB are kept for that [states-too-large]\n"
        '    memory = "80 MiB"\n'
        "             ^^^^^^^^\n"
        "  fix: let them keep less, or move some to another sandbox"
    )
    build(write_system(tmp_path, text, tasks.format(rows=63)))


@pytest.mark.parametrize(
    ("mark", "how"), [("", "above it"), ("@metal\n", "in the place of its decorator")]
)
def test_a_function_that_is_no_task(tmp_path: Path, mark: str, how: str) -> None:
    tasks = f"{GOOD}\n{mark}def sell() -> None:\n    log('sold')\n"
    text = system_text(ONE.replace("tasks:main", "tasks:sell"))
    words = said(tmp_path, text, tasks)
    written = (tmp_path / "tasks.py").read_text()
    line = written[: written.index("def sell")].count("\n") + 1
    assert words.endswith(
        "tasks.py has no task function sell [task-function-missing]\n"
        '    run = "tasks:sell"\n'
        "          ^^^^^^^^^^^^\n"
        f"  fix: sell is there: write @task {how} (tasks.py:{line})"
    )
    mended = tasks.replace(mark or "def sell", "@task\n" if mark else "@task\ndef sell")
    build(write_system(tmp_path, text, mended))


def test_a_name_that_is_no_function(tmp_path: Path) -> None:
    text = system_text(ONE.replace("tasks:main", "tasks:now"))
    assert said(tmp_path, text).endswith('fix: write "main"')


def test_an_error_in_a_task_is_the_compilers(tmp_path: Path) -> None:
    words = said(tmp_path, system_text(ONE), "\n@task\ndef main() -> None:\n    log(f'{1 + u8}')\n")
    assert words.startswith("tasks.py:8:")


# ---- the linker --------------------------------------------------------------------------------


def test_no_linker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_system(tmp_path, system_text(ONE), GOOD)
    build(tmp_path)  # so that nothing but the linker is needed
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LinkError) as caught:
        build(tmp_path)
    assert caught.value.message == "the linker 'ld' is not installed"
    assert caught.value.fix == "install it: apt-get install binutils"


def test_a_symbol_that_is_nowhere(tmp_path: Path) -> None:
    tasks = """
gone: u64 = external("this_is_nowhere")

@task
def main() -> None:
    log(f"{gone}")
"""
    write_system(tmp_path, system_text(ONE), tasks)
    with pytest.raises(LinkError, match="this_is_nowhere"):
        build(tmp_path)
