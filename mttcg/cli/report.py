"""A plugin's report, any JSON-able dict, as lines and tables.

Scalars are shown as key and value, a list of dicts (or a dict of flat dicts) as a table, a nested
dict as a section of its own.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WHOLE_WIDTH = 10
"""Cells of up to so many characters, such as addresses, are not folded."""
ROW_LIMIT = 30
"""Rows of a table that are shown; the JSON has all."""
ITEM_LIMIT = 8
"""Items of a list inside one cell that are shown."""
HEX_NAMES = frozenset({"pc", "address", "page", "physical", "entry"})
"""Keys whose numbers are addresses, which nobody reads in decimal."""
# A guest's symbol names are not to reach the terminal as escape codes; only a line feed is kept.
ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def report_parts(title: str, report: Any) -> Iterator[RenderableType]:
    """Give what to print for a report, one part after the other, under the heading `title`."""
    if isinstance(report, Mapping):
        yield from mapping_parts(title, report)
    elif is_list(report):
        yield from list_parts(title, report)
    else:
        yield heading(title)
        yield cell("", report)


def mapping_parts(title: str, report: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Show a dict: as a table if its values are flat dicts, else scalars first, then sections."""
    if report and all(is_flat(value) for value in report.values()):
        yield heading(title)
        yield from rows_table([{"": key, **value} for key, value in report.items()])
        return
    scalars = {key: value for key, value in report.items() if is_scalar(value)}
    if scalars or not report:
        yield heading(title)
        yield from scalars_table(scalars)
    for key, value in report.items():
        if key not in scalars:
            yield from report_parts(f"{title}: {key}", value)


def list_parts(title: str, values: Sequence[Any]) -> Iterator[RenderableType]:
    """Show a list: of dicts as a table, of anything else as one line for each value."""
    yield heading(title)
    if values and all(isinstance(value, Mapping) for value in values):
        yield from rows_table(values)
        return
    for value in values[:ROW_LIMIT]:
        yield indented(cell("", value))
    yield from left_out(len(values))
    if not values:
        yield Text("  (empty)", style="dim")


def scalars_table(scalars: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Show scalars as two columns without a head."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for key in list(scalars)[:ROW_LIMIT]:
        table.add_row(cell("", key), cell(key, scalars[key]))
    yield indented(table) if scalars else Text("  (empty)", style="dim")
    yield from left_out(len(scalars))


def rows_table(
    rows: Sequence[Mapping[str, Any]], limit: int = ROW_LIMIT
) -> Iterator[RenderableType]:
    """Show dicts as rows, `limit` of them; the columns are all their keys as they first appear."""
    shown = rows[:limit]
    columns = list(dict.fromkeys(key for row in shown for key in row))
    table = new_table()
    for column in columns:
        numbers = all(is_number(row.get(column)) for row in shown)
        widest = max((len(cell(column, row[column])) for row in shown if column in row), default=0)
        table.add_column(
            cell("", column),
            justify="right" if numbers else "left",
            overflow="fold",
            min_width=min(widest, WHOLE_WIDTH),
        )
    for row in shown:
        table.add_row(*(cell(key, row[key]) if key in row else Text() for key in columns))
    yield indented(table)
    yield from left_out(len(rows), limit)


def new_table() -> Table:
    """Make an empty table in the one style of all tables here."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))


def indented(part: RenderableType) -> Padding:
    """Move a part in under its heading."""
    return Padding(part, (0, 0, 0, 2), expand=False)


def left_out(rows: int, limit: int = ROW_LIMIT) -> Iterator[RenderableType]:
    """Say how many of `rows` are not shown, if any are not."""
    if rows > limit:
        yield Text(f"  ... {rows - limit:,} more; --json FILE has them all", style="dim")


def heading(title: str) -> Text:
    """Make the line above a part."""
    return Text("\n").append_text(Text(title.translate(ESCAPED), style="bold"))


def cell(name: str, value: Any) -> Text:
    """Write one value; `name` is its key, which tells addresses from counts."""
    return Text(value_text(name, value).translate(ESCAPED))


def value_text(name: str, value: Any) -> str:
    """Write one value as text, lists and dicts inside a cell in short form."""
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
