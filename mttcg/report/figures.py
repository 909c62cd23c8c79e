"""Figures of reports, drawn from the data that `figure_values` makes, or that comes as such."""

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from mttcg.report import plots
from mttcg.report.figure_values import BARS, FLAME_GRAPH, HEAT_MAP, KIND, SERIES
from mttcg.report.flame_graph import block_chart, stack_blocks


def drawn(title: str, values: Mapping[str, Any], wide: float = plots.WIDTH) -> Element | None:
    """Draw a figure; None for data that is not as the figure's kind has it."""
    try:
        return DRAWERS[values[KIND]](title, values, wide)
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None  # a report may have anything in it, and is shown as it is then


def _bars(title: str, values: Mapping[str, Any], wide: float) -> Element:
    labels = [str(label) for label in values["labels"]]
    unit, stacked = str(values.get("unit", "")), bool(values.get("stacked"))
    return plots.bar_chart(title, labels, values["series"], unit=unit, stacked=stacked, wide=wide)


def _series(title: str, values: Mapping[str, Any], wide: float) -> Element:
    points = {name: [(x, y) for x, y in line] for name, line in values["points"].items()}
    x, y = str(values.get("x", "")), str(values.get("y", ""))
    return plots.line_chart(title, points, x_label=x, y_label=y, wide=wide)


def _heat_map(title: str, values: Mapping[str, Any], wide: float) -> Element:
    rows, columns = ([str(name) for name in values[side]] for side in ("rows", "columns"))
    return plots.heat_map(title, rows, columns, values["values"], wide=wide)


def _flame_graph(title: str, values: Mapping[str, Any], wide: float) -> Element:
    stacks = [([str(frame) for frame in frames], value) for frames, value in values["stacks"]]
    unit = str(values.get("unit", ""))
    return block_chart(title, list(stack_blocks(stacks)), unit=unit, wide=wide)


DRAWERS: dict[str, Callable[[str, Mapping[str, Any], float], Element]] = {
    BARS: _bars,
    SERIES: _series,
    HEAT_MAP: _heat_map,
    FLAME_GRAPH: _flame_graph,
}
