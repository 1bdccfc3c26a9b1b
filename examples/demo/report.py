"""The report kernel: gathers both results and prints them."""

from __future__ import annotations

from messages import TOP, Counts, Digest, Ticks, TopWord

from questv.api import FOREVER, Reader, Receiver, copy_out, log, log_bytes, log_end, log_part, task
from questv.metal.lang import Ptr, local, metal, ptr, static, u8, u64
from questv.metal.structs import sizeof

digest: Digest = static()
counts: Counts = static()


@task
def gather(digest_result: Receiver, words_result: Receiver) -> None:
    """Wait for both results, and print them."""
    digest_result.read(Ptr[u8](ptr(digest)), sizeof(Digest), FOREVER)
    log_part("sha256 ")
    for i in range(u64(32)):
        log_part(f"{digest.value[i]:02x}")
    log_end()
    words_result.read(Ptr[u8](ptr(counts)), sizeof(Counts), FOREVER)
    _write_count(counts.bytes, "byte")
    log_part(", ")
    _write_count(counts.lines, "line")
    log_part(", ")
    _write_count(counts.words, "word")
    log_part(f", {counts.distinct} different, {counts.uncounted} uncounted")
    log_end()
    for rank in range(u64(TOP)):
        if counts.top[rank].count != 0:
            _print_top(counts.top[rank])


@metal
def _write_count(number: u64, thing: str) -> None:
    log_part(f"{number} {thing}")
    if number != 1:
        log_part("s")


@metal
def _print_top(word: TopWord) -> None:
    for i in range(u64(word.shown)):
        if word.text[i] < 32 or word.text[i] > 126:
            word.text[i] = ord("?")
    _write_count(word.count, "time")
    log_part(" ")
    log_bytes(ptr(word.text[0]), u64(word.shown))
    log_end()


@task
def watch(ticks: Reader) -> None:
    """Keep an eye on the control task until its last tick, and say how late it was."""
    seen: Ticks = local()
    while seen.last == 0:
        ticks.await_news(FOREVER)
        copy_out(Ptr[u8](ptr(seen)), ticks.newest(sizeof(Ticks)), sizeof(Ticks))
    log(
        f"control: {seen.count} ticks, late by {seen.least} to {seen.most} ns, "
        f"{seen.total // seen.count} on average"
    )
