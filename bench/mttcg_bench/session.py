"""One run of `mttcg bench`: many cases, a progress bar, results written as they come."""

import json
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table as RichTable
from rich.text import Text

from mttcg.terminal import shown_lines
from mttcg_bench.cases import samples_of
from mttcg_bench.facts import facts
from mttcg_bench.model import Case
from mttcg_bench.quiet import WaitingBudget
from mttcg_bench.results import FORMAT, case_to_json, results_of, write
from mttcg_bench.runner import CaseRun
from mttcg_bench.tables import FigureTable, shown_tables

WIDTH = 150
"""Columns of the tables where no terminal says how many there are."""
COLUMNS = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))


def run_cases(
    cases: Sequence[Case], runs: int, patience: float, console: Console, file: Path | None = None
) -> dict[str, Any]:
    """Run cases, a round of each in turn, so that the rounds of each meet whatever the whole run
    meets; what they give is written to the file after each, so that none is lost."""
    plain: dict[str, Any] = {"format": FORMAT, "runs": runs, "minutes": 0.0, **facts(), "cases": {}}
    began, left = time.monotonic(), WaitingBudget(patience)
    with Progress(*COLUMNS, console=console) as progress:
        task = progress.add_task("", total=samples_of(cases, runs))
        for number, one in rounds_in_turn(cases, runs, console):
            told = set(one.result.failures)
            show = partial(advance, progress, task, f"round {number + 1} of {runs}")
            one.take_round(left, show)
            tell(console, one.case, "FAILED", one.result.failures, told)
            plain["cases"][one.case.name] = case_to_json(one.result)
            plain["minutes"] = round((time.monotonic() - began) / 60, 2)
            if file is not None:
                write(file, plain)
    found: dict[str, Any] = json.loads(json.dumps(plain))  # as whoever reads the file has it
    return found


def rounds_in_turn(
    cases: Sequence[Case], runs: int, console: Console
) -> Iterator[tuple[int, CaseRun]]:
    """The rounds in their order: the number of each, and the case under way that takes it."""
    under_way = [CaseRun(case) for case in cases]
    for one in under_way:
        tell(console, one.case, "not run", one.result.reasons)
    for number in range(runs):
        for one in under_way:
            if one.case.takes_part(number, runs):
                yield number, one


def advance(progress: Progress, task: TaskID, of: str, text: str) -> None:
    """Show what runs now."""
    progress.update(task, description=f"{text} ({of})", advance=1)


def tell(
    console: Console, case: Case, what: str, reasons: Mapping[str, str], told: Container[str] = ()
) -> None:
    """Say at once which variants could not run or failed, with all they said, but for those told
    already."""
    for name, reason in reasons.items():
        if name not in told:
            console.print(text_of(f"{case.name}: {name}: {what}: {reason}"))


def text_of(text: str) -> Text:
    """A text, of a file of results or of a program that failed, as the terminal may have it."""
    return Text("\n".join(shown_lines(text)))


def print_tables(console: Console, tables: Sequence[FigureTable]) -> None:
    """Print tables, each with its note."""
    for table in tables:
        shown = RichTable(title=text_of(table.title), title_justify="left", caption_justify="left",
                          caption=text_of(table.note) if table.note else None)  # fmt: skip
        for heading in table.headings:
            shown.add_column(text_of(heading), overflow="fold")
        for row in table.rows:
            shown.add_row(*(text_of(cell) for cell in row))
        console.print(shown)


def print_results(plain: dict[str, Any], wide: bool) -> None:
    """Print what a run gave on standard output."""
    print_tables(Console(width=None if wide else WIDTH), shown_tables(results_of(plain)))
