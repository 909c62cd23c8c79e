"""The parser of the command line: argparse's, with errors of ours."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from mttcg.errors import UserError

URL_HELP = "the bus's address, as the run printed it; may be left out where there is one run"


class CommandLineError(UserError):
    """The arguments are not what the command takes."""


class ArgumentParser(argparse.ArgumentParser):
    """A parser that raises CommandLineError in place of printing its usage and exiting.

    optional_url: whether the first argument, a URL, may be left out before others that may not,
    which argparse has no way to say; it is "" then.
    """

    optional_url = False

    def parse_known_args(  # type: ignore[override]  # argparse declares overloads
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse, with "" where a URL was left out."""
        given = list(args or ())
        if self.optional_url and given and not given[0].startswith("-") and "://" not in given[0]:
            given.insert(0, "")
        return super().parse_known_args(given if self.optional_url else args, namespace)

    def error(self, message: str) -> NoReturn:
        """Turn argparse's message into an error of ours."""
        raise CommandLineError(f"{message}; expected as in `{self.prog} --help`")
