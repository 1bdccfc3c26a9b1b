"""What a person connects to serial ports."""

from __future__ import annotations

import os
import pty
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from questv.inspect.report import RunReport

from .typed import EXAMPLES, SCRIPT, Process, Questv

SERIAL = EXAMPLES / "serial"
SAID = b"hello\nworld wide\n\n"
ANSWERED = (
    b"Say something; an empty line ends it.\r\n"
    b"5 letters so far\r\n14 letters so far\r\nGood bye.\r\n"
)


def test_files(questv: Questv, tmp_path: Path) -> None:
    source, sink, report = tmp_path / "in", tmp_path / "out", tmp_path / "run.json"
    source.write_bytes(SAID)
    said = questv("run", SERIAL, "--stream", f"com1={source}:{sink}", "--report", report)
    assert (said.code, said.err) == (0, "")
    assert sink.read_bytes() == ANSWERED
    [stream] = RunReport.model_validate_json(report.read_text()).streams
    assert (stream.name, stream.sandbox, stream.task) == ("com1", "listener", "answer")
    assert (stream.received, stream.sent, stream.overruns) == (len(SAID), len(ANSWERED), 0)
    assert stream.interrupts > 0
    assert "\nStreams (" in said.out and "com1  listener  answer        18    87" in said.out


def test_one_way_alone(questv: Questv, tmp_path: Path) -> None:
    source, sink = tmp_path / "in", tmp_path / "out"
    source.write_bytes(SAID)
    said = questv("run", SERIAL, "--stream", f"com1={source}:")
    assert said.code == 0 and "14 letters in all" in said.out
    said = questv("run", SERIAL, "--stream", f"com1=:{sink}", "--for", "1s")
    assert sink.read_bytes() == ANSWERED.partition(b"5")[0]
    said = questv("run", SERIAL, "--for", "1s")
    told = "\ncom1 of listener is connected to nothing; --stream com1=- connects this terminal\n"
    assert told in said.out
    assert "cut off" in said.out and "waiting for com1" in said.out


def test_this_terminal() -> None:
    command = [SCRIPT, "run", SERIAL, "--stream", "com1=-"]
    done = subprocess.run(command, input=SAID, capture_output=True, timeout=30)
    assert done.returncode == 0
    assert done.stdout == ANSWERED
    assert b"ended as planned" in done.stderr


