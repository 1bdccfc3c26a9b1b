"""What all tests of servers use: their code, compiled once, in debug and release builds."""

from __future__ import annotations

import pytest

from questv.kernel import io_servers, queue, servers
from questv.metal.jit import Jit


@pytest.fixture(scope="session", params=[True, False], ids=["debug", "release"])
def jit(request: pytest.FixtureRequest) -> Jit:
    """Servers and events."""
    return Jit(servers, io_servers, queue, checks=request.param)
