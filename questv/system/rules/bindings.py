"""Rules on bindings: each parameter of a task stands for one thing of its kind."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.bindings import (
    CHANNEL_KINDS,
    OPPOSITE,
    RING_KINDS,
    TARGETS,
    Parameter,
    at_end,
    default_reference,
    parameters,
    settled_sandboxes,
)
from questv.system.draft import Draft, inputs, repeated, tasks
from questv.system.model import RingChannel
from questv.system.tasks import ParameterKind, TaskSignature
from questv.system.wording import source_position, suggest


def bind_parameter_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """An entry for a parameter that isn't there would be lost, and is a slip of the pen."""
    for sandbox in draft.sandboxes:
        for task in tasks(sandbox):
            function = draft.functions[task.item.run]
            if isinstance(function, TaskSignature):
                for name in task.item.bind:
                    if name in function.parameters:
                        continue
                    yield Diagnostic(
                        task.key("bind", name),
                        f"{function.function} ({source_position(function.place)}) "
                        f'has no parameter "{name}"',
                        suggest(name, function.parameters, "remove the entry"),
                        "bind-parameter-unknown",
                    )


def bind_missing(draft: Draft) -> Iterator[Diagnostic]:
    """A parameter without an entry needs something of its own name to stand for."""
    for each in parameters(draft):
        if each.is_named and each.written is None and each.target is None:
            what = TARGETS[each.kind]
            yield Diagnostic(
                each.place,
                f"{each.described} stands for nothing: there is no {what} "
                f'"{default_reference(each.name)}"',
                f'add bind = {{ {each.name} = "..." }} with the name of {_article(what)}',
                "bind-missing",
            )


def bind_integer_missing(draft: Draft) -> Iterator[Diagnostic]:
    """An integer has no default: any would be a guess about a real-time task."""
    yield from _missing(draft, ParameterKind.INTEGER, "an integer", "bind-integer-missing")


def _missing(draft: Draft, kind: ParameterKind, what: str, rule: str) -> Iterator[Diagnostic]:
    for each in parameters(draft):
        if each.kind is kind and each.written is None:
            yield Diagnostic(
                each.place,
                f"{each.described} has no value",
                f"add bind = {{ {each.name} = ... }} with {what}",
                rule,
            )


def bind_integer_expected(draft: Draft) -> Iterator[Diagnostic]:
    """A parameter of an integer type takes a number, and a name has none."""
    for each in parameters(draft):
        if each.kind is ParameterKind.INTEGER and isinstance(each.written, str | float):
            is_name = isinstance(each.written, str)
            what = f'the name "{each.written}"' if is_name else f"the number {each.written}"
            yield Diagnostic(
                each.place,
                f"{each.described} can't be {what}",
                f"write an integer, without {'quotes' if is_name else 'a point'}",
                "bind-integer-expected",
            )


def bind_integer_range(draft: Draft) -> Iterator[Diagnostic]:
    """An integer that its parameter's type can't hold would arrive as another one."""
    for each in parameters(draft):
        if each.kind is ParameterKind.INTEGER and isinstance(each.written, int):
            values = each.signature.integers[each.name]
            if each.written not in values:
                yield Diagnostic(
                    each.place,
                    f"{each.described} can't hold {each.written}",
                    f"write a value from {values[0]} to {values[-1]}, or give it a wider type",
                    "bind-integer-range",
                )


def bind_float_missing(draft: Draft) -> Iterator[Diagnostic]:
    """Nor has a float: zero is a number like any other."""
    yield from _missing(draft, ParameterKind.FLOAT, "a number", "bind-float-missing")


def bind_float_expected(draft: Draft) -> Iterator[Diagnostic]:
    """A parameter of type f32 or f64 takes a number, and a name has none."""
    for each in parameters(draft):
        if each.kind is ParameterKind.FLOAT and isinstance(each.written, str):
            yield Diagnostic(
                each.place,
                f'{each.described} can\'t be the name "{each.written}"',
                "write a number, without quotes",
                "bind-float-expected",
            )


def bind_float_range(draft: Draft) -> Iterator[Diagnostic]:
    """A number that is beyond its parameter's type would arrive as infinity."""
    for each in parameters(draft):
        if each.kind is ParameterKind.FLOAT and isinstance(each.written, int | float):
            bits = each.signature.bits[each.name]
            if _is_beyond(each.written, bits):
                yield Diagnostic(
                    each.place,
                    f"{each.described} can't hold {each.written}",
                    f"write a smaller one: an f{bits} holds up to {_LARGEST[bits]:.7g}",
                    "bind-float-range",
                )


