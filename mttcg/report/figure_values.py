"""Figures as data: what an aggregator puts in its report for a page to draw.

Each is a plain dict, as JSON takes it, under any key of the report:

    return {"calls": total, "where": figures.flame_graph(stacks, "instructions")}

A page draws it under that key, and so does a notebook; a terminal says that it is there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

KIND = "figure"
"""The key by which a dict of a report is a figure; its value says of which kind."""
BARS, SERIES, HEAT_MAP, FLAME_GRAPH = "bars", "series", "heat map", "flame graph"
LEAST_SHARE = 1 / 1000
"""Of all, what a stack has to have to be drawn by itself: less is no pixel."""


def bars(
    labels: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    unit: str = "",
    stacked: bool = False,
) -> dict[str, Any]:
    """Bars: for each label one per series, or one stacked from all.

    Args:
        labels: what the bars are of.
        series: by name, a value for each label, None for none.
        unit: of the values.
        stacked: whether the series add up.
    """
    values = {name: list(found) for name, found in series.items()}
    return {KIND: BARS, "labels": list(labels), "series": values, "unit": unit, "stacked": stacked}


def series(
    points: Mapping[str, Sequence[tuple[float, float]]], *, x: str = "", y: str = ""
) -> dict[str, Any]:
    """Lines over a common axis, such as time.

    Args:
        points: by name, pairs of x and y in order of x.
        x: what is along that axis, with its unit.
        y: the same of the values.
    """
    found = {name: [list(point) for point in line] for name, line in points.items()}
    return {KIND: SERIES, "points": found, "x": x, "y": y}


def heat_map(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]]
) -> dict[str, Any]:
    """A grid of cells, the darker the larger.

    Args:
        rows: their names.
        columns: their names.
        values: by row, a value for each column, None for none.
    """
    found = [list(row) for row in values]
    return {KIND: HEAT_MAP, "rows": list(rows), "columns": list(columns), "values": found}


def flame_graph(stacks: Mapping[tuple[str, ...], float], unit: str = "") -> dict[str, Any]:
    """A flame graph: frames on top of those that they were called from, as wide as their values.

    Args:
        stacks: by names of frames, the outermost first, what is right there.
        unit: of the values.
    """
    total = sum(stacks.values())
    shown: dict[tuple[str, ...], float] = {}
    within = _within(stacks)
    for frames, value in stacks.items():
        while len(frames) > 1 and within[frames] < total * LEAST_SHARE:
            frames = frames[:-1]
        shown[frames] = shown.get(frames, 0) + value
    return {KIND: FLAME_GRAPH, "stacks": [[list(s), v] for s, v in shown.items()], "unit": unit}


def _within(stacks: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """What each stack has together with those that begin like it."""
    found: dict[tuple[str, ...], float] = {}
    for frames, value in stacks.items():
        for depth in range(1, len(frames) + 1):
            found[frames[:depth]] = found.get(frames[:depth], 0) + value
    return found
