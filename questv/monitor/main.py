"""Where a monitor starts, and all it ever does."""

from __future__ import annotations

from typing import NoReturn

from questv.metal.lang import RELEASE, metal
from questv.monitor import apic, clock, entry, exits, suspicion, svm, takeover
from questv.monitor.interface import SandboxState
from questv.monitor.memory import public


@metal(export="monitor_main")
def main() -> NoReturn:
    """On its own stack and page tables, interrupts off: set the core up and run the kernel."""
    entry.install_tables()
    apic.start()
    svm.start()
    public.entered = clock.now()
    run()


@metal(export="monitor_run")
def run() -> NoReturn:
    """Run the kernel that is set up, from its beginning."""
    suspicion.begin()
    public.state.store(SandboxState.ENTERED, RELEASE)
    takeover.announce()
    svm.enter()
    svm.keep_translations()
    while True:
        exits.handle()
        svm.enter()
