"""The reader kernel: streams the file to the two that work on it."""

from __future__ import annotations

from messages import CHUNK

from questv.api import FOREVER, Input, Sender, copy_bytes, log, now, sleep_until, task
from questv.metal.lang import Ptr, metal, ptr, u8, u64


@task
def read(file: Input, to_digest: Sender, to_words: Sender, rounds: u64, pause: u64) -> None:
    """Send the whole file ``rounds`` times, ``pause`` nanoseconds apart, then an empty message."""
    log(f"reading {file.length} bytes")
    next = now()
    for _ in range(rounds):
        at: u64 = 0
        while at < file.length:
            length = min(file.length - at, CHUNK)
            _send(to_digest, ptr(file.bytes[at]), length)
            _send(to_words, ptr(file.bytes[at]), length)
            at += length
        next += pause
        if pause != 0:
            sleep_until(next)
    _send(to_digest, file.bytes, 0)
    _send(to_words, file.bytes, 0)
    log("all sent")


@metal
def _send(to: Sender, bytes: Ptr[u8], length: u64) -> None:
    copy_bytes(to.reserve(length, FOREVER), bytes, length)
    to.commit()
