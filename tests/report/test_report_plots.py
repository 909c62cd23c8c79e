import math
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mttcg.report.plots import bar_chart, heat_map, line_chart, scale_over, short_number

AMOUNTS = st.floats(0, 1e18) | st.integers(0, 10**18)


def found(figure: Element, tag: str, kind: str = "") -> list[Element]:
    return [e for e in figure.iter(tag) if e.get("class", "").startswith(kind)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7, "7"), (0.25, "0.25"), (950, "950"), (1234, "1.23 k"), (45.6e6, "45.6 M")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short_number(value) == text


@given(st.lists(AMOUNTS, max_size=8), st.booleans())
def test_a_scale_has_room_for_its_values(values: list[float], logarithmic: bool) -> None:
    scale = scale_over(values, 100.0, 500.0, logarithmic)
    places = [scale(value) for value in values]
    assert all(100 - 1e-6 <= place <= 600 + 1e-6 for place in places)
    assert sorted(places) == [scale(value) for value in sorted(values)]
    assert 1 <= len(scale.ticks()) <= 20


def test_a_scale_of_next_to_nothing_is_one_of_nothing() -> None:
    assert scale_over([5e-324], 0.0, 1.0, False)(5e-324) == pytest.approx(0)


def test_a_logarithmic_scale_has_powers_of_ten() -> None:
    scale = scale_over([3, 45000], 0.0, 500.0, True)
    assert scale.ticks() == [1, 10, 100, 1000, 10_000, 100_000]
    assert scale(100) == pytest.approx(200)


def test_stacked_bars_stand_one_after_the_other() -> None:
    chart = bar_chart("t", ["a", "b"], {"x": [3, 1], "y": [5, None]}, stacked=True)
    first, second = found(chart, "rect", "bar")[:2]
    end = float(first.get("x", "")) + float(first.get("width", ""))
    assert end == pytest.approx(float(second.get("x", "")), abs=0.1)
    assert [bar[0].text for bar in found(chart, "rect", "bar")][:2] == ["a: x 3", "a: y 5"]


def test_a_bar_without_value_is_left_out() -> None:
    chart = bar_chart("t", ["a", "b"], {"x": [3, None], "y": [None, 4.5]})
    assert [bar[0].text for bar in found(chart, "rect", "bar")] == ["a: x 3", "b: y 4.5"]


def test_a_line_has_its_points_in_the_plot() -> None:
    chart = line_chart("t", {"s": [(1, 10), (2, 20), (4, 40)]}, x_label="n", y_label="m")
    [line] = found(chart, "polyline")
    points = [tuple(map(float, p.split(","))) for p in line.get("points", "").split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert (x2 - x0) == pytest.approx(3 * (x1 - x0), abs=0.3)
    assert (y0 - y2) == pytest.approx(3 * (y0 - y1), abs=0.3)
    assert len(found(chart, "circle")) == 3


def test_a_cell_is_the_darker_the_larger() -> None:
    grid = heat_map("t", ["a"], ["x", "y", "z"], [[0, 50, 100]])
    opacities = [float(cell.get("fill-opacity", "")) for cell in found(grid, "rect", "cell")]
    assert opacities == sorted(opacities)
    assert opacities[0] == 0 < opacities[1] < opacities[2]


def test_empty_plots_are_plots() -> None:
    for chart in (bar_chart("t", [], {}), line_chart("t", {}), heat_map("t", [], [], [])):
        [drawing] = found(chart, "svg")
        assert all(math.isfinite(float(n)) for n in drawing.get("viewBox", "").split())
