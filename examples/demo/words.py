"""The words kernel: lines, words, and the most frequent words of all that the reader sends.

Words are what Python's ``bytes.split()`` gives. Each is known by its length and a hash of 64 bits.
There is room for CAPACITY different ones; words that come first after that are only summed up.
"""

from __future__ import annotations

from messages import CHUNK, SHOWN, TOP, Counts

from questv.api import FOREVER, Receiver, Sender, task
from questv.metal.lang import Array, Ptr, copy, metal, ptr, static, u8, u32, u64
from questv.metal.structs import Struct, sizeof

SLOTS = 1 << 16
CAPACITY = SLOTS * 3 // 4
_HASH_START, _HASH_FACTOR = 0xCBF2_9CE4_8422_2325, 0x100_0000_01B3  # FNV-1a


class Entry(Struct):
    """A word that was seen; free while ``count`` is zero."""

    hash: u64
    count: u64
    length: u64
    order: u64  # how many different words came before it
    text: Array[u8, SHOWN]


buffer: Array[u8, CHUNK] = static()
table: Array[Entry, SLOTS] = static()
counts: Counts = static()
word: Entry = static()  # the one that is being read; its length is 0 between words


@task
def count(to_words: Receiver, words_result: Sender) -> None:
    """Count messages up to the empty one, and send the result."""
    while True:
        length = to_words.read(ptr(buffer[0]), sizeof(buffer), FOREVER)
        if length == 0:
            break
        _take(min(length, sizeof(buffer)))
    _end_word()
    for rank in range(u64(TOP)):
        _find_top(rank)
    result = Ptr[Counts](words_result.reserve(sizeof(Counts), FOREVER))[0]
    copy(result, counts)
    words_result.commit()


@metal
def _take(length: u64) -> None:
    counts.bytes += length
    for i in range(length):
        byte = buffer[i]
        if byte == ord(" ") or (byte >= 9 and byte <= 13):  # \t \n \v \f \r
            if byte == ord("\n"):
                counts.lines += 1
            _end_word()
        else:
            _add_to_word(byte)


@metal(inline=True)
def _add_to_word(byte: u8) -> None:
    if word.length == 0:
        word.hash = _HASH_START
    word.hash = (word.hash ^ u64(byte)) * _HASH_FACTOR
    if word.length < SHOWN:
        word.text[word.length] = byte
    word.length += 1


@metal
def _end_word() -> None:
    if word.length == 0:
        return
    counts.words += 1
    slot = word.hash % SLOTS
    while table[slot].count != 0:
        if table[slot].hash == word.hash and table[slot].length == word.length:
            table[slot].count += 1
            word.length = 0
            return
        slot = (slot + 1) % SLOTS
    if counts.distinct < CAPACITY:
        _enter(table[slot])
    else:
        counts.uncounted += 1
    word.length = 0


@metal
def _enter(entry: Entry) -> None:
    entry.hash = word.hash
    entry.length = word.length
    entry.count = 1
    entry.order = counts.distinct
    for i in range(min(word.length, SHOWN)):
        entry.text[i] = word.text[i]
    counts.distinct += 1


@metal
def _find_top(rank: u64) -> None:
    """Take the most frequent word out of the table, of equals the one that came first."""
    best = ptr(table[0])
    for i in range(u64(SLOTS)):
        entry = table[i]
        if entry.count > best[0].count or (
            entry.count == best[0].count and entry.order < best[0].order
        ):
            best = ptr(entry)
    top = counts.top[rank]
    top.count = best[0].count
    top.length = u32(min(best[0].length, u32.MAX))
    top.shown = u32(min(best[0].length, SHOWN)) if top.count != 0 else 0
    for i in range(u64(top.shown)):
        top.text[i] = best[0].text[i]
    best[0].count = 0
