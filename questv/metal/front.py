"""What the front end makes of a module, as it is cached besides the object."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from questv.metal.check.known import Dependency


@dataclass(frozen=True)
class FunctionFacts:
    """What the whole-program checks need to know of one function."""

    symbol: str
    name: str
    line: int
    calls: tuple[str, ...] = ()
    pointer_calls: tuple[str, ...] = ()
    stack: int | None = None
    """Bytes pushed by an assembly function; None for a compiled one, whose code tells."""
    pushes: int = 0
    """Bytes that a compiled function's inline assembly pushes besides, at most."""


@dataclass
class Front:
    """A checked and emitted module. ``object_key`` names the object that its IR becomes."""

    object_key: str
    functions: tuple[FunctionFacts, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    uses: tuple[str, ...] = ()
    dependencies: list[Dependency] = field(default_factory=list)

    def encode(self) -> bytes:
        """Its text in the cache."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def decode(cls, text: bytes) -> Front:
        """What ``encode`` made a text of."""
        raw: dict[str, Any] = json.loads(text)
        functions = tuple(
            FunctionFacts(
                **{
                    **facts,
                    "calls": tuple(facts["calls"]),
                    "pointer_calls": tuple(facts["pointer_calls"]),
                }
            )
            for facts in raw["functions"]
        )
        addresses = tuple((symbol, type_) for symbol, type_ in raw["addresses"])
        dependencies = [Dependency(**dependency) for dependency in raw["dependencies"]]
        return cls(raw["object_key"], functions, addresses, tuple(raw["uses"]), dependencies)
