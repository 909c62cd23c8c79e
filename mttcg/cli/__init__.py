"""The command `mttcg`: one file per verb; every error becomes one line and an exit status."""

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol

from mttcg.cli.bench import BenchVerb
from mttcg.cli.campaign import CampaignVerb
from mttcg.cli.ctl import CtlVerb
from mttcg.cli.export import ExportVerb
from mttcg.cli.keys import KeysVerb
from mttcg.cli.plugins import PluginsVerb
from mttcg.cli.record import RecordVerb
from mttcg.cli.replay import ReplayVerb
from mttcg.cli.run import RunVerb
from mttcg.cli.streams import discard_stream, ensure_stderr
from mttcg.cli.subscribe import SubscribeVerb
from mttcg.cli.top import TopVerb
from mttcg.errors import (
    EXIT_FAULT,
    EXIT_INTERRUPTED,
    EXIT_SIGNAL,
    MttcgError,
    OutputError,
    UserError,
)
from mttcg.terminal import tell, tell_error
from mttcg.version import VERSION
from mttcg_bus.host.limits import NO_ROOM, check_memory_room, host_refusal

LEAST_MEMORY = 192 << 20
"""Bytes of address space that a verb takes at least; libraries end the process for want of it."""
EXIT_BROKEN_PIPE = EXIT_SIGNAL + signal.SIGPIPE
"""Exit status when nobody reads our output."""


class Verb(Protocol):
    """One verb of the command line."""

    summary: str

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; returns the exit status, raises MttcgError for what goes wrong."""


VERBS: dict[str, Verb] = {
    "run": RunVerb(),
    "subscribe": SubscribeVerb(),
    "record": RecordVerb(),
    "replay": ReplayVerb(),
    "export": ExportVerb(),
    "ctl": CtlVerb(),
    "campaign": CampaignVerb(),
    "keys": KeysVerb(),
    "top": TopVerb(),
    "plugins": PluginsVerb(),
    "bench": BenchVerb(),
}


class CommandLineError(UserError):
    """The arguments are not what the command takes."""


class ArgumentParser(argparse.ArgumentParser):
    """A parser that raises CommandLineError in place of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Turn argparse's message into an error of ours."""
        raise CommandLineError(f"{message}; expected as in `{self.prog} --help`")


def build_parser() -> ArgumentParser:
    """Make the parser of the whole command line."""
    description = "Run SMP RISC-V guests, one process per vCPU, instrumented from Python."
    parser = ArgumentParser(prog="mttcg", description=description, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"mttcg {VERSION}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        verb_parser = verbs.add_parser(
            name, help=verb.summary, description=verb.summary, allow_abbrev=False
        )
        verb.prepare_parser(verb_parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (sys.argv if `argv` is None) and return its exit status.

    A mistake of the user's is one line on stderr and status 2; a fault of ours is status 70.
    """
    ensure_stderr()
    try:
        status = run_verb(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except MttcgError as error:
        complain(str(error))
        return error.exit_status
    except BrokenPipeError:  # whoever read our output has seen enough
        discard_stream(sys.stdout)
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        complain("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        return answer_exception(error)


def run_verb(argv: Sequence[str] | None) -> int:
    """Run what the arguments ask for; its exit status."""
    try:
        args = build_parser().parse_args(argv)
        check_memory_room(LEAST_MEMORY, "to begin with")
        return VERBS[args.verb].run(args)
    except SystemExit as stop:  # argparse, after --help and --version
        return stop.code if isinstance(stop.code, int) else 0


def answer_exception(error: Exception) -> int:
    """Report an error of the bus, or a limit of the host, in one line.

    Any other has its traceback, as a fault of ours.
    """
    # the bus is a package of its own with its own root; it is not loaded unless it was used
    bus_errors = sys.modules.get("mttcg_bus.errors")
    if bus_errors is not None and isinstance(error, bus_errors.BusError):
        complain(str(error))
        return int(getattr(error, "exit_status", EXIT_FAULT))
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        if error.filename is None:
            discard_stream(sys.stdout)
        complain(str(OutputError(str(error.filename or "standard output"), error)))
        return EXIT_FAULT
    if refused := host_refusal(error):
        complain(refused)
        return EXIT_FAULT
    tell_error(error)
    complain(f"fault: {type(error).__name__}: {error}")
    return EXIT_FAULT


def complain(message: str) -> None:
    """Print one line on stderr, whatever line ends the message has."""
    tell(message.replace("\r\n", " ").replace("\n", " "))
