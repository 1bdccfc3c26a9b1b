"""Prints the program of a seed: ``python -m tests.metal.generate SEED``."""

from __future__ import annotations

import sys
from random import Random

from .maker import make_program

ENTRIES = 12
"""Functions to call in the programs of the tests."""

if __name__ == "__main__":
    print(make_program(Random(int(sys.argv[1])), ENTRIES).text())
