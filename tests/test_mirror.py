"""What processes share with kernels has one text."""

from __future__ import annotations

import pytest

from questv.process.mirror import MIRRORED, PACKAGE, mirrored


@pytest.mark.parametrize("name", MIRRORED)
def test_the_modules_are_current(name: str) -> None:
    assert (PACKAGE / f"{name}.py").read_text() == mirrored(name), (
        "run: python -m questv.process.mirror"
    )
