"""What a report consists of: any JSON-able dict as scalars, tables and lines under headings.

Scalars are shown as key and value, a list of dicts (or a dict of flat dicts) as a table, a nested
dict as a section of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mttcg.report.figure_values import KIND
from mttcg.report.figures import drawn
from mttcg.report.values import is_flat, is_list, is_scalar


@dataclass(frozen=True)
class Scalars:
    """Keys and values."""

    title: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """A table: dicts, whose keys are the columns."""

    title: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Lines:
    """Values, one on a line."""

    title: str
    values: Sequence[Any]


@dataclass(frozen=True)
class FigurePart:
    """Something to draw, see `figure_values`."""

    title: str
    values: Mapping[str, Any]


Part: TypeAlias = Scalars | Rows | Lines | FigurePart


def parts_of(title: str, report: Any) -> Iterator[Part]:
    """Take a report apart, under the heading `title`."""
    if isinstance(report, Mapping) and is_figure(report):
        yield FigurePart(title, report)
    elif isinstance(report, Mapping):
        yield from _parts_of_mapping(title, report)
    elif is_list(report) and report and all(isinstance(value, Mapping) for value in report):
        yield Rows(title, report)
    else:
        yield Lines(title, report if is_list(report) else [report])


def _parts_of_mapping(title: str, report: Mapping[str, Any]) -> Iterator[Part]:
    """A table if its values are flat dicts, else scalars first, then figures, then sections."""
    if report and all(is_flat(value) for value in report.values()):
        yield Rows(title, [{"": key, **value} for key, value in report.items()])
        return
    scalars = {key: value for key, value in report.items() if is_scalar(value)}
    if scalars or not report:
        yield Scalars(title, scalars)
    rest = {key: value for key, value in report.items() if key not in scalars}
    for key, value in sorted(rest.items(), key=lambda item: not is_figure(item[1])):
        yield from parts_of(f"{title}: {key}", value)


def is_figure(value: Any) -> bool:
    """Whether a part of a report is a figure that can be drawn."""
    return isinstance(value, Mapping) and KIND in value and drawn("", value) is not None


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of a table: all keys of its rows as they first appear."""
    return list(dict.fromkeys(key for row in rows for key in row))
