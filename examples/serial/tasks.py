"""A line that comes over the serial port is answered with what another kernel has counted."""

from __future__ import annotations

from questv.api import FOREVER, NOTHING, Receiver, Sender, Stream, log, now, task
from questv.metal.lang import Array, Ptr, local, metal, ptr, text_bytes, u8, u64
from questv.metal.structs import Struct
from questv.text import Digits, first_digit, unsigned_digits

LONGEST = 128
PATIENCE = 300_000_000_000
NEW_LINE = ord("\n")
RETURN = ord("\r")


class Line(Struct):
    """What has come of a line so far."""

    length: u64
    text: Array[u8, LONGEST]


@task
def answer(com1: Stream, lines: Sender, totals: Receiver) -> None:
    """Answer each line, until one is empty or nobody says anything."""
    line: Line = local()
    total: u64 = 0
    say(com1, "Say something; an empty line ends it.\r\n")
    while True:
        read_line(com1, line)
        if line.length == 0:
            break
        lines.send(ptr(line.text[0]), line.length, FOREVER)
        totals.read(Ptr[u8](ptr(total)), 8, FOREVER)
        say_number(com1, total)
        say(com1, " letters so far\r\n")
    lines.send(ptr(line.text[0]), 0, FOREVER)
    say(com1, "Good bye.\r\n")


@task
def count(lines: Receiver, totals: Sender) -> None:
    """Count letters, until an empty line comes."""
    line: Line = local()
    total: u64 = 0
    while True:
        length = lines.read(ptr(line.text[0]), LONGEST, FOREVER)
        if length == 0 or length == NOTHING:
            break
        for i in range(min(length, LONGEST)):
            letter = line.text[i] | 0x20
            if letter >= ord("a") and letter <= ord("z"):
                total += 1
        totals.send(Ptr[u8](ptr(total)), 8, FOREVER)
    log(f"{total} letters in all")


@metal
def read_line(port: Stream, line: Line) -> None:
    """Wait for a whole line, which is empty if nothing comes; what is too long is cut."""
    byte: u8 = 0
    line.length = 0
    while byte != NEW_LINE:
        if port.receive(ptr(byte), 1, now() + PATIENCE) == 0:
            line.length = 0
            break
        if byte != NEW_LINE and byte != RETURN and line.length < LONGEST:
            line.text[line.length] = byte
            line.length += 1


@metal
def say(port: Stream, text: str) -> None:
    """Send a text."""
    port.send(text_bytes(text), len(text))


@metal
def say_number(port: Stream, value: u64) -> None:
    """Send a number."""
    digits: Digits = local()
    unsigned_digits(digits, value, 10, 0, False)
    port.send(first_digit(digits), digits.length)