def test_another_terminal(questv: Questv) -> None:
    ours, theirs = pty.openpty()
    try:
        path = os.ttyname(theirs)
        os.write(ours, SAID)
        assert questv("run", SERIAL, "--stream", f"com1={path}").code == 0
        assert b"Good bye." in os.read(ours, 1 << 16)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_socket(questv: Questv, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        came = bytearray()

        def talk() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(SAID)
                while data := peer.recv(1 << 16):
                    came.extend(data)

        talker = threading.Thread(target=talk)
        talker.start()
        assert questv("run", SERIAL, "--stream", f"com1={path}").code == 0
        talker.join()
        assert bytes(came) == ANSWERED


def test_pipes(questv: Questv, tmp_path: Path) -> None:
    """Nobody need be at the other end yet when the run begins."""
    source, sink = tmp_path / "in", tmp_path / "out"
    os.mkfifo(source)
    os.mkfifo(sink)
    keep = os.open(sink, os.O_RDWR)  # a pipe's bytes are gone with its last end

    def talk() -> None:
        with source.open("wb") as pipe:
            pipe.write(SAID)

    talker = threading.Thread(target=talk)
    talker.start()
    assert questv("run", SERIAL, "--stream", f"com1={source}:{sink}").code == 0
    talker.join()
    assert os.read(keep, 1 << 16) == ANSWERED
    os.close(keep)


def test_a_run_that_waits_for_input_ends_on_request(tmp_path: Path) -> None:
    """Conftest looks that nothing is left of it."""
    source = tmp_path / "in"
    os.mkfifo(source)
    with Process("run", SERIAL, "--stream", f"com1={source}:") as process:
        process.await_line("interrupts:")
        process.send(15)
        assert process.said().code == 143


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        (["com3=-"], "serial has no stream 'com3'", 'did you mean "com1"?'),
        (["com1"], "'com1' connects no stream to anything", "write NAME=FROM:TO"),
        (["com1="], "'com1=' connects no stream to anything", "write NAME=FROM:TO"),
        (["com1=:"], "'com1=:' connects no stream to anything", "write NAME=FROM:TO"),
        (["com1=-", "com1=-"], "stream 'com1' is connected twice", "connect it once"),
        (["com1=nowhere:"], "stream 'com1' can't use nowhere: no such file", "name another file"),
        (["com1=:no/where"], "stream 'com1' can't use no/where: no such", "name another file"),
        (["com1=file"], "stream 'com1' can't be file both ways", "write com1=file: to send it"),
        (["com1=dead"], "stream 'com1' can't connect to dead: connection refused", "start what"),
    ],
)
def test_what_can_not_be_connected(
    words: list[str],
    message: str,
    fix: str,
    questv: Questv,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind("dead")
    said = questv("run", SERIAL, *(each for word in words for each in ("--stream", word)))
    assert said.code == 2
    assert said.err.startswith(f"error: {message}")
    assert f"\n  fix: {fix}" in said.err


@pytest.mark.parametrize("command", ["run", "debug"])
def test_nothing_is_written_over_what_a_system_is_made_from(
    questv: Questv, tmp_path: Path, command: str
) -> None:
    system = shutil.copytree(SERIAL, tmp_path / "serial")
    source = system / "tasks.py"
    before = source.read_bytes()
    said = questv(command, "--stream", f"com1=:{source}", system)
    assert said.code == 2
    assert said.err.startswith(f"error: can't write {source}: {system} is made from it\n")
    assert source.read_bytes() == before


def test_live_streams_and_deterministic_runs_do_not_go_together(questv: Questv) -> None:
    said = questv("run", SERIAL, "--stream", "com1=-", "--deterministic")
    assert said.code == 2
    assert said.err.startswith("error: a deterministic run can't have a live stream")


def test_the_terminal_serves_one_purpose(questv: Questv) -> None:
    said = questv("run", SERIAL, "--stream", "com1=-", "--json")
    assert said.code == 2
    assert "stream 'com1' can't have this terminal" in " ".join(
        said.json["errors"][0]["message"].split()
    )


# ---- virtio consoles -------------------------------------------------------------------------


@pytest.fixture
def virtio(tmp_path: Path) -> Path:
    """The example, with a virtio console in the place of its serial port."""
    folder = tmp_path / "virtio"
    shutil.copytree(SERIAL, folder)
    file = folder / "system.toml"
    text = file.read_text()
    console = 'name = "console0"\nkind = "virtio-console"\nslot = 8\ndma = "trusted"'
    text = text.replace('name = "com1"\nkind = "uart"', console)
    bound = 'run = "tasks:answer"\n  bind = { com1 = "console0" }'
    file.write_text(text.replace('run = "tasks:answer"', bound))
    return folder


def test_a_virtio_console_is_connected_likewise(
    questv: Questv, tmp_path: Path, virtio: Path
) -> None:
    source, sink = tmp_path / "in", tmp_path / "out"
    source.write_bytes(SAID)
    said = questv("run", virtio, "--stream", f"console0={source}:{sink}")
    assert (said.code, said.err) == (0, "")
    assert sink.read_bytes() == ANSWERED
    assert "console0  listener  answer        18    87" in said.out


TRUSTED = "listener is trusted with all memory: no IOMMU limits the DMA of console0\n"


def test_what_dma_reaches_is_told(questv: Questv, virtio: Path) -> None:
    said = questv("check", virtio)
    assert TRUSTED in said.out
    assert "listener  device console0 (virtio-console, virtio slot 8)" in said.out
    assert TRUSTED in questv("run", virtio, "--for", "100ms").out
    assert "trusted" not in questv("check", SERIAL).out


def test_a_machine_without_virtio_slots_is_refused(questv: Questv, virtio: Path) -> None:
    said = questv("run", virtio, "--machine", "q35")
    assert said.code == 2
    assert said.err == (
        "error: the machine q35 has no virtio-mmio slots, and device 'console0' of listener is in "
        "one\n  fix: run it on --machine microvm\n"
    )


def test_the_audit_tells_whom_it_does_not_hold(questv: Questv, virtio: Path) -> None:
    said = questv("audit", virtio)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-2:] == [
        "proven: all of this is as declared, and nothing else is allowed",
        "not held by this: listener, trusted with the DMA of a device, which reaches all memory",
    ]
    assert "registers of virtio devices" in said.out
