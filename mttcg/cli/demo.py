"""`mttcg demo`: a guest with four harts, counted and traced, in one word."""

import argparse
import shlex
from pathlib import Path

from mttcg.cli.parser import ArgumentParser
from mttcg.cli.run import RunVerb
from mttcg.example_guests import DEMO, example_guests
from mttcg.terminal import say, tell

OPTIONS = ("--smp", "4", "--plugin", "icount", "--plugin", "memtrace,top=5")


class DemoVerb:
    """The verb `demo`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's one option."""
        parser.add_argument(
            "--guests", action="store_true", help="print the folder of the example guests instead"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Say the command that it stands for, and run it."""
        folder = example_guests()
        if args.guests:
            say(str(folder))
            return 0
        here = Path.cwd()
        if folder.is_relative_to(here):  # as one would type it
            folder = folder.relative_to(here)
        arguments = [str(folder / DEMO), *OPTIONS]
        tell(f"this is: mttcg run {shlex.join(arguments)}")
        verb, parser = RunVerb(), ArgumentParser(prog="mttcg run")
        verb.prepare_parser(parser)
        return verb.run(parser.parse_args(arguments))
