"""The page of attacks says what the battery runs, and the battery runs every attack there is."""

from __future__ import annotations

from questv.attacks import catalogue

from .cases import cases
from .harness import system
from .table import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.attacks.table"


def test_every_attack_is_tried() -> None:
    tried = {case.attack for made in cases(system()).values() for case in made}
    assert tried | {catalogue.do_nothing} == set(catalogue.ATTACKS)
