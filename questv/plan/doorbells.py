"""Gives each direction of each channel its doorbell: a vector.

A vector is used once among the doorbells that a sandbox may send, so that its monitor can look up
the one core it may go to, and once among those that it may receive, so that its kernel knows
which end is meant.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable

from questv.plan.model import ChannelPlan
from questv.system.description import Description
from questv.system.model import FourSlotChannel, RingChannel

FIRST_VECTOR = 0x30
LAST_VECTOR = 0xEF


class OutOfVectorsError(Exception):
    """A sandbox has more doorbells than there are vectors."""


class Doorbells:
    """Hands out vectors; at most 192 for each sandbox in each direction."""

    def __init__(self) -> None:
        """No doorbell is there yet."""
        self._sent: defaultdict[str, set[int]] = defaultdict(set)
        self._received: defaultdict[str, set[int]] = defaultdict(set)

    def take(self, sender: str, receiver: str) -> int:
        """A vector for doorbells from one sandbox to another; raises OutOfVectorsError."""
        for vector in range(FIRST_VECTOR, LAST_VECTOR + 1):
            if vector not in self._sent[sender] and vector not in self._received[receiver]:
                self._sent[sender].add(vector)
                self._received[receiver].add(vector)
                return vector
        raise OutOfVectorsError(f"no vector is left from '{sender}' to '{receiver}'")


class Bells:
    """All doorbells: between the places of the tasks at a channel's ends, for moves, and by which
    monitors tell of fail-overs."""

    def __init__(self, description: Description, channels: Iterable[ChannelPlan]) -> None:
        """Give them out."""
        doorbells = Doorbells()
        self._places = _places_of_ends(description)
        self._roaming = {
            (argument.name, sandbox)
            for sandbox, tasks in description.tasks.items()
            for bound in tasks
            if bound.task.migrates_to
            for argument in bound.arguments.values()
            if isinstance(argument, RingChannel | FourSlotChannel)
        }
        self._of_channels: dict[tuple[str, str, str], int] = {}
        for channel in channels:
            senders = self.places(channel, sends=True)
            for pair in itertools.product(senders, self.places(channel, sends=False)):
                for one, other in (pair, pair[::-1]):
                    self._of_channels[channel.name, one, other] = doorbells.take(one, other)
        self._of_moves = {
            pair: doorbells.take(*pair)
            for pair in sorted(
                {
                    pair
                    for sandbox, tasks in description.tasks.items()
                    for bound in tasks
                    for pair in itertools.permutations(description.places(sandbox, bound.task), 2)
                }
            )
        }

        self._of_fail_overs = {
            sandbox: doorbells.take(sandbox, standby)
            for sandbox in description.tasks
            if (standby := description.standby(sandbox)) is not None
        }

    def places(self, channel: ChannelPlan, *, sends: bool) -> tuple[str, ...]:
        """Where the task at one end of a channel can be, where it belongs first."""
        home = channel.sender if sends else channel.receiver
        return self._places.get((channel.name, home), (home,))

    def roams(self, channel: ChannelPlan, *, sends: bool) -> bool:
        """Whether that task goes to and fro between its places."""
        return (channel.name, channel.sender if sends else channel.receiver) in self._roaming

    def of_channel(self, channel: str, one: str, other: str) -> int:
        """The vector by which one sandbox rings another for a channel."""
        return self._of_channels[channel, one, other]

    def of_move(self, one: str, other: str) -> int:
        """The vector by which one sandbox tells another that a task moves; 0 to itself."""
        return self._of_moves.get((one, other), 0)

    def of_fail_over(self, sandbox: str) -> int:
        """The vector by which it is told that a sandbox has been released."""
        return self._of_fail_overs[sandbox]


def _places_of_ends(description: Description) -> dict[tuple[str, str], tuple[str, ...]]:
    """Of the ends that are not always at one place, by channel and their own sandbox.

    They belong to tasks that move, or others stand in for those.
    """
    found = {}
    for sandbox, tasks in description.tasks.items():
        for bound in tasks:
            home, places = sandbox, description.places(sandbox, bound.task)
            if bound.task.stands_in_for is not None:
                home = bound.task.stands_in_for.partition(".")[0]
                places = (home, sandbox)
            for argument in bound.arguments.values():
                if places and isinstance(argument, RingChannel | FourSlotChannel):
                    found[argument.name, home] = places
    return found
