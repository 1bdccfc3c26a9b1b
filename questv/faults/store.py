"""Where the rows of a campaign are kept: an SQLite file, complete after each row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from questv.diagnostics import BadInputError
from questv.faults.rows import Row

FORMAT = 1

_SCHEMA = """
CREATE TABLE campaign (
    format INTEGER NOT NULL,
    identity TEXT NOT NULL,   -- a hash of all that decides what a run comes to
    system TEXT NOT NULL,
    image TEXT NOT NULL,      -- its SHA-256
    seed INTEGER NOT NULL,
    command TEXT NOT NULL,    -- what was typed
    again TEXT NOT NULL       -- what has to be typed for one run, but for its fault
) STRICT;
CREATE TABLE run (
    run INTEGER PRIMARY KEY,
    sandbox TEXT NOT NULL,
    kind TEXT NOT NULL,
    fault TEXT NOT NULL,
    at TEXT NOT NULL,
    region TEXT NOT NULL,
    place TEXT NOT NULL,
    time INTEGER,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reasons TEXT NOT NULL,    -- a list, as JSON
    latency INTEGER
) STRICT;
"""
_COLUMNS = tuple(Row.model_fields)
_INSERT = f"INSERT OR IGNORE INTO run VALUES ({', '.join('?' * len(_COLUMNS))})"


class StoreError(BadInputError):
    """A file that can't be used as a campaign's."""


class Store:
    """A context manager. A row that is there is never replaced.

    A file that was made here, and into which no row has come, is removed at the end of the block.
    """

    def __init__(self, connection: sqlite3.Connection, made: Path | None = None) -> None:
        """Use ``make`` or ``open``."""
        self._connection = connection
        self._made = made

    @classmethod
    def make(
        cls, file: Path, *, identity: str, system: str, image: str, seed: int, command: str,
        again: str,
    ) -> Store:  # fmt: skip
        """A new file for a campaign; raises StoreError if there is one, or it can't be made."""
        if file.exists():
            raise StoreError(
                f"{file} is there already", "go on with it: --resume; or name another: --output"
            )
        try:
            connection = _connect(file)
            with connection:
                connection.executescript(_SCHEMA)
                values = (FORMAT, identity, system, image, seed, command, again)
                connection.execute("INSERT INTO campaign VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise StoreError(f"can't write {file}: {error}", "name another place") from error
        return cls(connection, file)

    @classmethod
    def open(cls, file: Path, identity: str | None = None) -> Store:
        """The file of a campaign, of the one with this ``identity`` if it is given.

        Raises StoreError if it is none, or another's.
        """
        if not file.is_file():
            raise StoreError(f"there is no {file} to go on with", "leave out --resume")
        try:
            connection = _connect(file)
            found = connection.execute("SELECT format, identity FROM campaign").fetchone()
        except sqlite3.Error as error:
            raise StoreError(f"{file} is no campaign's", "name another: --output") from error
        if found is None or found[0] != FORMAT:
            raise StoreError(f"{file} is of another version", "name another: --output")
        if identity is not None and found[1] != identity:
            raise StoreError(
                f"{file} is of another campaign: the system, its inputs, the seed or what is asked"
                " for differ",
                "name another: --output",
            )
        return cls(connection)

    def add(self, row: Row) -> bool:
        """Keep a row; whether it is new."""
        values = [getattr(row, name) for name in _COLUMNS]
        values[_COLUMNS.index("reasons")] = json.dumps(row.reasons)
        with self._connection:
            return self._connection.execute(_INSERT, values).rowcount == 1

    def rows(self) -> Iterator[Row]:
        """All rows, by number."""
        for values in self._connection.execute("SELECT * FROM run ORDER BY run"):
            named = dict(zip(_COLUMNS, values, strict=True))
            named["reasons"] = tuple(json.loads(named["reasons"]))
            yield Row(**named)

    def numbers(self) -> set[int]:
        """The runs that are there."""
        return {run for (run,) in self._connection.execute("SELECT run FROM run")}

    def fact(self, name: str) -> str:
        """A column of the campaign's own."""
        return str(self._connection.execute(f"SELECT {name} FROM campaign").fetchone()[0])

    def __enter__(self) -> Store:
        """Give this store; it is closed on the way out."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        is_empty = not self.numbers()
        self._connection.close()
        if self._made is not None and is_empty:
            self._made.unlink()


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    # Without it a power failure, not a kill, may cost the last rows, which are then made again.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
