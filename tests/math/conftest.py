"""The functions, compiled once for all tests, and the libraries that they are held against."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator

import pytest

from tests.metal.loading import Workshop

from .catalogue import FUNCTIONS
from .compiled import Compiled
from .long_double import LongDouble


@pytest.fixture(scope="session")
def makers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path_factory.mktemp("math"))
    yield workshop
    workshop.close()


@pytest.fixture(scope="session")
def double(makers: Workshop) -> Compiled:
    return Compiled(makers)


@pytest.fixture(scope="session")
def single(makers: Workshop) -> Compiled:
    return Compiled(makers, "f32")


@pytest.fixture(scope="session")
def host() -> ctypes.CDLL:
    """The host's library, which does not raise where Python's math does."""
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    for function in FUNCTIONS:
        if function.name not in ("minimum", "maximum"):
            call = getattr(library, {"round": "rint"}.get(function.name, function.name))
            call.restype, call.argtypes = ctypes.c_double, [ctypes.c_double] * function.arity
    library.rint.restype, library.rint.argtypes = ctypes.c_double, [ctypes.c_double]
    return library


@pytest.fixture(scope="session")
def long_double() -> LongDouble:
    return LongDouble({f.name: f.arity for f in FUNCTIONS if f.error})
