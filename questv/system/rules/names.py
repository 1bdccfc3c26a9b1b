"""Rules on names: each name means one thing."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, mutexes, repeated, tasks
from questv.system.findings import names_taken
from questv.system.model import UartDevice

_FIX = "give one of the two another name"


def sandbox_missing(draft: Draft) -> Iterator[Diagnostic]:
    """A system without a sandbox does nothing."""
    if not draft.sandboxes:
        yield Diagnostic(
            draft.root.key(),
            "there is no sandbox",
            "add a [[sandbox]] with a name, memory and a [[sandbox.task]]",
            "sandbox-missing",
        )


def sandbox_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Channels, devices, the run and all reports refer to a sandbox by its name alone."""
    yield from names_taken(draft.sandboxes, "sandbox", "sandbox-name-taken")


def task_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Traces and crash records refer to a task by its sandbox's name and its own."""
    for sandbox in draft.sandboxes:
        yield from names_taken(tasks(sandbox), "task", "task-name-taken", sandbox)


def channel_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Parameters of tasks are bound to a channel by its name alone."""
    yield from names_taken(draft.channels, "channel", "channel-name-taken")


def input_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """The file for an input is given by the input's name alone, whichever sandbox it is for."""
    yield from names_taken(draft.inputs, "input", "input-name-taken")


def input_named_as_channel(draft: Draft) -> Iterator[Diagnostic]:
    """A parameter is bound to a channel or an input by name, so the name must tell which."""
    channels = {channel.item.name: channel for channel in draft.channels}
    for each in draft.inputs:
        channel = channels.get(each.item.name)
        if channel is not None:
            yield Diagnostic(
                each.value("name"),
                f'the channel at line {channel.line} is called "{each.item.name}" too',
                _FIX,
                "input-named-as-channel",
            )


def device_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Parameters are bound, and streams connected, by a device's name alone."""
    for first, again in repeated(draft.devices, lambda device: device.item.name):
        if isinstance(first.item, UartDevice) and isinstance(again.item, UartDevice):
            continue  # one device named twice, which is a finding of device_taken
        yield Diagnostic(
            again.value("name"),
            f'the device at line {first.line} is called "{again.item.name}" too',
            _FIX,
            "device-name-taken",
        )


def name_of_device(draft: Draft) -> Iterator[Diagnostic]:
    """A parameter is bound to a device by its name, too."""
    devices = {device.item.name: device for device in draft.devices}
    named = [(each.item.name, each.value("name")) for each in draft.channels]
    named += [(each.item.name, each.value("name")) for each in draft.inputs]
    for name, place in named:
        if name in devices:
            yield Diagnostic(
                place,
                f'the device at line {devices[name].line} is called "{name}" too',
                "give it another name",
                "name-of-device",
            )


def name_of_mutex(draft: Draft) -> Iterator[Diagnostic]:
    """A parameter is bound to a mutex by its name, too."""
    named = {each.item.name: ("channel", each.line) for each in draft.channels}
    named |= {each.item.name: ("input", each.line) for each in draft.inputs}
    named |= {each.item.name: ("device", each.line) for each in draft.devices}
    for sandbox in draft.sandboxes:
        for mutex in mutexes(sandbox):
            if mutex.item.name in named:
                what, line = named[mutex.item.name]
                yield Diagnostic(
                    mutex.value("name"),
                    f'the {what} at line {line} is called "{mutex.item.name}" too',
                    "give the mutex another name",
                    "name-of-mutex",
                )


RULES = (
    sandbox_missing,
    sandbox_name_taken,
    task_name_taken,
    channel_name_taken,
    input_name_taken,
    input_named_as_channel,
    device_name_taken,
    name_of_device,
    name_of_mutex,
)
