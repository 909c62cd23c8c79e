"""One run of `mttcg bench`: many cases, a progress bar, results written as they come."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from mttcg_bench.cases import samples_of
from mttcg_bench.facts import facts
from mttcg_bench.model import Case
from mttcg_bench.quiet import Patience
from mttcg_bench.results import FORMAT, case_to_json, results_of, write
from mttcg_bench.runner import CaseResult, run_case
from mttcg_bench.tables import Table, shown_tables

WIDTH = 150
"""Columns of the tables where no terminal says how many there are."""
COLUMNS = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))


def run_cases(
    cases: Sequence[Case], runs: int, patience: float, console: Console, file: Path | None = None
) -> dict[str, Any]:
    """Run cases; what it gives is written to the file after each, so that none is lost."""
    plain: dict[str, Any] = {"format": FORMAT, "runs": runs, "minutes": 0.0, **facts(), "cases": {}}
    began, left = time.monotonic(), Patience(patience)
    with Progress(*COLUMNS, console=console) as progress:
        task = progress.add_task("", total=samples_of(cases, runs))

        def show(text: str) -> None:
            progress.update(task, description=text, advance=1)

        for case in cases:
            result = run_case(case, min(runs, case.rounds), left, show)
            tell_what_went_wrong(console, result)
            plain["cases"][case.name] = case_to_json(result)
            plain["minutes"] = round((time.monotonic() - began) / 60, 2)
            if file is not None:
                write(file, plain)
    found: dict[str, Any] = json.loads(json.dumps(plain))  # as whoever reads the file has it
    return found


def tell_what_went_wrong(console: Console, result: CaseResult) -> None:
    """Say at once what could not run and what failed, with all it said."""
    for name, reason in result.reasons.items():
        console.print(Text(f"{result.case.name}: {name}: not run: {reason}"))
    for name, failure in result.failures.items():
        console.print(Text(f"{result.case.name}: {name}: FAILED: {failure}"))


def print_tables(console: Console, tables: Sequence[Table]) -> None:
    """Print tables, each with its note."""
    for table in tables:
        shown = RichTable(title=Text(table.title), title_justify="left", caption_justify="left",
                          caption=Text(table.note) if table.note else None)  # fmt: skip
        for heading in table.headings:
            shown.add_column(Text(heading), overflow="fold")
        for row in table.rows:
            shown.add_row(*(Text(cell) for cell in row))
        console.print(shown)


def print_results(plain: dict[str, Any], wide: bool) -> None:
    """Print what a run gave on standard output."""
    print_tables(Console(width=None if wide else WIDTH), shown_tables(results_of(plain)))
