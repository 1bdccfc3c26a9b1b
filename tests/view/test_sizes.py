from __future__ import annotations

from questv.inspect.sizes import build_report
from questv.view.sizes import build_view
from tests.inspect.machines import HELLO, built

from .rendering import plain


def test_sizes() -> None:
    report = build_report(built(HELLO)).model_copy(
        update={"seconds": {"check": 0.011, "link": 1.5}, "compiled": ("tasks",)}
    )
    shown = plain(build_view(report))
    assert f" {report.monitor.lines:,}   1,800  ok\n" in shown
    assert f" {report.monitor.code:,}  12,288  ok\n" in shown
    for program in report.programs:
        assert f"{program.text:,}" in shown
    assert "\nbuilt in 1.51 s: check 0.01, link 1.50\ncompiled anew: 1 module\n" in shown
    assert shown.endswith(f"\nSHA-256: {report.image_hash}\n")


def test_a_monitor_that_has_grown_too_big() -> None:
    report = build_report(built(HELLO))
    monitor = report.monitor.model_copy(update={"lines": 1801, "code": 12288})
    shown = plain(build_view(report.model_copy(update={"monitor": monitor, "compiled": ()})))
    assert "1,801   1,800  TOO BIG\n" in shown
    assert "12,288  12,288  ok\n" in shown
    assert "compiled anew: nothing\n" in shown
