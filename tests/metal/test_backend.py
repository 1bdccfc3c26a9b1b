"""LLVM in its own process: many units at once, and a process that dies is only an error."""

from __future__ import annotations

import io
import os
import signal
import threading

import pytest

from questv.diagnostics import DiagnosticsError
from questv.metal import backend, worker
from questv.metal.backend import BackendError, compile_units
from questv.metal.jit import Jit

from .loading import HEADER, Workshop


def unit(number: int) -> str:
    return (
        'target triple = "x86_64-unknown-none-elf"\n'
        f"define i32 @f{number}(i32 %a) {{\n  %b = add i32 %a, {number}\n  ret i32 %b\n}}\n"
    )


BROKEN = {
    "no IR": "this is no IR",
    "a broken rule of LLVM": (
        "define i32 @f() {\n  %a = add i32 %b, 1\n  %b = add i32 1, 1\n  ret i32 %a\n}\n"
    ),
    "a wrong mnemonic": (
        "define void @f() {\n"
        '  call void asm sideeffect inteldialect "frobnicate eax", ""()\n  ret void\n}\n'
    ),
    "wrong module assembly": 'module asm "frobnicate"\n',
    "an impossible constraint": (
        'define void @f() {\n  call void asm sideeffect "", "{nowhere}"(i32 1)\n  ret void\n}\n'
    ),
}


def compiled(units: dict[str, str], level: int = 2) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    lock = threading.Lock()

    def done(name: str, contents: bytes) -> None:
        with lock:
            found[name] = contents

    compile_units(units, level, done)
    return found


def test_many_units() -> None:
    found = compiled({f"u{number}": unit(number) for number in range(9)})
    assert set(found) == {f"u{number}" for number in range(9)}
    assert all(contents[:4] == b"\x7fELF" for contents in found.values())
    assert len(set(found.values())) == 9


def test_no_units() -> None:
    assert compiled({}) == {}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_unit(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are compiled all the same, by another process if need be."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    done: dict[str, bytes] = {}
    first = BROKEN[what] + f"\n; {'the longest comes first ' * 20}\n"
    units = {"bad": first, **{f"u{number}": unit(number) for number in range(5)}}
    with pytest.raises(BackendError) as caught:
        compile_units(units, 2, done.__setitem__)
    assert caught.value.unit == "bad"
    assert str(caught.value)
    assert set(done) == {f"u{number}" for number in range(5)}


def test_the_first_broken_unit_is_reported() -> None:
    units = {"z": BROKEN["no IR"], "a": BROKEN["a wrong mnemonic"], "m": unit(1)}
    with pytest.raises(BackendError) as caught:
        compiled(units)
    assert caught.value.unit == "a"


def test_a_worker_that_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = backend._Worker

    class Doomed(made):  # type: ignore[misc, valid-type]
        def compile(self, ir: str, level: int) -> bytes:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            return super().compile(ir, level)  # type: ignore[no-any-return]

    monkeypatch.setattr(backend, "_Worker", Doomed)
    with pytest.raises(BackendError) as caught:
        compiled({"u": unit(1)})
    assert str(caught.value) == "its process ended without a word, status -9"


def test_the_worker_answers_in_turn() -> None:
    requests = b"".join(
        worker.REQUEST.pack(2, len(text)) + text
        for text in (unit(1).encode(), b"nonsense", unit(2).encode())
    )
    replies = io.BytesIO()
    worker.serve(io.BytesIO(requests), replies)
    replies.seek(0)
    found = []
    while header := replies.read(worker.REPLY.size):
        done, length = worker.REPLY.unpack(header)
        found.append((done, replies.read(length)))
    assert [done for done, _ in found] == [1, 0, 1]
    assert b"error" in found[1][1]


BAD_ASSEMBLY = {
    "inline": '@metal\ndef f() -> None:\n    asm("frobnicate eax, ebx", None, "")\n',
    "a function": '@assembly("frobnicate eax\\nret")\ndef f() -> None: ...\n',
    "the module's": 'module_assembly("frobnicate")\n@metal\ndef f() -> None:\n    pass\n',
    "an operand": '@metal\ndef f(a: u8) -> None:\n    asm("mov rax, $0", None, "q", a)\n',
    "a symbol twice": (
        'module_assembly("twice:")\nmodule_assembly("twice:")\n@metal\ndef f() -> None:\n    pass\n'
    ),
}


@pytest.mark.parametrize("what", BAD_ASSEMBLY)
def test_bad_assembly_is_a_diagnostic(workshop: Workshop, what: str) -> None:
    module = workshop.load(BAD_ASSEMBLY[what])
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module)
    (found,) = caught.value.diagnostics
    assert found.rule == "bad-assembly"
    assert found.place.file.name == f"{module.__name__}.py"
    if "frobnicate" in BAD_ASSEMBLY[what]:
        lines = (HEADER + BAD_ASSEMBLY[what]).splitlines()
        assert "frobnicate" in lines[found.place.line - 1]


def test_good_modules_are_kept_when_one_is_bad(workshop: Workshop) -> None:
    good = workshop.load("@metal\ndef f() -> u32:\n    return 3\n")
    bad = workshop.load(BAD_ASSEMBLY["inline"])
    with pytest.raises(DiagnosticsError):
        Jit(good, bad)
    assert Jit(good)[good.f]() == 3