_LARGEST = {32: (2 - 2.0**-23) * 2.0**127, 64: sys.float_info.max}


def _is_beyond(value: float, bits: int) -> bool:
    """Whether ``value``, which is no infinity, is too large for a float of so many bits."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return abs(value) > _LARGEST[bits]


def bind_state(draft: Draft) -> Iterator[Diagnostic]:
    """A task's state is its own: no other has it, so it has no name that could be bound."""
    for each in parameters(draft):
        if each.kind is ParameterKind.STATE and each.written is not None:
            yield Diagnostic(
                each.place,
                f"{each.described} stands for the task's own state, and can't be bound",
                "remove the entry",
                "bind-state",
            )


def bind_name_expected(draft: Draft) -> Iterator[Diagnostic]:
    """What tasks are given has names; a number would change as the file does."""
    for each in parameters(draft):
        if each.is_named and isinstance(each.written, int | float):
            yield Diagnostic(
                each.place,
                f"{each.described} can't be the number {each.written}",
                f"write the name of {_article(TARGETS[each.kind])}",
                "bind-name-expected",
            )


def bind_name_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A parameter can stand only for what the description has."""
    for each in parameters(draft):
        if each.is_named and isinstance(each.written, str) and each.target is None:
            yield Diagnostic(
                each.place,
                f'{each.described}: there is no {TARGETS[each.kind]} "{each.written}"',
                suggest(each.written, _fitting(draft, each), "describe one of this name"),
                "bind-name-unknown",
            )


def _fitting(draft: Draft, parameter: Parameter) -> list[str]:
    """The names of all that ``parameter`` can stand for."""
    if parameter.kind is ParameterKind.INPUT:
        return [each.name for each in parameter.sandbox.item.inputs]
    owner = parameter.sandbox.item.name
    if parameter.kind is ParameterKind.STREAM:
        return [each.name for each in draft.system.devices if each.owner == owner]
    if parameter.kind is ParameterKind.MUTEX:
        return [each.name for each in parameter.sandbox.item.mutexes]
    channels = draft.system.channels
    return [each.name for each in channels if at_end(each, parameter.end) == parameter.party]


def bind_kind_wrong(draft: Draft) -> Iterator[Diagnostic]:
    """An input is memory, a channel a protocol, a device a driver's: none can serve as another."""
    for each in parameters(draft):
        if not each.is_named:
            continue
        found = {
            "channel": each.channel,
            "input": each.input,
            "device": each.device,
            "mutex": each.mutex,
        }
        for what, target in found.items():
            if target is None or what == TARGETS[each.kind]:
                continue
            yield Diagnostic(
                each.place,
                f"{each.described} takes {_article(TARGETS[each.kind])}, but stands for "
                f'{what} "{target.item.name}" (line {target.line})',
                f'name another one: bind = {{ {each.name} = "..." }}',
                "bind-kind-wrong",
            )


def _article(what: str) -> str:
    return f"an {what}" if what == "input" else f"a {what}"


def bind_device_foreign(draft: Draft) -> Iterator[Diagnostic]:
    """A device's registers and interrupt are its owner's alone."""
    for each in parameters(draft):
        if each.kind is not ParameterKind.STREAM or each.device is None:
            continue
        owner, sandbox = each.device.item.owner, each.sandbox.item.name
        if owner != sandbox and owner in draft.sandbox_names:
            yield Diagnostic(
                each.place,
                f'{each.described}: device "{each.device.item.name}" (line {each.device.line}) '
                f'is that of "{owner}", not of "{sandbox}"',
                f'give the device owner = "{sandbox}", or move the task',
                "bind-device-foreign",
            )


def bind_device_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A stream has one reader and one writer, the same task: two would take each other's bytes."""
    streams = [
        each
        for each in parameters(draft)
        if each.kind is ParameterKind.STREAM
        and each.device
        and each.device.item.owner == each.sandbox.item.name
    ]
    for first, again in repeated(streams, lambda each: each.device and each.device.item.name):
        yield Diagnostic(
            again.place,
            f'{again.described}: task "{first.task.item.name}" (line {first.task.line}) has device '
            f'"{again.written or default_reference(again.name)}" already',
            "let one task drive it, and send to it over a channel",
            "bind-device-taken",
        )


