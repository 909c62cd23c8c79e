"""bench/SPEC.md beside the results of the last full run, and the figures of the README."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import product
from typing import NamedTuple

import pytest

from mttcg_bench.cases import cases_of
from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.checkout import ROOT
from mttcg_bench.document import headlines_of, page, summary
from mttcg_bench.measured import Measured
from mttcg_bench.minute import QUESTIONS, minute_table
from mttcg_bench.results import read, results_of
from mttcg_bench.runner import CaseResult

SPEC = (ROOT / "bench" / "SPEC.md").read_text(encoding="utf-8")
PLAIN = read(ROOT / "bench" / "results" / "full.json")
RESULTS = results_of(PLAIN)
CHANGED = ("startup.hello",)
"""Cases that had other figures in the last full run."""
WILD = re.compile(r"\b(PLUGIN|NAME)\b")
"""What stands for any name in the tables."""


class Row(NamedTuple):
    """A claim, or what the README says, with patterns of the cases and figures that hold it."""

    words: str
    cases: list[str]
    figures: list[str]

    def names(self, case: str, figure: str) -> bool:
        pairs = product(self.cases, self.figures)
        return any(fnmatchcase(case, one) and fnmatchcase(figure, other) for one, other in pairs)


def rows_of(heading: str) -> Iterator[Row]:
    """The rows of the table whose first heading is this."""
    _, found, text = SPEC.partition(f"| {heading} | case | figure |")
    assert found
    for line in text.split("\n\n")[0].splitlines()[2:]:
        words, case, figure, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        figures = [WILD.sub("*", one.strip()) for one in figure.split(";")]
        yield Row(words, re.findall(r"`([^`]+)`", case), figures)


CLAIMS, IN_THE_README = list(rows_of("claim")), list(rows_of("in the README"))


def names_of(results: list[CaseResult]) -> list[tuple[str, str]]:
    return [(result.case.name, figure.name) for result in results for figure in result.case.figures]


NEWER = [
    (case.name, figure.name)
    for case in cases_of([], CaseChoice())
    if case.name not in PLAIN["cases"] or case.name in CHANGED
    for figure in case.figures
]
"""The figures of cases that the last full run did not have, or had without them."""


@pytest.mark.parametrize("row", CLAIMS + IN_THE_README, ids=lambda row: row.words)
def test_a_row_names_cases_and_figures_of_the_run(row: Row) -> None:
    there = names_of(RESULTS) + NEWER
    assert row.cases and row.figures
    for case, figure in product(row.cases, row.figures):
        one = Row(row.words, [case], [figure])
        assert any(one.names(*pair) for pair in there), (case, figure)


def test_every_figure_of_the_readme_has_a_row() -> None:
    measured = Measured(RESULTS)
    assert headlines_of(measured)
    for case, figure in measured.used:
        assert any(row.names(case, figure) for row in IN_THE_README), (case, figure)


def test_every_bar_of_the_run_is_on_the_page() -> None:
    shown = page(PLAIN)
    bars = [(result.case.name, bar) for result in RESULTS for bar in result.case.bars]
    assert len(bars) > len(CLAIMS) / 2
    for case, bar in bars:
        assert f"| {bar.claim} | {case} | {bar.figure} | " in shown


def test_the_readme_has_the_figures_of_the_run() -> None:
    """And says on what machine, when, and with which commit they were taken."""
    found = summary(PLAIN)
    assert found in (ROOT / "README.md").read_text(encoding="utf-8")
    for fact in (PLAIN["taken"], PLAIN["commit"], PLAIN["host"]["processor"]):
        assert fact in found and fact in page(PLAIN)


def test_the_page_begins_with_a_table_of_what_was_measured() -> None:
    head, _, rest = page(PLAIN).partition("\n\n## ")
    assert head.startswith("# Performance\n\n| what | mttcg |")
    assert rest
    assert head.count("\n|") == 2 + len(QUESTIONS)
    assert minute_table(Measured([])) == ""
