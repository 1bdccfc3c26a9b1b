"""The machine's command line: words such as ``for=5000000000``."""

from __future__ import annotations

from questv.arch.x86.pvh import StartInfo
from questv.boot.serial import say, stop
from questv.metal.lang import Ptr, metal, text_bytes, u8, u64


@metal
def number(start: StartInfo, name: str) -> u64:
    """The number after ``name`` on the command line, or 0 if the word is not there."""
    if start.command_line == 0:
        return 0
    line = Ptr[u8](start.command_line)
    at: u64 = 0
    while line[at] != 0:
        if _matches(line, at, name):
            return _decimal(line, at + len(name), name)
        at = _next_word(line, at)
    return 0


@metal
def _matches(line: Ptr[u8], at: u64, name: str) -> bool:
    for i in range(len(name)):
        if line[at + i] != text_bytes(name)[i]:  # also stops at the line's end
            return False
    return True


@metal
def _next_word(line: Ptr[u8], at: u64) -> u64:
    position = at
    while line[position] != 0 and line[position] != ord(" "):
        position += 1
    while line[position] == ord(" "):
        position += 1
    return position


@metal
def _decimal(line: Ptr[u8], at: u64, name: str) -> u64:
    value: u64 = 0
    position = at
    while line[position] != 0 and line[position] != ord(" "):
        digit = u64(line[position]) - ord("0")
        if digit > 9 or value > (u64.MAX - digit) // 10:
            say(f"'{name}' on the command line needs a whole number; correct the command line")
            stop()
        value = value * 10 + digit
        position += 1
    return value