def bind_input_foreign(draft: Draft) -> Iterator[Diagnostic]:
    """An input is mapped into one sandbox alone; for another it is not there."""
    for each in parameters(draft):
        if each.kind is not ParameterKind.INPUT or each.input is None:
            continue
        if each.input not in inputs(each.sandbox):
            [owner] = [s.item.name for s in draft.sandboxes if each.input in inputs(s)]
            yield Diagnostic(
                each.place,
                f'{each.described}: input "{each.input.item.name}" (line {each.input.line}) '
                f'is mapped into "{owner}", not into "{each.sandbox.item.name}"',
                f'describe an input in "{each.sandbox.item.name}", or move the task',
                "bind-input-foreign",
            )


def bind_channel_foreign(draft: Draft) -> Iterator[Diagnostic]:
    """A channel's memory is seen by the two sandboxes at its ends and by nobody else."""
    for each in parameters(draft):
        if each.kind not in CHANNEL_KINDS or each.channel is None:
            continue
        channel = each.channel.item
        ends = (channel.sender, channel.receiver)
        if each.party not in ends and set(ends) <= set(draft.sandbox_names):
            yield Diagnostic(
                each.place,
                f'{each.described}: channel "{channel.name}" (line {each.channel.line}) joins '
                f'"{ends[0]}" and "{ends[1]}", not "{each.party}"',
                "bind a channel of this sandbox, or move the task",
                "bind-channel-foreign",
            )


def bind_channel_direction(draft: Draft) -> Iterator[Diagnostic]:
    """A channel goes one way; its receiver has no right to write the messages."""
    for each in parameters(draft):
        if each.kind not in CHANNEL_KINDS or each.channel is None:
            continue
        channel = each.channel.item
        other_end = "to" if each.end == "from" else "from"
        sandbox = each.party
        if at_end(channel, each.end) != sandbox == at_end(channel, other_end):
            yield Diagnostic(
                each.place,
                f'{each.described} needs the "{each.end}" end of channel "{channel.name}" '
                f'(line {each.channel.line}), and "{sandbox}" has the "{other_end}" end',
                f'bind a channel with {each.end} = "{sandbox}", or change the parameter\'s type to '
                f"{OPPOSITE[each.kind].value}",
                "bind-channel-direction",
            )


def bind_channel_kind(draft: Draft) -> Iterator[Diagnostic]:
    """Sender and Receiver speak the ring's protocol, Writer and Reader the four-slot register's."""
    for each in parameters(draft):
        if each.kind not in CHANNEL_KINDS or each.channel is None:
            continue
        channel = each.channel.item
        if isinstance(channel, RingChannel) != (each.kind in RING_KINDS):
            needed = "ring" if each.kind in RING_KINDS else "four-slot"
            yield Diagnostic(
                each.place,
                f'{each.described} needs a channel of kind "{needed}", and "{channel.name}" '
                f'(line {each.channel.line}) is of kind "{channel.kind}"',
                f'bind a channel of kind "{needed}", or change the parameter\'s type',
                "bind-channel-kind",
            )


def input_unused(draft: Draft) -> Iterator[Diagnostic]:
    """An input that no task reads costs memory for nothing, and was surely meant for one."""
    used = {
        (each.input.item.name, each.sandbox.item.name) for each in parameters(draft) if each.input
    }
    settled = settled_sandboxes(draft)
    for sandbox in draft.sandboxes:
        name = sandbox.item.name
        for each in inputs(sandbox):
            if name in settled and (each.item.name, name) not in used:
                yield Diagnostic(
                    each.value("name"),
                    f'no task of "{name}" has a parameter for input "{each.item.name}"',
                    "give one of its tasks an Input for it, or remove the input",
                    "input-unused",
                )


RULES = (
    bind_parameter_unknown,
    bind_missing,
    bind_integer_missing,
    bind_integer_expected,
    bind_integer_range,
    bind_float_missing,
    bind_float_expected,
    bind_float_range,
    bind_state,
    bind_name_expected,
    bind_name_unknown,
    bind_kind_wrong,
    bind_input_foreign,
    bind_channel_foreign,
    bind_channel_direction,
    bind_channel_kind,
    bind_device_foreign,
    bind_device_taken,
    input_unused,
)
