"""`mttcg ps`: the runs that there are, and where their buses are."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from mttcg.terminal import say

if TYPE_CHECKING:
    from rich.console import JustifyMethod

UNFOLDED = 10_000
"""Columns that no row has."""


class PsVerb:
    """The verb `ps`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's one option."""
        parser.add_argument("--json", action="store_true", help="print a list of objects as JSON")

    def run(self, args: argparse.Namespace) -> int:
        """Print a row for each, the oldest first."""
        from mttcg.cli.runs import UserRun, runs

        def row(run: UserRun) -> dict[str, Any]:
            named = {"guest": run.guest, "harts": run.harts, "pid": run.pid}
            return named | {"age": run.age, "address": run.url}

        found = list(runs())
        if args.json:
            plain = [row(run) | {"age": round(run.seconds, 3)} for run in found]
            sys.stdout.write(f"{json.dumps(plain)}\n")
        elif found:
            show([row(run) for run in found])
        else:
            say("no guest is running")
        return 0


def show(rows: list[dict[str, Any]]) -> None:
    """Print rows as a table, whatever is unknown as `-`."""
    from mttcg.cli.render import make_console
    from mttcg.cli.report import cell, new_table

    table = new_table()
    for name in rows[0]:
        justify: JustifyMethod = "right" if name in {"harts", "pid", "age"} else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for one in rows:
        table.add_row(*(cell("", str(value or "-")) for value in one.values()))
    console = make_console(sys.stdout)
    if not console.is_terminal:
        console.width = UNFOLDED  # a row is a line, for who filters them
    console.print(table)
