"""Results as tables: on the terminal (rich) and as Markdown."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from mttcg_bench.runner import CaseResult
from mttcg_bench.summary import NOISY, Spread, Verdict, disturbed, spreads, verdicts

HEADINGS = ("case", "figure", "median", "min", "max", "unit", "")
DIGITS = ((100, 0), (20, 1), (1, 2))
"""Decimal places from a value on; smaller ones have three."""
BAR_HEADINGS = ("case", "figure", "bar", "median", "min", "max", "verdict")


def number(value: float) -> str:
    """Three digits or more, never an exponent."""
    digits = next((digits for limit, digits in DIGITS if abs(value) >= limit), 3)
    return f"{value:,.{digits}f}"


def span(spread: Spread) -> tuple[str, str, str]:
    """Median, least, most."""
    return number(spread.median), number(spread.least), number(spread.most)


def marks(result: CaseResult, spread: Spread) -> str:
    """What to know before a figure is believed."""
    found = ["noisy"] if spread.noisy else []
    if count := disturbed(result, spread.figure):
        found.append(f"disturbed: {count}")
    return ", ".join(found)


def figure_rows(results: Iterable[CaseResult]) -> Iterator[tuple[str, ...]]:
    """A row per figure; one that says why for a case that could not run."""
    for result in results:
        if result.reason:
            yield (result.case.name, "not run", "", "", "", "", result.reason)
        for name, spread in spreads(result).items():
            unit = spread.figure.unit
            yield (result.case.name, name, *span(spread), unit, marks(result, spread))


def bar_rows(results: Iterable[CaseResult]) -> Iterator[tuple[str, ...]]:
    """A row per bar."""
    for result in results:
        for verdict in verdicts(result):
            yield (result.case.name, verdict.bar.figure, limit(verdict), *span(verdict.spread),
                   verdict.text)  # fmt: skip


def limit(verdict: Verdict) -> str:
    """A bar's limit in words."""
    return f"{verdict.bar.side} {verdict.bar.limit:g}"


def print_tables(console: Console, results: list[CaseResult]) -> None:
    """Print figures and bars."""
    for title, headings, rows in (
        ("figures", HEADINGS, figure_rows(results)),
        ("bars", BAR_HEADINGS, bar_rows(results)),
    ):
        table = Table(title=title, title_justify="left")
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="right" if place in (2, 3, 4, 5) else "left")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def markdown_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(plain: dict[str, Any], results: list[CaseResult]) -> str:
    """The page of a run, from its JSON."""
    host = plain["host"]
    versions = ", ".join(
        f"{name} {host[name]}" for name in ("python", "unicorn", "numba", "pyzmq", "qemu")
    )
    return "\n".join(
        (
            "# Benchmark results",
            "",
            f"Written by `python -m bench`. Taken {plain['taken']}, commit {plain['commit']}, "
            f"{plain['runs']} rounds; {host['processor']}, {host['processors']} processors, "
            f"{host['system']}; {versions}.",
            f"Median, least and most over the rounds; ratios are taken round by round. `noisy`: "
            f"least and most are more than {NOISY:.0%} of the median apart. `disturbed`: so many "
            f"of its runs had others use more than {plain['accepted_foreign_cores']:g} cores.",
            "",
            "## Bars",
            "",
            markdown_table(BAR_HEADINGS, bar_rows(results)),
            "",
            "## Figures",
            "",
            markdown_table(HEADINGS, figure_rows(results)),
            "",
        )
    )
