"""What a case of the battery is: an attack on something, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from questv.arch.x86.svm import ExitCode
from questv.metal.definitions import MetalFunction
from questv.monitor.interface import CrashReason, SandboxState
from questv.plan.build import BuiltSystem


@dataclass(frozen=True)
class Case:
    """An attack, and what must come of it.

    With a ``reason`` the attacker is stopped for it, and its crash record has ``address`` and
    ``code`` where they are given; a ``vector`` is that of the exception for which its own kernel
    gives up. Without a reason the attack harms nobody, and the attacker comes back from it, or it
    is ``endless`` and the attacker is cut off when the run ends. ``finishes`` is for the attacker
    that ends itself.

    ``unguarded`` names what the attacker was given beforehand, to see that something else holds it.
    """

    name: str
    attack: MetalFunction
    target: int = 0
    value: int = 0
    reason: CrashReason = CrashReason.NONE
    address: int | None = None
    code: int | None = None
    vector: int | None = None
    endless: bool = False
    ends: SandboxState | None = None
    unguarded: str = ""
    rare: bool = False
    """Run only with all that takes long: much the same as others."""

    @property
    def comes_back(self) -> bool:
        """Whether the attacker goes on afterwards."""
        return self.reason == CrashReason.NONE and not self.endless and self.ends is None

    @property
    def states(self) -> set[SandboxState]:
        """How the attacker may end."""
        if self.reason != CrashReason.NONE:
            return {SandboxState.CRASHED}
        if self.ends is not None:
            return {self.ends}
        if self.endless:
            return {SandboxState.CUT_OFF}
        # Some that come back are no longer fit to hear that the run is over.
        return {SandboxState.FINISHED, SandboxState.CUT_OFF}

    def at(self, target: int, value: int = 0, *, unguarded: str = "") -> Case:
        """The same attack on a target."""
        return replace(self, target=target, value=value, unguarded=unguarded)

    def panics(self, vector: int) -> Case:
        """The same, but the attacker's own kernel gives up for an exception."""
        return replace(self, reason=CrashReason.KERNEL_PANIC, vector=vector)

    def stopped(
        self, reason: CrashReason, address: int | None = None, code: ExitCode | None = None
    ) -> Case:
        """The same, but the monitor stops the attacker."""
        return replace(self, reason=reason, address=address, code=code)

    def forbidden(self, code: ExitCode) -> Case:
        """The same, but it is stopped for an instruction."""
        return self.stopped(CrashReason.FORBIDDEN_INSTRUCTION, code=code)


def doorbell(built: BuiltSystem) -> int:
    """The command by which the attacker may wake the sink."""
    end = next(end for end in built.plan.sandbox("attacker").ends if end.channel == "claims")
    return end.peer_core << 32 | end.peer_vector
