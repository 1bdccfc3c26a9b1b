"""Servers of I/O keep to their share of the core, whomever they work for."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from questv.kernel import io_servers
from questv.kernel.io_servers import ONE, IoServer
from questv.metal.jit import Jit
from tests.kernel.models.io import Io

UTILIZATIONS = st.one_of(
    st.integers(2, ONE), st.integers(0, 31).map(lambda n: ONE >> n), st.integers(2**22, ONE)
)
QUICK = settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@QUICK
@given(utilization=UTILIZATIONS, used=st.integers(0, 2**61), start=st.integers(0, 2**60))
def test_what_is_used_is_balanced_by_waiting(
    jit: Jit, utilization: int, used: int, start: int
) -> None:
    """Never by less than its share says, and by more than a tick only where 2**32 are used."""
    used = min(used, 2**60 * utilization // ONE)
    server = IoServer()
    jit[io_servers.start](server, utilization, start)
    jit[io_servers.charge](server, used)
    jit[io_servers.end](server)
    exact = used / Fraction(utilization, ONE)
    assert exact <= server.time - start < exact + 1 + Fraction(used, ONE)


@QUICK
@given(
    utilization=UTILIZATIONS.filter(lambda utilization: utilization > 2**12),
    goes=st.lists(
        st.tuples(*[st.integers(0, 2**20)] * 2, st.lists(st.integers(0, 2**16), max_size=4)),
        max_size=12,
    ),
)
def test_goes_follow_each_other_as_the_share_allows(
    jit: Jit, utilization: int, goes: list[tuple[int, int, list[int]]]
) -> None:
    server, model = IoServer(), Io(Fraction(utilization, ONE), 5)
    jit[io_servers.start](server, utilization, 5)
    now = 5
    for number, (passed, cmax, runs) in enumerate(goes, 1):
        now += passed
        for where in server, model:
            before = where.time
            if where is server:
                jit[io_servers.begin](server, cmax, now)
            else:
                model.begin(cmax, now)
            assert where.time == max(before, now)
        for used in runs:
            for at in (now, server.time - 1, server.time):
                left = jit[io_servers.available](server, at)
                expected = model.available(at)
                assert left == expected or model.time <= at < server.time
            jit[io_servers.charge](server, used)
            model.charge(used)
            now += used
        jit[io_servers.end](server)
        model.end()
        assert model.time <= server.time < model.time + 2 * number
        assert jit[io_servers.next_time](server) == server.time


@pytest.mark.parametrize("share", [1, 2, 20])
def test_a_go_ends_with_cmax(jit: Jit, share: int) -> None:
    server = IoServer()
    jit[io_servers.start](server, ONE // share, 100)
    jit[io_servers.begin](server, 50, 200)
    assert [jit[io_servers.available](server, now) for now in (199, 200, 300)] == [0, 50, 50]
    jit[io_servers.charge](server, 30)
    assert jit[io_servers.available](server, 230) == 20
    jit[io_servers.charge](server, 21)
    assert jit[io_servers.available](server, 251) == 0
    jit[io_servers.end](server)
    jit[io_servers.begin](server, 50, 251)
    assert 200 + 51 * share <= server.time <= 201 + 51 * share
    assert jit[io_servers.available](server, server.time) == 50
