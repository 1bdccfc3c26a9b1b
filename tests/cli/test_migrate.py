"""``questv migrate`` moves tasks of machines that run."""

from __future__ import annotations

from .typed import SYSTEMS, Process, Questv

ROAMING = SYSTEMS / "roaming"


def test_a_task_goes_where_it_is_asked_to(questv: Questv) -> None:
    with Process("run", ROAMING) as process:
        process.await_line("3 beats")
        said = questv("migrate", "roaming", "beat", "away")
        assert (said.code, said.err) == (0, ""), said.out + said.err
        assert said.out.startswith("home.beat has moved from home to away, and was away for ")
        said = questv("migrate", process.pid, "home.beat", "home", "--json")
        assert (said.code, said.err) == (0, ""), said.out + said.err
        back = said.json
        assert (back["task"], back["origin"], back["to"]) == ("home.beat", "away", "home")
        assert 0 < back["away"] < 10**9

        for words, error in (
            (["beat", "home"], 'task "home.beat" is in sandbox "home"'),
            (["beat", "nowhere"], 'task "home.beat" can\'t be in sandbox "nowhere"'),
            (["bet", "home"], 'no task "bet" can move'),
        ):
            said = questv("migrate", "roaming", *words)
            assert said.code == 2
            assert said.err.startswith(f"error: {error}\n  fix: "), said.err
