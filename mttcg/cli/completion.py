"""`mttcg completion`: the script by which a shell completes the command line."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from mttcg.cli.parser import ArgumentParser
from mttcg.config import ENGINES
from mttcg.errors import UserError
from mttcg.instrument.loading.loader import all_plugins

SHELLS = ("bash", "zsh", "tcsh")


class NoShtabError(UserError):
    """The library that writes the scripts is not there."""

    def __init__(self) -> None:
        super().__init__("completion needs shtab; install it with: pip install 'mttcg[completion]'")


class CompletionVerb:
    """The verb `completion`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's one argument."""
        parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=" or ".join(SHELLS))

    def run(self, args: argparse.Namespace) -> int:
        """Write the script to stdout; NoShtabError."""
        try:
            import shtab
        except ImportError:
            raise NoShtabError from None
        from mttcg.cli import build_parser

        parser = build_parser()
        for one in parsers_of(parser):
            tell_what_completes(one, shtab.FILE, shtab.DIRECTORY)
        sys.stdout.write(shtab.complete(parser, shell=args.shell))
        return 0


def parsers_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of its verbs or actions."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers_of(inner)


def tell_what_completes(
    parser: argparse.ArgumentParser, file: dict[str, str], directory: dict[str, str]
) -> None:
    """Say for each argument what shtab completes: files, or names; no URL that may be left out."""
    plugins = [source.name for source in all_plugins()]
    names = {"engine": list(ENGINES), "plugin": plugins, "spec": plugins}
    if isinstance(parser, ArgumentParser) and parser.optional_url:
        parser._actions = [action for action in parser._actions if action.dest != "url"]
    for action in parser._actions:
        if action.type is Path:
            is_directory = action.metavar == "DIRECTORY"
            action.complete = directory if is_directory else file  # type: ignore[attr-defined]
        if action.choices is None:
            action.choices = names.get(action.dest)
