"""Campaigns: the same seed draws the same faults; no row is lost, made twice or half written."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from questv.faults.campaign import Campaign, local_rows, run_number
from questv.faults.choice import choose
from questv.faults.laboratory import Laboratory
from questv.faults.model import DOORBELLS, FaultError, Kind
from questv.faults.outcome import Outcome
from questv.faults.rows import Row
from questv.faults.store import Store, StoreError
from questv.faults.summary import again_line, quartiles, summarize
from questv.machine import MachineError

from .systems import bench

NAMES = ("asker", "answerer", "loner")
RUNS = 40


def campaign(laboratory: Laboratory, seed: int = 1, **changes: object) -> Campaign:
    made = Campaign(
        bench=replace(bench(), run_for=laboratory.run_for()),
        seed=seed,
        sandboxes=NAMES,
        kinds=tuple(Kind),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def made_store(file: Path, identity: str = "it") -> Store:
    return Store.make(
        file, identity=identity, system="test", image="abc", seed=1, command="c", again="questv x"
    )


@pytest.fixture(scope="module")
def rows(laboratory: Laboratory) -> list[Row]:
    """A small campaign, made by two processes."""
    found = local_rows(campaign(laboratory), range(RUNS), 2, lambda: False)
    return sorted(found, key=lambda row: row.run)


def test_no_fault_escapes(rows: list[Row]) -> None:
    assert [row.run for row in rows] == list(range(RUNS))
    outcomes = Counter(row.outcome for row in rows)
    assert not outcomes[Outcome.ESCAPE]
    assert outcomes[Outcome.STOPPED] and outcomes[Outcome.NO_EFFECT] and outcomes[Outcome.HANG]
    assert len({row.kind for row in rows}) >= 8
    assert {row.sandbox for row in rows} == set(NAMES)


def test_a_run_is_a_function_of_seed_and_number(laboratory: Laboratory, rows: list[Row]) -> None:
    again = [run_number(laboratory, campaign(laboratory), run) for run in (3, 21, 8)]
    assert again == [rows[3], rows[21], rows[8]]
    other = choose(laboratory, 2, 3, NAMES, tuple(Kind))
    assert str(other.fault) != rows[3].fault


def test_files_of_the_same_campaign_have_the_same_rows(tmp_path: Path, rows: list[Row]) -> None:
    """Whatever the order in which they came."""
    contents = []
    for name, order in (("one", rows), ("other", rows[::-1])):
        with made_store(tmp_path / name) as store:
            assert all(store.add(row) for row in order)
            assert list(store.rows()) == rows
        with sqlite3.connect(tmp_path / name) as connection:
            contents.append(connection.execute("SELECT * FROM run ORDER BY run").fetchall())
    assert repr(contents[0]) == repr(contents[1])


def test_a_row_counts_once(tmp_path: Path, rows: list[Row]) -> None:
    with made_store(tmp_path / "file") as store:
        assert store.add(rows[0])
        assert not store.add(rows[1].model_copy(update={"run": 0}))
        assert list(store.rows()) == [rows[0]]
        assert store.numbers() == {0}


def test_what_is_over_takes_no_more_runs(laboratory: Laboratory) -> None:
    found: list[Row] = []
    for row in local_rows(campaign(laboratory), range(1000), 1, lambda: len(found) >= 2):
        found.append(row)
    assert 2 <= len(found) <= 4
    assert sorted(row.run for row in found) == list(range(len(found)))


def test_a_worker_that_is_killed(laboratory: Laboratory) -> None:
    import multiprocessing

    rows = local_rows(campaign(laboratory), range(1000), 1, lambda: False)
    next(rows)
    [worker] = multiprocessing.active_children()
    worker.kill()
    with pytest.raises(MachineError) as raised:
        list(rows)
    assert raised.value.message == "a process that makes runs was killed"


def test_identities(laboratory: Laboratory, tmp_path: Path) -> None:
    one = campaign(laboratory)
    file = tmp_path / "input"
    file.write_bytes(b"abc")
    others = [
        campaign(laboratory, seed=2),
        campaign(laboratory, kinds=(Kind.KILL,)),
        campaign(laboratory, sandboxes=("asker",)),
        campaign(laboratory, bench=replace(one.bench, run_for=7)),
        campaign(laboratory, bench=replace(one.bench, words="")),
        campaign(laboratory, bench=replace(one.bench, contents=((0x1000, file),))),
    ]
    assert campaign(laboratory).identity == one.identity
    assert len({each.identity for each in (one, *others)}) == len(others) + 1


@pytest.mark.parametrize("what", ["other", "no campaign", "nothing", "version"])
def test_files_that_can_not_be_gone_on_with(what: str, tmp_path: Path, rows: list[Row]) -> None:
    file = tmp_path / "file"
    if what == "no campaign":
        file.write_text("hello")
    elif what != "nothing":
        with made_store(file) as store:
            store.add(rows[0])
    if what == "version":
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE campaign SET format = 99")
    problems = {
        "other": "is of another campaign",
        "no campaign": "is no campaign's",
        "nothing": "there is no",
        "version": "is of another version",
    }
    with pytest.raises(StoreError) as raised:
        Store.open(file, "another" if what == "other" else "it")
    assert problems[what] in raised.value.message and raised.value.fix


def test_a_file_is_not_made_twice(tmp_path: Path, rows: list[Row]) -> None:
    with made_store(tmp_path / "file"):
        pass
    assert not list(tmp_path.iterdir())  # nothing has come into it
    with made_store(tmp_path / "file") as store:
        store.add(rows[0])
    with pytest.raises(StoreError) as raised:
        made_store(tmp_path / "file")
    assert "is there already" in raised.value.message
    with pytest.raises(StoreError) as raised:
        made_store(tmp_path / "nowhere" / "file")
    assert "can't write" in raised.value.message


def test_who_sends_no_doorbell_has_no_such_faults(laboratory: Laboratory) -> None:
    drawn = [choose(laboratory, 1, run, ("loner",), tuple(Kind)) for run in range(60)]
    assert not {injection.fault.kind for injection in drawn} & set(DOORBELLS)
    with pytest.raises(FaultError, match="'loner' sends no doorbell"):
        choose(laboratory, 1, 0, ("loner",), DOORBELLS)


def test_a_summary(rows: list[Row]) -> None:
    escaped = rows[5].model_copy(update={"outcome": Outcome.ESCAPE})
    found = summarize(
        [*rows[:5], escaped], system="test", image="abc", seed=1, again="questv inject test"
    )
    assert found.runs == 6 and found.outcomes[Outcome.ESCAPE] == 1
    assert sum(found.outcomes.values()) == 6
    for groups in (found.by_kind, found.by_region):
        assert sum(number for counts in groups.values() for number in counts.values()) == 6
    assert found.escapes == (again_line("questv inject test", rows[5]),)
    assert found.escapes[0].endswith(
        f" --sandbox {rows[5].sandbox} --fault {rows[5].fault} --at {rows[5].at}"
    )


def test_quartiles() -> None:
    found = quartiles([50, 10, 20, 40, 30])
    assert (found.least, found.lower, found.median, found.upper, found.most) == (10, 20, 30, 40, 50)
    assert quartiles([7]).most == quartiles([7]).least == 7


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_large_campaign(seed: int, laboratory: Laboratory) -> None:
    made = campaign(laboratory, seed)
    outcomes = Counter(row.outcome for row in local_rows(made, range(1000), 2, lambda: False))
    assert outcomes.total() == 1000
    assert not outcomes[Outcome.ESCAPE]
