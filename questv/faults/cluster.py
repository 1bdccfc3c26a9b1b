"""The runs of a campaign by the workers of a dask cluster, which may die and join meanwhile.

A run that was lost with its worker is made again by another. What comes back is known by the run's
number, and a run is a pure function of that, so that none is lost and none counts twice.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from questv.faults.campaign import AHEAD, Campaign, run_number
from questv.faults.laboratory import Bench, Laboratory
from questv.faults.rows import Row
from questv.machine import MIB, MachineError
from questv.machine.runfiles import RunDirectory

_PATIENCE = 10.0
"""Seconds until a scheduler that does not answer is given up."""

_LOOK = 0.5
"""Seconds between two looks whether the campaign is over, while no run ends."""


@dataclass(frozen=True)
class Package:
    """A campaign with the contents of all its files, for a host that has none of them."""

    identity: str
    campaign: Campaign
    image: bytes
    contents: tuple[tuple[int, bytes], ...]


def package(campaign: Campaign) -> Package:
    """All of a campaign."""
    bench = campaign.bench
    contents = tuple((address, file.read_bytes()) for address, file in bench.contents)
    return Package(campaign.identity, campaign, bench.image.read_bytes(), contents)


def cluster_rows(
    campaign: Campaign, runs: Iterable[int], address: str, is_over: Callable[[], bool]
) -> Iterator[Row]:
    """Make ``runs`` on the cluster whose scheduler is at ``address``; rows come in any order.

    When ``is_over`` says so, what is under way is given up. While there is no worker, it waits for
    one. Raises MachineError.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise MachineError(
            f"there is no dask scheduler at {address}", "start one: dask scheduler"
        ) from error
    with client:
        whole = package(campaign)
        # The scheduler knows how to make it again, should the workers that have it die.
        sent = client.submit(_keep, whole, key=f"questv-{whole.identity}")
        waiting = iter(runs)
        under_way: set[Any] = set()
        while not is_over():
            room = max(AHEAD * sum(client.nthreads().values()), 1) - len(under_way)
            for run in islice(waiting, max(room, 0)):
                key = f"questv-{whole.identity}-{run}"
                under_way.add(client.submit(_run_there, sent, run, key=key))
            if not under_way:
                return
            with suppress(TimeoutError):
                distributed.wait(under_way, timeout=_LOOK, return_when="FIRST_COMPLETED")
            done = {future for future in under_way if future.done()}
            under_way -= done
            for future in done:
                yield _result(future, distributed)
        client.cancel(list(under_way))


def _distributed() -> Any:
    """Dask, which only those need that use a cluster; raises MachineError if it is not there."""
    try:
        import distributed
    except ImportError as error:
        raise MachineError(
            "dask.distributed is not installed", "pip install 'questv[cluster]'"
        ) from error
    return distributed


def _result(future: Any, distributed: Any) -> Row:
    try:
        row: Row = future.result()
    except distributed.KilledWorker as error:
        raise MachineError(
            f"a run has ended several workers: {future.key}", "look at what they have logged"
        ) from error
    return row


# ---- on a worker -----------------------------------------------------------------------------


_lock = threading.Lock()  # a laboratory is for one thread at a time
_laboratories: dict[str, tuple[Laboratory, Campaign]] = {}


def _keep(whole: Package) -> Package:
    return whole


def _run_there(whole: Package, run: int) -> Row:
    with _lock:
        if whole.identity not in _laboratories:
            _laboratories[whole.identity] = _unpack(whole)
        laboratory, campaign = _laboratories[whole.identity]
        return run_number(laboratory, campaign, run)


def _unpack(whole: Package) -> tuple[Laboratory, Campaign]:
    """A laboratory for as long as this process lives.

    If it is killed, the next one to run removes its files.
    """
    release = ExitStack()
    atexit.register(release.close)
    room = len(whole.image) + sum(len(data) for _, data in whole.contents) + MIB
    directory = RunDirectory.make("campaign", room)
    release.callback(directory.remove)
    folder = directory.path
    image = folder / "image.elf"
    image.write_bytes(whole.image)
    contents = []
    for index, (address, data) in enumerate(whole.contents):
        file = folder / f"contents-{index}"
        file.write_bytes(data)
        contents.append((address, file))
    bench = Bench(image, whole.campaign.bench.words, tuple(contents), whole.campaign.bench.run_for)
    return release.enter_context(Laboratory(bench)), whole.campaign
