"""Plots as inline SVG: bars, lines and grids, each a `figure` for `markup.page`.

They need no script; the values, numbers of at most MOST, are also there as tooltips. Colours and
fonts come from `STYLE`, which a page with plots has in its style sheet. A plotting library for
browsers would add megabytes to each page, one for Python a dependency, for three kinds of plot.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree.ElementTree import Element

from mttcg.printable import shortened
from mttcg.report.markup import LONGEST, element

Value: TypeAlias = float | None
Spans: TypeAlias = Mapping[str, Sequence[tuple[float, float]]]
"""For each series, by name: the lowest and highest measurement behind each of its values."""

WIDTH = 760
LABEL_WIDTH = 210
VALUE_WIDTH = 90
BAR_HEIGHT = 16
AXIS_HEIGHT = 34
LEGEND_HEIGHT = 22
PLOT_HEIGHT = 260
CELL_HEIGHT = 18
LABEL_CHARACTERS = 27
COLOURS = 8
LEAST, MOST = 1e-300, 1e300
"""Sizes of values between which a scale can be computed."""

STYLE = """
.plot { margin: 1em 0; }
.plot figcaption { font-weight: 600; margin-bottom: .3em; }
.plot svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor; }
.plot .grid { stroke: currentColor; stroke-opacity: .18; }
.plot .line { fill: none; stroke-width: 2; }
.plot .end { text-anchor: end; }
.plot .middle { text-anchor: middle; }
.plot .c0 { fill: #3b78c3; stroke: #3b78c3; } .plot .c1 { fill: #d9822b; stroke: #d9822b; }
.plot .c2 { fill: #3d9a56; stroke: #3d9a56; } .plot .c3 { fill: #b8455b; stroke: #b8455b; }
.plot .c4 { fill: #8562b5; stroke: #8562b5; } .plot .c5 { fill: #8a6d3b; stroke: #8a6d3b; }
.plot .c6 { fill: #2b9aa0; stroke: #2b9aa0; } .plot .c7 { fill: #8a8f98; stroke: #8a8f98; }
.plot .line.c0, .plot .line.c1, .plot .line.c2, .plot .line.c3,
.plot .line.c4, .plot .line.c5, .plot .line.c6, .plot .line.c7 { fill: none; }
.plot .span { fill: none; stroke-width: 1.5; stroke-opacity: .75; }
.plot .bar + .span { stroke: currentColor; }
"""


@dataclass(frozen=True)
class Scale:
    """From values to places along an axis, `low` and `high` at its ends."""

    low: float
    high: float
    start: float
    length: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value; outside of the axis, that of the nearest end."""
        low, high, here = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, here = math.log10(low), math.log10(high), math.log10(here)
        return self.start + self.length * (here - low) / (high - low)

    def ticks(self) -> list[float]:
        """Return round values along the axis: about five, or the powers of ten."""
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1, 1 + (last - first) // 8)]
        step = round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def round_step(rough: float) -> float:
    """Return the least of 1, 2, 5 times a power of ten that is not below `rough`, above 0."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= rough * (1 - 1e-9))


def scale_over(values: Sequence[float], start: float, length: float, logarithmic: bool) -> Scale:
    """Return a scale that has room for the values, from 0 or, if logarithmic, a power of ten.

    Only values above 0 have a place on a logarithmic scale.
    """
    if logarithmic:
        positive = [value for value in values if value >= LEAST] or [1.0]
        low = 10.0 ** math.floor(math.log10(min(positive)))
        high = 10.0 ** math.ceil(math.log10(max(positive)))
        return Scale(low, high if high > low else low * 10, start, length, True)
    low, high = min([0.0, *values]), max([0.0, *values])
    if high - low < LEAST:
        return Scale(0.0, 1.0, start, length)
    step = round_step((high - low) / 5)
    return Scale(math.floor(low / step) * step, math.ceil(high / step) * step, start, length)


def short_number(value: float) -> str:
    """Write a number in few characters: 950, 1.23 k, 45.6 M."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def bar_chart(
    title: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[Value]],
    *,
    unit: str = "",
    stacked: bool = False,
    logarithmic: bool = False,
    spans: Spans | None = None,
    wide: float = WIDTH,
) -> Element:
    """Return horizontal bars: for each label one per series, or one stacked from all.

    series: by name, a value for each label, None for none; the name is not shown if there is one.
    unit: of the values, at the axis. stacked excludes logarithmic and spans. spans: drawn as error
    bars. wide: units of the drawing, of which a character has about 7.
    """
    rows = [[values[n] for values in series.values()] for n in range(len(labels))]
    ends = [sum(v or 0 for v in row) if stacked else max((v or 0) for v in row) for row in rows]
    top = LEGEND_HEIGHT if len(series) > 1 else 4
    bars_a_row = 1 if stacked else max(1, len(series))
    row_height = bars_a_row * BAR_HEIGHT + 6
    bottom = top + len(labels) * row_height
    lowest = [v for row in rows for v in row if v is not None] if logarithmic else ends
    length = wide - LABEL_WIDTH - VALUE_WIDTH
    reach = [*ends, *lowest, *_ends_of(spans)]
    scale = scale_over(reach, LABEL_WIDTH, length, logarithmic and not stacked)
    parts = [*_legend(list(series)), *_x_axis(scale, top, bottom, unit)]
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        y = top + number * row_height + 3
        parts.append(_label(label, y + row_height / 2 - 3))
        values = dict(zip(series, row, strict=True))
        if stacked:
            parts += _stacked_bars(label, values, y, scale, unit)
        else:
            of_row = {name: found[number] for name, found in (spans or {}).items()}
            parts += _bars_side_by_side(label, values, y, scale, unit, of_row)
    return figure(title, parts, bottom + AXIS_HEIGHT, wide)


def _bars_side_by_side(
    label: str,
    row: Mapping[str, Value],
    y: float,
    scale: Scale,
    unit: str,
    spans: Mapping[str, tuple[float, float]],
) -> list[Element]:
    parts = []
    for place, (name, value) in enumerate(row.items()):
        if value is None:
            continue
        top, end = y + place * BAR_HEIGHT, scale(value)
        start = scale.start if scale.logarithmic else scale(0)
        parts.append(_bar(min(start, end), top, abs(end - start), place, f"{label}: ", name, value))
        if name in spans:
            low, high = map(scale, spans[name])
            middle = top + BAR_HEIGHT / 2 - 1
            parts.append(_span((low, middle), (high, middle), place))
            end = max(end, high)
        parts.append(_text(max(start, end) + 4, top + 11, f"{short_number(value)} {unit}".strip()))
    return parts


def _stacked_bars(
    label: str, row: Mapping[str, Value], y: float, scale: Scale, unit: str
) -> list[Element]:
    parts, total = [], 0.0
    for place, (name, value) in enumerate(row.items()):
        start, total = scale(total), total + (value or 0)
        parts.append(_bar(start, y, scale(total) - start, place, f"{label}: ", name, value or 0))
    parts.append(_text(scale(total) + 4, y + 11, f"{short_number(total)} {unit}".strip()))
    return parts


def _bar(
    x: float, y: float, width: float, place: int, label: str, name: str, value: float
) -> Element:
    shown = (
        f"{label}{name} {value:,.6g}" if isinstance(value, float) else f"{label}{name} {value:,}"
    )
    attributes = {
        "class": f"bar c{place % COLOURS}",
        "x": f"{x:.1f}",
        "y": f"{y:.1f}",
        "width": f"{width:.1f}",
        "height": BAR_HEIGHT - 2,
    }
    return element("rect", attributes, element("title", None, shown))


def line_chart(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x_label: str = "",
    y_label: str = "",
    logarithmic: bool = False,
    spans: Spans | None = None,
    wide: float = WIDTH,
) -> Element:
    """Return lines over a common x axis.

    series: by name, points (x, y) in order of x. logarithmic: the y axis. spans: drawn as error
    bars.
    """
    xs = [x for points in series.values() for x, _ in points] or [0.0]
    ys = [y for points in series.values() for _, y in points]
    left, top, bottom = 64.0, LEGEND_HEIGHT + 14.0, LEGEND_HEIGHT + 14.0 + PLOT_HEIGHT
    low, high = min(xs), max(xs)
    across = Scale(low, high if high > low else low + 1, left, wide - left - 20)
    up = scale_over([*ys, *_ends_of(spans)], bottom, top - bottom, logarithmic)
    parts = [*_legend(list(series)), *_x_axis(across, top, bottom, x_label)]
    parts.append(_text(4, LEGEND_HEIGHT + 4, y_label))
    for tick in up.ticks():
        parts.append(_line(left, up(tick), wide - 20, up(tick)))
        parts.append(_text(left - 6, up(tick) + 4, short_number(tick), "end"))
    for place, (name, points) in enumerate(series.items()):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        parts.append(element("polyline", {"class": f"line c{place % COLOURS}", "points": path}))
        for x, y in points:
            shown = element("title", None, f"{name}: {x:,.6g}, {y:,.6g}")
            centre = {"cx": f"{across(x):.1f}", "cy": f"{up(y):.1f}", "r": 3}
            parts.append(element("circle", {"class": f"c{place % COLOURS}"} | centre, shown))
        for (x, _), (low, high) in zip(points, (spans or {}).get(name, ()), strict=False):
            parts.append(_span((across(x), up(low)), (across(x), up(high)), place))
    return figure(title, parts, bottom + AXIS_HEIGHT, wide)


def heat_map(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[Value]],
    write: Callable[[float], str] = short_number,
    wide: float = WIDTH,
) -> Element:
    """Return a grid of cells, the darker the larger: values[row][column], None for none."""
    most = max((v for row in values for v in row if v is not None), default=0) or 1
    width = min(90.0, (wide - LABEL_WIDTH) / max(1, len(columns)))
    top = 20
    parts = [
        _text(LABEL_WIDTH + (n + 0.5) * width, 14, name, "middle") for n, name in enumerate(columns)
    ]
    for number, (label, row) in enumerate(zip(rows, values, strict=True)):
        y = top + number * CELL_HEIGHT
        parts.append(_label(label, y + CELL_HEIGHT / 2))
        for column, value in enumerate(row):
            if value is None:
                continue
            shown = element("title", None, f"{label}, {columns[column]}: {value:,}")
            attributes = {
                "class": "cell c0",
                "x": f"{LABEL_WIDTH + column * width:.1f}",
                "y": y,
                "width": f"{width - 1:.1f}",
                "height": CELL_HEIGHT - 1,
                "fill-opacity": f"{max(0.0, value / most) * 0.85:.2f}",
                "stroke-opacity": 0.2,
            }
            parts.append(element("rect", attributes, shown))
            middle = LABEL_WIDTH + (column + 0.5) * width
            parts.append(_text(middle, y + 13, write(value), "middle"))
    return figure(title, parts, top + len(rows) * CELL_HEIGHT + 6, wide)


def figure(title: str, parts: Sequence[Element], height: float, wide: float) -> Element:
    """Return a drawing of such a size, with its title above."""
    box = {"viewBox": f"0 0 {wide:.0f} {height:.0f}", "width": f"{wide:.0f}", "role": "img"}
    drawing = element("svg", box | {"aria-label": shortened(title, LONGEST)}, *parts)
    return element("figure", {"class": "plot"}, element("figcaption", None, title), drawing)


def _legend(names: Sequence[str]) -> list[Element]:
    if len(names) < 2:
        return []
    parts, x = [], float(LABEL_WIDTH)
    for place, name in enumerate(names):
        box = {"x": f"{x:.1f}", "y": 4, "width": 10, "height": 10}
        parts.append(element("rect", {"class": f"c{place % COLOURS}"} | box))
        parts.append(_text(x + 14, 13, _cut(name)))
        x += 30 + 7 * len(_cut(name))
    return parts


def _x_axis(scale: Scale, top: float, bottom: float, name: str) -> list[Element]:
    parts = []
    for tick in scale.ticks():
        parts.append(_line(scale(tick), top, scale(tick), bottom))
        parts.append(_text(scale(tick), bottom + 14, short_number(tick), "middle"))
    parts.append(_text(scale.start + scale.length / 2, bottom + 29, name, "middle"))
    return parts


def _label(label: str, middle: float) -> Element:
    made = _text(LABEL_WIDTH - 6, middle + 4, _cut(label), "end")
    made.append(element("title", None, label))
    return made


def _text(x: float, y: float, text: str, kind: str | None = None) -> Element:
    return element("text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": kind}, text)


def _line(x1: float, y1: float, x2: float, y2: float) -> Element:
    ends = zip(("x1", "y1", "x2", "y2"), (x1, y1, x2, y2), strict=True)
    return element("line", {"class": "grid"} | {name: f"{value:.1f}" for name, value in ends})


def _ends_of(spans: Spans | None) -> list[float]:
    return [end for found in (spans or {}).values() for span in found for end in span]


def _span(low: tuple[float, float], high: tuple[float, float], place: int) -> Element:
    """An error bar from one point to another, with a short stroke across each end."""
    (x1, y1), (x2, y2) = low, high
    across = (0, 3) if y1 == y2 else (3, 0)
    strokes = "".join(
        f"M{x - across[0]:.1f} {y - across[1]:.1f}L{x + across[0]:.1f} {y + across[1]:.1f}"
        for x, y in (low, high)
    )
    path = f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}{strokes}"
    return element("path", {"class": f"span c{place % COLOURS}", "d": path})


def _cut(text: str) -> str:
    return text if len(text) <= LABEL_CHARACTERS else text[: LABEL_CHARACTERS - 1] + "…"
