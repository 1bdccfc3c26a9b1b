"""A monitor's own memory, as the linker places it; only its own page tables show it."""

from __future__ import annotations

from questv.arch.x86.machine import MAX_CORES
from questv.metal.lang import Array, external
from questv.monitor.interface import PublicPage, Pulse
from questv.monitor.plan import MonitorPlan

plan: MonitorPlan = external("monitor_plan")
"""Read-only."""

public: PublicPage = external("monitor_public")
"""This monitor's page."""

pulse: Pulse = external("monitor_pulse")
"""Of the own kernel, if it has one; read-only."""

peers: Array[PublicPage, MAX_CORES] = external("monitor_peers")
"""Every monitor's page, by core; read-only."""
