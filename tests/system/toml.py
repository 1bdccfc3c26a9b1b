"""Values as TOML text, for tests that make descriptions."""

from __future__ import annotations

import json
from collections.abc import Mapping


def inline(value: object) -> str:
    """``value`` on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(inline(each) for each in value)}]"
    if isinstance(value, Mapping):
        pairs = [f"{json.dumps(key)} = {inline(each)}" for key, each in value.items()]
        return f"{{ {', '.join(pairs)} }}"
    return str(value)


def document(values: Mapping[str, object], header: tuple[str, ...] = ()) -> str:
    """``values`` with a header for each table and for each element of an array of tables."""
    lines, tables = [], []
    for key, value in values.items():
        path = (*header, key)
        if isinstance(value, Mapping):
            tables.append(f"\n[{'.'.join(path)}]\n{document(value, path)}")
        elif isinstance(value, list) and value and all(isinstance(e, Mapping) for e in value):
            for element in value:
                tables.append(f"\n[[{'.'.join(path)}]]\n{document(element, path)}")
        else:
            lines.append(f"{key} = {inline(value)}\n")
    return "".join(lines + tables)
