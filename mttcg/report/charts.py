"""Which plots a table gets: found by its columns, so that the table of any plugin has them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from mttcg.report.parts import Rows, columns_of
from mttcg.report.plots import MOST, WIDTH, Value, bar_chart
from mttcg.report.values import HEX_NAMES, value_text

MOST_BARS = 24
"""Rows of a table that are drawn, from the top."""
MOST_CHARTS = 3
"""Plots of a table."""
VCPU_NAMES = ("cpu", "vcpu", "vCPU")
"""Columns that say of which vCPU a row is."""
OF_ONE_VCPU = re.compile(r"cpu\d+")
"""Columns that have one vCPU's part of what the table counts."""
TOGETHER = (
    ("instructions", "blocks"),
    ("reads", "writes"),
    ("hits", "misses"),
)
"""Columns that are drawn in one plot, as they count the same things."""
STACKED = TOGETHER[1:]
"""Columns of `TOGETHER` whose sum means something, so that their bars can be stacked."""
NOT_DRAWN = HEX_NAMES | {"size", "line", "epoch"}
"""Columns of numbers that are no amounts."""


def charts_of(part: Rows, wide: float = WIDTH) -> Iterator[Element]:
    """Draw the amounts of a table, at most MOST_CHARTS plots; none for a table without amounts."""
    rows = part.rows[:MOST_BARS]
    columns = columns_of(rows)
    vcpu = next((name for name in VCPU_NAMES if name in columns), None)
    amounts = [name for name in columns if name != vcpu and is_amount(name, rows)]
    labels = [label_of(row, columns, vcpu) for row in rows]
    if len(rows) < 1 or not any(labels):
        return
    more = f", first {len(rows)} of {len(part.rows)}" if len(part.rows) > len(rows) else ""
    for group in groups_of(amounts)[:MOST_CHARTS]:
        stacked = group in STACKED or is_by_vcpu(group)
        series: dict[str, list[Value]] = {
            name.replace("_", " "): [row.get(name) for row in rows] for name in group
        }
        unit = group[0].replace("_", " ") if len(group) == 1 else ""
        shown = "by vCPU" if is_by_vcpu(group) else " and ".join(series)
        title = f"{part.title}: {shown}{more}"
        yield bar_chart(title, labels, series, unit=unit, stacked=stacked, wide=wide)


def is_amount(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column has numbers that can be drawn: none negative, and one above 0."""
    values = [value for row in rows if (value := row.get(name)) is not None]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return name not in NOT_DRAWN and numbers and all(0 <= v <= MOST for v in values) and any(values)


def is_by_vcpu(group: Sequence[str]) -> bool:
    """Whether the columns are the parts of vCPUs."""
    return all(OF_ONE_VCPU.fullmatch(name) for name in group)


def groups_of(amounts: Sequence[str]) -> list[tuple[str, ...]]:
    """Which columns are drawn together, in the order of the table.

    If there are parts of vCPUs, they are what is drawn: the others are their sum, or no amounts.
    """
    by_vcpu = tuple(name for name in amounts if is_by_vcpu([name]))
    if by_vcpu:
        return [by_vcpu]
    known = (next((group for group in TOGETHER if name in group), (name,)) for name in amounts)
    groups = (tuple(name for name in group if name in amounts) for group in known)
    return list(dict.fromkeys(groups))


def label_of(row: Mapping[str, Any], columns: Sequence[str], vcpu: str | None) -> str:
    """Name a row: its vCPU, or its first text or address, and its symbol."""
    if vcpu is not None and isinstance(row.get(vcpu), int):
        return f"vCPU {row[vcpu]}"
    named = (
        value_text(name, row[name])
        for name in columns
        if name != "symbol" and isinstance(row.get(name), str | int)
        if isinstance(row[name], str) or name in HEX_NAMES
    )
    symbol = row.get("symbol")
    return " ".join(filter(None, (symbol if isinstance(symbol, str) else "", next(named, ""))))
