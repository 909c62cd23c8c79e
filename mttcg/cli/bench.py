"""`mttcg bench`: measure speed, overhead and scale-out, beside other emulators."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mttcg.cli.files import write_file
from mttcg.errors import OptionError, UserError
from mttcg.option_values import SMP_MAX
from mttcg.terminal import say

if TYPE_CHECKING:
    from mttcg_bench.cases.choice import CaseChoice

EXIT_FAILED = 1
"""A case failed, or a figure became worse."""
RUNS, PATIENCE = 5, 180.0
COMPARE = "compare"


class BenchArgumentError(UserError):
    """An argument that does not go with the others, or is not what it has to be."""


class BenchVerb:
    """The verb `bench`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        add = parser.add_argument
        add("what", metavar="CASE", nargs="*",
            help="scaleout, engines, plugins, bus, startup, peers, all, or single cases; "
            f"or: {COMPARE} OLD.json NEW.json")  # fmt: skip
        add("--smp", metavar="N,...", type=numbers, default=(), help="vCPUs to scale out to")
        add("--engines", metavar="NAME,...", type=names, default=(),
            help="of llvm, unicorn, and for scaling out qemu-7.2 and qemu-10.0")  # fmt: skip
        add("--plugins", metavar="NAME,...", type=names, default=(),
            help="what to attach: empty, icount, hotblocks, block-probe, instruction-probe, "
            "access-probe, memtrace, memtrace-drop, callback, or files of plugins")  # fmt: skip
        add("--runs", metavar="N", type=positive, default=RUNS, help="rounds (%(default)s)")
        add("--patience", metavar="SECONDS", type=float, default=PATIENCE,
            help="to wait for a quiet machine and repeat what others disturbed, all together "
            "(%(default)g)")  # fmt: skip
        add("--json", metavar="FILE", type=Path, help="write samples, figures and verdicts")
        add("--html", metavar="FILE", type=Path, help="write a page with plots")
        add("--from", metavar="FILE", dest="source", type=Path,
            help="show what an earlier run wrote by --json; run nothing")  # fmt: skip
        add("--list", action="store_true", help="list the cases and their purposes")
        add("--threshold", metavar="TIMES", type=float,
            help=f"for {COMPARE}: how many times worse is a regression (1.1)")  # fmt: skip

    def run(self, args: argparse.Namespace) -> int:
        """Measure; 1 if a case failed. Compare: 1 if something became worse."""
        if args.what[:1] == [COMPARE]:
            return self.compare(args)
        if args.threshold is not None:
            raise BenchArgumentError(f"--threshold goes with {COMPARE} OLD.json NEW.json")
        if args.source is not None:
            from mttcg_bench.results import read

            return self.show(args, read(args.source))
        return self.measure(args)

    def measure(self, args: argparse.Namespace) -> int:
        """Run the cases."""
        from rich.console import Console

        from mttcg_bench.cases import cases_of
        from mttcg_bench.session import run_cases

        cases = cases_of(args.what, choice_of(args))
        if args.list:
            for case in cases:
                say(f"{case.name:28} {case.purpose}")
            return 0
        for option, file in (("--json", args.json), ("--html", args.html)):
            check_place(option, file)
        console = Console(stderr=True)
        plain = run_cases(cases, args.runs, args.patience, console, args.json)
        return self.show(args, plain)

    def show(self, args: argparse.Namespace, plain: dict[str, object]) -> int:
        """Print the tables, write the page; 1 if a case failed."""
        from mttcg_bench.page import bench_page
        from mttcg_bench.results import results_of
        from mttcg_bench.session import print_results

        print_results(plain, sys.stdout.isatty())
        if args.html is not None:
            write_file("--html", args.html, bench_page(plain))
        return EXIT_FAILED if any(one.failures for one in results_of(plain)) else 0

    def compare(self, args: argparse.Namespace) -> int:
        """Print how each figure changed; 1 if one became worse by more than the threshold."""
        from rich.console import Console

        from mttcg_bench.compare import THRESHOLD, change_table, changes, not_compared, pace_change
        from mttcg_bench.results import read
        from mttcg_bench.session import WIDTH, print_tables

        if len(args.what) != 3:
            raise BenchArgumentError(f"expected: mttcg bench {COMPARE} OLD.json NEW.json")
        threshold = THRESHOLD if args.threshold is None else args.threshold
        old, new = (read(Path(name)) for name in args.what[1:])
        found = list(changes(old, new))
        console = Console(width=None if sys.stdout.isatty() else WIDTH)
        print_tables(console, [change_table(found, threshold, pace_change(old, new))])
        for name in not_compared(old, new):
            say(f"not compared: {name}")
        worse = [change for change in found if change.is_worse(threshold)]
        say(f"{len(found)} figures compared; {len(worse)} worse by more than {threshold:g} times")
        return EXIT_FAILED if worse else 0


def choice_of(args: argparse.Namespace) -> "CaseChoice":
    """What was asked for; raises UnknownName."""
    from mttcg_bench.cases.attached import attached
    from mttcg_bench.cases.choice import ENGINES, CaseChoice
    from mttcg_bench.errors import UnknownName

    for engine in args.engines:
        if engine not in ENGINES:
            raise UnknownName("engine", engine, ENGINES)
    for plugin in args.plugins:
        attached(plugin)
    return CaseChoice(args.smp, args.engines, args.plugins)


def check_place(option: str, file: Path | None) -> None:
    """Raise OptionError at once, and not when all is measured, if a file can't be written."""
    if file is None:
        return
    place = file if file.exists() else file.absolute().parent
    if file.is_dir() or not os.access(place, os.W_OK):
        raise OptionError(option, str(file), "a file to write")


def names(text: str) -> tuple[str, ...]:
    """Names between commas, each once."""
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def numbers(text: str) -> tuple[int, ...]:
    """Numbers of vCPUs between commas, ascending, each once."""
    found = sorted({int(number) for number in text.split(",")})
    if not found or found[0] < 1 or found[-1] > SMP_MAX:
        raise argparse.ArgumentTypeError(f"{text!r}: numbers from 1 to {SMP_MAX} are expected")
    return tuple(found)


def positive(text: str) -> int:
    """A number from 1 on."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 1 on is expected")
    return number
