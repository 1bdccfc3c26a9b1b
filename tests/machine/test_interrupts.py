from __future__ import annotations

import signal
import threading

import pytest

from questv.machine.interrupts import uninterrupted


def test_ctrl_c_waits_for_the_end() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            steps.append("first")
            signal.raise_signal(signal.SIGINT)
            steps.append("second")
        steps.append("after")
    assert steps == ["first", "second"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_own_handlers_wait_too(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: calls.append(number))
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert calls == []
        assert calls == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_an_error_goes_through() -> None:
    with pytest.raises(ZeroDivisionError), uninterrupted():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_are_let_through() -> None:
    passed = threading.Event()

    def run() -> None:
        with uninterrupted():
            passed.set()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert passed.is_set()
