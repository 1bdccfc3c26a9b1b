from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

from questv.system import document, rules, shape
from questv.system.document import READING_RULES
from questv.system.rules import RULES, rule_name
from questv.system.shape import SHAPE_RULES

LISTED = {rule for topic in RULES.values() for rule in topic}
TOPICS = [
    import_module(f"{rules.__name__}.{module.name}")
    for module in pkgutil.iter_modules(rules.__path__)
]


def functions(module: ModuleType, result: str) -> set[object]:
    """The public functions that ``module`` defines and that are declared to give ``result``."""
    return {
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and function.__annotations__["return"] == result
    }


def test_every_rule_is_listed() -> None:
    found = set().union(*(functions(topic, "Iterator[Diagnostic]") for topic in TOPICS))
    assert found == LISTED


@pytest.mark.parametrize(("module", "listed"), [(document, READING_RULES), (shape, SHAPE_RULES)])
def test_every_rule_on_reading_and_shape_is_listed(module: ModuleType, listed: object) -> None:
    assert isinstance(listed, tuple)
    assert functions(module, "Diagnostic") == set(listed)


def test_every_rule_has_a_name_of_its_own_and_a_reason() -> None:
    everything = [*READING_RULES, *SHAPE_RULES, *LISTED]
    assert len({rule_name(rule) for rule in everything}) == len(everything)
    reasons = [inspect.getdoc(rule) for rule in everything]
    assert all(reasons)
    assert len(set(reasons)) == len(reasons)


def test_a_rule_is_named_as_its_function() -> None:
    def core_taken() -> None: ...

    assert rule_name(core_taken) == "core-taken"
