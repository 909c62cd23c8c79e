"""Blocks in rows, as wide as what they stand for: flame graphs, and what happened when."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from mttcg.report.markup import element
from mttcg.report.plots import COLOURS, WIDTH, figure

ROW_HEIGHT, LEAST_WIDTH, CHARACTER = 18, 0.3, 6.5


class FlameFrame(NamedTuple):
    """Where it starts along the axis, its length there, its row from the top, its name."""

    start: float
    length: float
    row: int
    name: str


def stack_blocks(stacks: Iterable[tuple[Sequence[str], float]]) -> Iterator[FlameFrame]:
    """Blocks of stacks: each as wide as what it and those within it have.

    stacks: names of frames, the outermost first, and what is right there.
    """
    sizes: dict[tuple[str, ...], float] = {}
    for frames, value in stacks:
        for depth in range(1, len(frames) + 1):
            place = tuple(frames[:depth])
            sizes[place] = sizes.get(place, 0) + value
    ends: dict[tuple[str, ...], float] = {(): 0.0}
    for place in sorted(sizes):
        start = ends[place[:-1]]
        ends[place[:-1]], ends[place] = start + sizes[place], start
        yield FlameFrame(start, sizes[place], len(place) - 1, place[-1])


def block_chart(
    title: str, blocks: Sequence[FlameFrame], *, unit: str = "", wide: float = WIDTH
) -> Element:
    """Return blocks in rows, each with its name, if there is room, and a tooltip."""
    scale = wide / max((b.start + b.length for b in blocks), default=0) if blocks else 1.0
    shapes = []
    for start, length, row, name in blocks:
        width, x, y = length * scale, start * scale, row * ROW_HEIGHT
        if width < LEAST_WIDTH:
            continue
        attributes = {
            "class": f"c{sum(name.encode(errors='replace')) % COLOURS}",
            "fill-opacity": 0.45,
            "x": f"{x:.1f}",
            "y": y,
            "width": f"{width:.1f}",
            "height": ROW_HEIGHT - 1,
        }
        tip = element("title", None, f"{name}: {length:,.6g} {unit}".strip())
        shapes.append(element("rect", attributes, tip))
        if fits := name[: max(0, int((width - 4) / CHARACTER))]:
            shapes.append(element("text", {"x": f"{x + 3:.1f}", "y": y + 13}, fits))
    rows = 1 + max((block.row for block in blocks), default=0)
    return figure(title, shapes, rows * ROW_HEIGHT, wide)
