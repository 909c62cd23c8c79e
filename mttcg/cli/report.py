"""A plugin's report, any JSON-able dict, as lines and tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mttcg.report.figure_values import KIND
from mttcg.report.parts import FigurePart, Rows, Scalars, columns_of, parts_of
from mttcg.report.values import is_number, value_text
from mttcg.terminal import shown, shown_lines

WHOLE_WIDTH = 10
"""Cells of up to so many characters, such as addresses, are not folded."""
ROW_LIMIT = 30
"""Rows of a table that are shown; the JSON has all."""


def report_parts(title: str, report: Any) -> Iterator[RenderableType]:
    """Give what to print for a report, one part after the other, under the heading `title`."""
    for part in parts_of(title, report):
        yield heading(part.title)
        if isinstance(part, FigurePart):
            yield Text(f"  ({part.values[KIND]}; --html FILE shows it)", style="dim")
        elif isinstance(part, Rows):
            yield from rows_table(part.rows)
        elif isinstance(part, Scalars):
            yield from scalars_table(part.values)
        else:
            yield from lines(part.values)


def lines(values: Sequence[Any]) -> Iterator[RenderableType]:
    """Show values, one on a line."""
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
        table.add_row(cell("", key), paragraph(value_text(key, scalars[key])))
    yield indented(table) if scalars else Text("  (empty)", style="dim")
    yield from left_out(len(scalars))


def rows_table(
    rows: Sequence[Mapping[str, Any]], limit: int = ROW_LIMIT
) -> Iterator[RenderableType]:
    """Show dicts as rows, `limit` of them; the columns are all their keys as they first appear."""
    first = rows[:limit]
    columns = columns_of(first)
    table = new_table()
    for column in columns:
        numbers = all(is_number(row.get(column)) for row in first)
        widest = max((len(cell(column, row[column])) for row in first if column in row), default=0)
        table.add_column(
            cell("", column),
            justify="right" if numbers else "left",
            overflow="fold",
            min_width=min(widest, WHOLE_WIDTH),
        )
    for row in first:
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
    return Text("\n").append_text(Text(shown(title), style="bold"))


def cell(name: str, value: Any) -> Text:
    """Write one value; `name` is its key, which tells addresses from counts."""
    return Text(shown(value_text(name, value)))


def paragraph(text: str) -> Text:
    """Write a text that may have several lines."""
    return Text("\n".join(shown_lines(text)))
