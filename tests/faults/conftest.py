from __future__ import annotations

from collections.abc import Iterator

import pytest

from questv.faults.laboratory import Laboratory

from .systems import bench


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(bench()) as made:
        yield made
