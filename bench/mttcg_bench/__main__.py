"""`python -m bench [CASE...]`: run cases, show tables, write JSON and Markdown."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mttcg_bench.cases import CASES
from mttcg_bench.errors import BenchError, UnknownCase
from mttcg_bench.facts import facts
from mttcg_bench.model import Case
from mttcg_bench.runner import CaseResult, Plan, run_case
from mttcg_bench.summary import case_from_json, case_to_json
from mttcg_bench.table import markdown, print_tables

FORMAT = 1
WIDTH = 120
"""Columns of the tables where no terminal says how many there are."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("cases", metavar="CASE", nargs="*", help="a case or a group of cases (all)")
    add("--runs", metavar="N", type=int, default=Plan.runs, help="rounds (%(default)s)")
    add("--json", metavar="FILE", type=Path, help="write samples, figures and verdicts")
    add("--markdown", metavar="FILE", type=Path, help="write the tables")
    add("--from", metavar="FILE", dest="source", type=Path, help="show an earlier JSON, run none")
    add("--list", action="store_true", help="list the cases and their purposes")
    add(
        "--patience",
        metavar="SECONDS",
        type=float,
        default=Plan.patience,
        help="how long to wait for a quiet machine before each run (%(default)g); "
        "0: take every run as it comes",
    )
    return parser.parse_args(arguments)


def choose(names: list[str], cases: tuple[Case, ...] = CASES) -> list[Case]:
    """The cases of these names and groups, in their own order; all if there are no names."""
    known = [case.name for case in cases] + sorted({case.group for case in cases})
    for name in names:
        if name not in known:
            raise UnknownCase(name, known)
    return [case for case in cases if not names or case.name in names or case.group in names]


def run_cases(cases: list[Case], plan: Plan, console: Console, file: Path | None) -> dict[str, Any]:
    """Run cases with a progress bar; the JSON is written after each, so that none is lost."""
    plain: dict[str, Any] = {"format": FORMAT, "runs": plan.runs, **facts(), "cases": {}}
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=plan.runs * sum(len(case.variants) for case in cases))
        for case in cases:

            def show(text: str) -> None:
                progress.update(task, description=text, advance=1)

            result = run_case(case, plan, show)
            if result.reason:
                progress.advance(task, plan.runs * len(case.variants))
            plain["cases"][case.name] = case_to_json(result)
            if file is not None:
                file.write_text(json.dumps(plain, indent=1) + "\n")
    return plain


def results_of(plain: dict[str, Any]) -> list[CaseResult]:
    """The results in a JSON, of those cases that still exist."""
    return [
        case_from_json(case, plain["cases"][case.name])
        for case in CASES
        if case.name in plain["cases"]
    ]


def main(arguments: list[str] | None = None) -> int:
    """Be the command."""
    asked, console = parse(arguments), Console(stderr=True)
    try:
        chosen = choose(asked.cases)
        if asked.list:
            for case in chosen:
                print(f"{case.name:28} {case.purpose}")
            return 0
        if asked.source:
            plain = json.loads(asked.source.read_text())
        else:
            attempts = Plan.attempts if asked.patience else 1
            plan = Plan(asked.runs, asked.patience, attempts)
            plain = run_cases(chosen, plan, console, asked.json)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2 if isinstance(error, UnknownCase) else 1
    width = None if sys.stdout.isatty() else WIDTH
    print_tables(Console(width=width), results_of(plain))
    if asked.markdown is not None:
        asked.markdown.write_text(markdown(plain, results_of(plain)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
