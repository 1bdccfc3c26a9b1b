from __future__ import annotations

import re
from pathlib import Path

from tests.metal.loading import HEADER, Workshop
from tests.metal.machine_code import functions

MSRS = """
from questv.arch.x86.instructions import read_msr, write_msr

@metal
def read(number: u64) -> u64:
    return read_msr(u32.wrap(number))

@metal
def write(value: u64, second: u64, third: u64, number: u64) -> None:
    write_msr(u32.wrap(number), value)
"""


def test_the_number_of_an_msr_has_nothing_above_it(tmp_path: Path) -> None:
    """QEMU looks an MSR's permission up by all of rcx; a 32-bit instruction clears the rest."""
    workshop = Workshop(tmp_path)
    module = workshop.load(MSRS, header=HEADER)
    for code in functions(module, checks=False, level=2).values():
        [last] = [each for each in code if re.match(r"[re]cx\b", each.operands)][-1:]
        assert str(last).startswith("mov ecx,")
    workshop.close()
