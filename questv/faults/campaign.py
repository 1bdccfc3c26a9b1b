"""Many runs, each with a fault of its own, by processes of this host."""

from __future__ import annotations

import ctypes
import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.util import Finalize

from questv.faults.choice import choose
from questv.faults.laboratory import Bench, Laboratory
from questv.faults.model import Kind
from questv.faults.rows import Row, row_of
from questv.machine import MachineError

AHEAD = 2
"""Runs that each worker is given at a time: one that it makes, and one that waits."""

_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True)
class Campaign:
    """All that decides what a run comes to, but for its number.

    ``bench`` has a time. ``sandboxes`` and ``kinds`` are what the draws choose from.
    """

    bench: Bench
    seed: int
    sandboxes: tuple[str, ...]
    kinds: tuple[Kind, ...]

    @property
    def identity(self) -> str:
        """The same for two campaigns whose runs are the same: a hash of all of it."""
        parts = [self.bench.words, self.bench.run_for, self.seed, self.sandboxes, self.kinds]
        digest = hashlib.sha256(json.dumps(parts).encode())
        digest.update(self.bench.image.read_bytes())
        for address, file in self.bench.contents:
            digest.update(f"{address}/{file.stat().st_size}/".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()


def run_number(laboratory: Laboratory, campaign: Campaign, run: int) -> Row:
    """One run of a campaign. Raises MachineError if a machine can't be started."""
    injection = choose(laboratory, campaign.seed, run, campaign.sandboxes, campaign.kinds)
    return row_of(run, laboratory.run(injection))


def local_rows(
    campaign: Campaign, runs: Iterable[int], workers: int, is_over: Callable[[], bool]
) -> Iterator[Row]:
    """Make ``runs`` with so many processes; the rows come in any order.

    When ``is_over`` says so, those that are under way are the last. Raises MachineError.
    """
    waiting = iter(runs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (campaign, os.getpid())) as pool:
        under_way: set[Future[Row]] = set()
        try:
            while True:
                while len(under_way) < AHEAD * workers and not is_over():
                    run = next(waiting, None)
                    if run is None:
                        break
                    under_way.add(_submit(pool, run))
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise MachineError(
                "a process that makes runs was killed", "go on with --resume"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, run: int) -> Future[Row]:
    """Have a run made. Workers start with the first; they leave a terminal's Ctrl-C to us."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return pool.submit(_run, run)
    finally:
        signal.signal(signal.SIGINT, previous)


# ---- in a worker -----------------------------------------------------------------------------


_laboratory: Laboratory
_campaign: Campaign


def _begin(campaign: Campaign, parent: int) -> None:
    """Get ready; end with the process that has started this one, however that ends."""
    global _laboratory, _campaign
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    _campaign = campaign
    release = ExitStack()
    _laboratory = release.enter_context(Laboratory(campaign.bench))
    Finalize(None, release.close, exitpriority=0)


def _run(run: int) -> Row:
    return run_number(_laboratory, _campaign, run)
