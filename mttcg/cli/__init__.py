"""The command `mttcg`: one file per verb; every error becomes one line and an exit status."""

import argparse
import importlib
import signal
import sys
from collections.abc import Collection, Sequence
from typing import NamedTuple, NoReturn, Protocol

from mttcg.cli.parser import ArgumentParser
from mttcg.cli.streams import discard_stream, ensure_stderr
from mttcg.errors import (
    EXIT_FAULT,
    EXIT_INTERRUPTED,
    EXIT_SIGNAL,
    MttcgError,
    OutputError,
)
from mttcg.terminal import tell, tell_error
from mttcg.version import VERSION
from mttcg_bus.host.limits import NO_ROOM, check_memory_room, host_refusal

LEAST_MEMORY = 192 << 20
"""Bytes of address space that a verb takes at least; libraries end the process for want of it."""
EXIT_BROKEN_PIPE = EXIT_SIGNAL + signal.SIGPIPE
"""Exit status when nobody reads our output."""


class Verb(Protocol):
    """What a verb's module has."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; returns the exit status, raises MttcgError for what goes wrong."""


class VerbRow(NamedTuple):
    """A verb of the command line: in a line, and the class of it, in its module.

    The module is imported when the verb is used: most runs need one of them.
    """

    summary: str
    module: str
    name: str

    def load(self) -> Verb:
        """Import the verb."""
        verb: Verb = getattr(importlib.import_module(self.module), self.name)()
        return verb


VERBS = {
    "run": VerbRow("Run a guest and report what it did.", "mttcg.cli.run", "RunVerb"),
    "exec": VerbRow(
        "Run a program of Linux on RISC-V as if it were one of this machine's.",
        "mttcg.cli.exec",
        "ExecVerb",
    ),
    "demo": VerbRow(
        "Run an example guest on four harts, counted and traced.", "mttcg.cli.demo", "DemoVerb"
    ),
    "subscribe": VerbRow(
        "Run a plugin's aggregator on the bus of a run, and print its report.",
        "mttcg.cli.subscribe",
        "SubscribeVerb",
    ),
    "record": VerbRow(
        "Record everything that a run publishes to a file.", "mttcg.cli.record", "RecordVerb"
    ),
    "replay": VerbRow(
        "Run a plugin's aggregator over a recording, and print its report.",
        "mttcg.cli.replay",
        "ReplayVerb",
    ),
    "export": VerbRow(
        "Write the records of a recording as Parquet files.", "mttcg.cli.export", "ExportVerb"
    ),
    "ctl": VerbRow(
        "Control a run while its guest runs: plugins, pause, registers, memory, stop.",
        "mttcg.cli.ctl",
        "CtlVerb",
    ),
    "campaign": VerbRow(
        "Run the guests of a campaign file with all its settings, and make one table of it.",
        "mttcg.cli.campaign",
        "CampaignVerb",
    ),
    "keys": VerbRow(
        "Make a pair of keys, for a bus that others reach from other machines.",
        "mttcg.cli.keys",
        "KeysVerb",
    ),
    "ps": VerbRow(
        "List your runs on this machine, with the addresses of their buses.",
        "mttcg.cli.ps",
        "PsVerb",
    ),
    "top": VerbRow(
        "Show a run as it goes: speed of each vCPU, streams, hottest blocks. q quits.",
        "mttcg.cli.top",
        "TopVerb",
    ),
    "images": VerbRow(
        "List guests that can be had ready, such as a distribution's kernel, or get one.",
        "mttcg.cli.images",
        "ImagesVerb",
    ),
    "plugins": VerbRow(
        "List the plugins, or show what one of them does and its options.",
        "mttcg.cli.plugins",
        "PluginsVerb",
    ),
    "completion": VerbRow(
        "Print the script by which a shell completes mttcg's command line.",
        "mttcg.cli.completion",
        "CompletionVerb",
    ),
    "bench": VerbRow(
        "Measure speed, overhead and scale-out, beside other emulators; compare two runs.",
        "mttcg.cli.bench",
        "BenchVerb",
    ),
}


def build_parser(words: Collection[str] = VERBS.keys()) -> ArgumentParser:
    """Make the parser of the command line, with the arguments of those verbs that are among words.

    Of the others it has the summaries.
    """
    description = "Run SMP RISC-V guests, one process per vCPU, instrumented from Python."
    parser = ArgumentParser(prog="mttcg", description=description, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"mttcg {VERSION}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, row in VERBS.items():
        verb_parser = verbs.add_parser(
            name, help=row.summary, description=row.summary, allow_abbrev=False
        )
        if name in words:
            row.load().prepare_parser(verb_parser)
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


def command() -> NoReturn:
    """The command as a process. Ctrl-C does not change its exit status once that is known."""
    status = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python would put the default back as it ends
    sys.exit(status)


def run_verb(argv: Sequence[str] | None) -> int:
    """Run what the arguments ask for; its exit status."""
    words = sys.argv[1:] if argv is None else argv
    try:
        args = build_parser(words).parse_args(words)
        check_memory_room(LEAST_MEMORY, "to begin with")
        return VERBS[args.verb].load().run(args)
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
