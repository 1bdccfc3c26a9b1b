from __future__ import annotations

import shlex

import pytest

from .typed import EXAMPLES, SYSTEMS, Questv

HELLO = EXAMPLES / "hello"


def test_a_fault(questv: Questv) -> None:
    said = questv("inject", HELLO, "--sandbox", "pong", "--fault", "kill", "--at", "tasks.pong")
    assert (said.code, said.err) == (0, "")
    told = dict(line.split(maxsplit=1) for line in said.out.splitlines()[:8])
    assert told["sandbox"] == "pong" and told["place"] == "tasks.pong"
    assert told["moment"].startswith("tasks.pong:1, at 0.0000")
    assert told["outcome"] == "hang"
    assert "pong is started, not finished" in said.out
    assert said.out.splitlines()[-1].startswith("again: questv inject ")


def test_what_is_drawn_can_be_had_again(questv: Questv) -> None:
    words = ("inject", HELLO, "--sandbox", "ping", "--json")
    first = questv(*words, "--fault", "instruction", "--seed", 3)
    assert first.code == 0
    result, again = first.json["result"], first.json["again"]
    assert result["kind"] == "instruction" and result["fault"].startswith("instruction:")
    second = questv(*shlex.split(again)[1:], "--json")
    assert second.json == first.json
    assert questv(*words, "--fault", "instruction", "--seed", 4).json["result"] != result


def test_a_crash_is_shown_with_its_calls(questv: Questv) -> None:
    words = ("--fault", "instruction:0f0b", "--at", "tasks.ping")
    said = questv("inject", HELLO, "--sandbox", "ping", *words)
    assert said.code == 0
    assert "outcome  detected and stopped" in said.out
    assert "stopped by its monitor: kernel panic" in said.out
    assert "ping panicked: invalid opcode" in said.out and "tasks.py:" in said.out


def test_a_time_for_what_has_no_end(questv: Questv) -> None:
    words = ("inject", SYSTEMS / "endless", "--sandbox", "clock", "--fault", "kill", "--at", "6ms")
    said = questv(*words, "--for", "12ms")
    assert said.code == 0
    assert "outcome  hang" in said.out
    assert said.out.rstrip().endswith("--for 12ms --sandbox clock --fault kill --at 6ms")


@pytest.mark.parametrize(
    ("words", "problem", "fix"),
    [
        (("--fault", "kil"), "there is no fault 'kil'", 'did you mean "kill"?'),
        (("--fault", "kill:1"), "'kill:1' is no fault", "write kill alone"),
        (("--fault", "kill", "--at", "0th"), "a sandbox has no 0th instruction", "count from 1st"),
        (
            ("--fault", "kill", "--at", "tasks.pin"),
            "'ping' executes nothing called 'tasks.pin'",
            'did you mean "tasks.ping"',
        ),
        (
            ("--fault", "memory-bit:0x100000:3"),
            "0x100000 is no memory of 'ping' that can be hit",
            "choose from 0x",
        ),
        (("--fault", "kill", "--for", "soon"), "'soon' is not a time", "write 250ms"),
        (("--fault", "kill", "--input", "x=y"), "hello has no input 'x'", "leave it out"),
        (("--fault", "kill", "--sandbox", "pin"), "hello has no sandbox 'pin'", '"ping"?'),
    ],
)
def test_what_can_not_be_done(
    words: tuple[str, ...], problem: str, fix: str, questv: Questv
) -> None:
    said = questv("inject", HELLO, "--sandbox", "ping", *words)
    assert (said.code, said.out) == (2, "")
    assert problem in said.err and fix in said.err
    told = questv("inject", HELLO, "--sandbox", "ping", *words, "--json")
    assert [error["message"] for error in told.json["errors"]] == [problem]


def test_devices_and_foreign_kernels(questv: Questv) -> None:
    said = questv("inject", EXAMPLES / "serial", "--sandbox", "x", "--fault", "kill")
    assert said.code == 2
    assert "what comes from outside arrives at another moment each time" in said.err
    foreign = ("inject", EXAMPLES / "foreign", "--sandbox", "guest", "--fault", "kill")
    said = questv(*foreign)
    assert said.code == 2 and "foreign kernel" in said.err


def test_no_end(questv: Questv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questv.faults.laboratory._LONGEST", 5_000_000)
    said = questv("inject", SYSTEMS / "endless", "--sandbox", "clock", "--fault", "kill")
    assert said.code == 1
    assert "does not come to an end by itself" in said.err and "--for" in said.err


def test_a_qemu_that_can_not(questv: Questv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questv.faults.injector._shown", lambda _: frozenset())
    said = questv("inject", HELLO, "--sandbox", "ping", "--fault", "kill")
    assert said.code == 1
    assert "can't inject faults: it was built without modules" in said.err
