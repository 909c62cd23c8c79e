"""Values of a report as text, for terminal and page alike."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

ITEM_LIMIT = 8
"""Items of a list inside one cell that are shown."""
HEX_NAMES = frozenset({"pc", "address", "page", "physical", "entry"})
"""Keys whose numbers are addresses, which nobody reads in decimal."""


def value_text(name: str, value: Any) -> str:
    """Write one value as text, lists and dicts inside a cell in short form.

    name: the value's key, which tells addresses from counts.
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:#x}" if name in HEX_NAMES else f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}"
    if is_list(value):
        return list_text(name, value)
    return str(value) if isinstance(value, str) else json.dumps(value, default=str)


def list_text(name: str, values: Sequence[Any]) -> str:
    """Write a list inside a cell, its first items and how many more there are."""
    items = [value_text(name, value) for value in values[:ITEM_LIMIT]]
    if len(values) > ITEM_LIMIT:
        items.append(f"... {len(values) - ITEM_LIMIT:,} more")
    return "; ".join(items)


def is_list(value: Any) -> bool:
    """Tell whether a value is a JSON list."""
    return isinstance(value, list | tuple)


def is_scalar(value: Any) -> bool:
    """Tell whether a value fits beside its key."""
    return not isinstance(value, Mapping) and not is_list(value)


def is_flat(value: Any) -> bool:
    """Tell whether a value is a dict, not empty, of scalars alone."""
    return isinstance(value, Mapping) and bool(value) and all(map(is_scalar, value.values()))


def is_number(value: Any) -> bool:
    """Tell whether a value is shown as a number (or as none), flush right."""
    return value is None or isinstance(value, int | float)
