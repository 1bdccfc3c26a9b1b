"""The port's kernel, in the place of the plant's: what flies is at the other end of a wire."""

from __future__ import annotations

from messages import NO_MORE, Command, Frame

from questv.api import FOREVER, Reader, Sender, Stream, copy_out, log, now, task
from questv.metal.lang import Ptr, local, metal, ptr, u8, u64
from questv.metal.structs import sizeof

PATIENCE = 30_000_000_000  # nanoseconds without a byte until the other end is given up


@task
def exchange(com1: Stream, frames: Sender, command: Reader) -> None:
    """Pass on each frame that comes, and send the command that answers it.

    So the other end can wait for the answer before it goes on: however slow this machine or that
    one is, the flight is the same.
    """
    frame: Frame = local()
    answer: Command = local()
    while _receive(com1, frame) and frame.number != NO_MORE:
        frames.send(Ptr[u8](ptr(frame)), sizeof(Frame), FOREVER)
        _await_answer(command, answer, frame)
        com1.send(Ptr[u8](ptr(answer)), sizeof(Command))
    frames.send(Ptr[u8](ptr(frame)), 0, FOREVER)  # of nothing: the end


@metal
def _receive(port: Stream, frame: Frame) -> bool:
    """Wait for a whole frame; false if nothing comes."""
    have = u64(0)
    while have < sizeof(Frame):
        place = Ptr[u8](ptr(frame))
        count = port.receive(ptr(place[have]), sizeof(Frame) - have, now() + PATIENCE)
        if count == 0:
            log("the wire is silent")
            return False
        have += count
    return True


@metal
def _await_answer(command: Reader, answer: Command, frame: Frame) -> None:
    while True:
        command.await_news(FOREVER)
        copy_out(Ptr[u8](ptr(answer)), command.newest(sizeof(Command)), sizeof(Command))
        if answer.number == frame.number:
            return
