"""The functions compiled, to be called one by one or over columns of arguments."""

from __future__ import annotations

from array import array
from typing import Any

from questv.metal.jit import Jit
from tests.metal.loading import Workshop

from .catalogue import FUNCTIONS

_LOOP = """
@metal(floats=True)
def all_{name}(xs: Ptr[f64], ys: Ptr[f64], results: Ptr[f64], count: u64) -> None:
    for i in range(count):
        results[i] = f64({module}.{name}({arguments}))

@metal(floats=True)
def one_{name}({parameters}) -> {kind}:
    return {module}.{name}({names})
"""


class Compiled:
    """All functions for ``f64``, or those for ``f32``."""

    def __init__(self, workshop: Workshop, kind: str = "f64", **options: Any) -> None:
        module = {"f64": "questv.math", "f32": "questv.math.single"}[kind]
        text = f"import {module}\n"
        for function in FUNCTIONS:
            names = ("x", "y")[: function.arity]
            text += _LOOP.format(
                name=function.name,
                module=module,
                kind=kind,
                arguments=", ".join(f"{kind}({name}s[i])" for name in names),
                parameters=", ".join(f"{name}: {kind}" for name in names),
                names=", ".join(names),
            )
        self._module = workshop.load(text)
        self._jit = Jit(self._module, **options)

    def call(self, name: str, *arguments: float) -> float:
        result: float = self._jit[getattr(self._module, f"one_{name}")](*arguments)
        return result

    def column(self, name: str, columns: list[array[float]]) -> array[float]:
        """The results for columns of arguments."""
        results = array("d", bytes(8 * len(columns[0])))
        given = [column.buffer_info()[0] for column in (*columns, results)[:2]]
        self._jit[getattr(self._module, f"all_{name}")](
            *given, results.buffer_info()[0], len(results)
        )
        return results
