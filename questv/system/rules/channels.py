"""Rules on channels: two different ends that exist and are used, and a size that works."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.bindings import CHANNEL_KINDS, at_end, parameters, settled_sandboxes
from questv.system.draft import Draft, repeated
from questv.system.findings import too_many
from questv.system.model import FourSlotChannel, RingChannel
from questv.system.tasks import ParameterKind
from questv.system.units import PAGE_SIZE, format_size
from questv.system.wording import suggest

CHANNELS_MAXIMUM = 64
RING_MAXIMUM = 16 << 20
MESSAGE_MAXIMUM = 1 << 20
_ENDS = ("from", "to")


def channel_end_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A channel is memory that exactly two sandboxes see, so both must be known."""
    for channel in draft.channels:
        for end in _ENDS:
            name = at_end(channel.item, end)
            if name not in draft.sandbox_names:
                yield Diagnostic(
                    channel.value(end),
                    f'channel "{channel.item.name}": there is no sandbox "{name}"',
                    suggest(name, draft.sandbox_names, "add a [[sandbox]] of this name"),
                    "channel-end-unknown",
                )


def channel_to_itself(draft: Draft) -> Iterator[Diagnostic]:
    """A channel joins two kernels; tasks of one kernel share its memory already."""
    for channel in draft.channels:
        if channel.item.sender == channel.item.receiver:
            yield Diagnostic(
                channel.value("to"),
                f'channel "{channel.item.name}" leads from "{channel.item.sender}" to itself',
                'name another sandbox as "from" or "to"',
                "channel-to-itself",
            )


def channels_too_many(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has a table of the ends of its channels, which never grows."""
    for sandbox in draft.sandboxes:
        name = sandbox.item.name
        own = [c for c in draft.channels if name in (c.item.sender, c.item.receiver)]
        own += [
            use.channel
            for use in parameters(draft)
            if use.task.item.stands_in_for is not None
            and use.sandbox.path == sandbox.path
            and use.channel is not None
        ]
        fix = "let one channel carry what several do"
        what = f"ends of {len(own)} channels"
        yield from too_many(sandbox, own, CHANNELS_MAXIMUM, what, fix, "channels-too-many")


def ring_size_range(draft: Draft) -> Iterator[Diagnostic]:
    """A ring is at least a page, the least that can be shared, and bounded to catch a slip."""
    for channel in draft.channels:
        item = channel.item
        if isinstance(item, RingChannel) and not PAGE_SIZE <= item.size <= RING_MAXIMUM:
            yield Diagnostic(
                channel.value("size"),
                f'ring "{item.name}" has {format_size(item.size)}; it can have '
                f"{format_size(PAGE_SIZE)} to {format_size(RING_MAXIMUM)}",
                "choose a power of two in that range",
                "ring-size-range",
            )


def ring_size_power(draft: Draft) -> Iterator[Diagnostic]:
    """Half of a ring, which bounds its messages, is then a whole number of cache lines."""
    for channel in draft.channels:
        item = channel.item
        if isinstance(item, RingChannel) and item.size.bit_count() > 1:
            next_power = 1 << item.size.bit_length()
            yield Diagnostic(
                channel.value("size"),
                f'ring "{item.name}" has {format_size(item.size)}, which is not a power of two',
                f'write size = "{format_size(next_power // 2)}" or "{format_size(next_power)}"',
                "ring-size-power",
            )


def four_slot_message_range(draft: Draft) -> Iterator[Diagnostic]:
    """Each writer and reader copies the whole value, so it is something, and not too long."""
    for channel in draft.channels:
        item = channel.item
        if isinstance(item, FourSlotChannel) and not 1 <= item.message <= MESSAGE_MAXIMUM:
            yield Diagnostic(
                channel.value("message"),
                f'the value of "{item.name}" has {format_size(item.message)}; it can have '
                f"1 B to {format_size(MESSAGE_MAXIMUM)}",
                'use a ring (kind = "ring") for more, or choose a size in that range',
                "four-slot-message-range",
            )


def channel_end_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Rings and four-slot registers are right without a lock for one user at each end only."""
    uses = [
        (parameter.channel, parameter)
        for parameter in parameters(draft)
        if parameter.kind in CHANNEL_KINDS
        and parameter.channel
        and at_end(parameter.channel.item, parameter.end) == parameter.sandbox.item.name
    ]
    for (_, first), (channel, again) in repeated(uses, lambda use: (use[0].path, use[1].end)):
        yield Diagnostic(
            again.place,
            f'the "{again.end}" end of channel "{channel.item.name}" (line {channel.line}) '
            f'is for one user: task "{first.task.item.name}" (line {first.task.line}) has it as '
            f'parameter "{first.name}", and task "{again.task.item.name}" as "{again.name}"',
            "describe another channel for one of the two",
            "channel-end-taken",
        )


def channel_end_unused(draft: Draft) -> Iterator[Diagnostic]:
    """A channel is a right to memory, and a right that nobody needs only helps an attacker."""
    used = {
        (parameter.channel.item.name, parameter.sandbox.item.name)
        for parameter in parameters(draft)
        if parameter.channel
    }
    settled = settled_sandboxes(draft)
    for channel in draft.channels:
        for end in _ENDS:
            sandbox = at_end(channel.item, end)
            if sandbox in settled and (channel.item.name, sandbox) not in used:
                kind = _PARAMETER_KINDS[channel.item.kind, end].value
                yield Diagnostic(
                    channel.value(end),
                    f'no task of "{sandbox}" has a parameter for channel "{channel.item.name}"',
                    f"give one of its tasks a {kind} for the channel, or remove the channel",
                    "channel-end-unused",
                )


_PARAMETER_KINDS = {
    ("ring", "from"): ParameterKind.SENDER,
    ("ring", "to"): ParameterKind.RECEIVER,
    ("four-slot", "from"): ParameterKind.WRITER,
    ("four-slot", "to"): ParameterKind.READER,
}


RULES = (
    channel_end_unknown,
    channel_to_itself,
    channels_too_many,
    ring_size_range,
    ring_size_power,
    four_slot_message_range,
    channel_end_taken,
    channel_end_unused,
)
