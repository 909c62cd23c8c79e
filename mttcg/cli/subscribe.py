"""`mttcg subscribe`: run a plugin's aggregator on the bus of a run, from any process."""

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from mttcg.cli.keys import add_client_keys, client_security
from mttcg.config import check_policy
from mttcg.errors import EXIT_FAULT, MttcgError, OptionError, PluginError
from mttcg.instrument.loader import Plugin, load_plugin
from mttcg.machine.result import json_ready

if TYPE_CHECKING:
    from mttcg_bus.aggregator import Outcome
    from mttcg_bus.recording import Recording
    from mttcg_bus.security import ClientSecurity
    from mttcg_bus.subscriber import Subscriber

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells give it: 128 + SIGINT."""
CONNECT_SECONDS = 10.0
"""How long the publisher may take to answer."""


class AggregatorError(MttcgError):
    """A plugin's aggregator raised; `plugin` names it, `error` is what it raised."""

    def __init__(self, plugin: str, error: Exception) -> None:
        super().__init__(f"plugin {plugin}: its aggregator raised {type(error).__name__}: {error}")
        self.plugin, self.error = plugin, error


class SubscribeVerb:
    """The verb `subscribe`."""

    summary = "Run a plugin's aggregator on the bus of a run, and print its report."

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        parser.add_argument("url", metavar="URL", help="the bus's address, as the run printed it")
        parser.add_argument(
            "--plugin",
            metavar="SPEC",
            required=True,
            help="name-or-path,key=value,... of a plugin with an Aggregator (see mttcg plugins)",
        )
        parser.add_argument(
            "--policy",
            metavar="POLICY",
            default="",
            help="what becomes of records that come too fast: block, drop, drop:oldest or sample:N "
            "(what each stream says)",
        )
        add_client_keys(parser)
        parser.add_argument("--json", metavar="FILE", type=Path, help="write the report to FILE")
        parser.add_argument(
            "--report-fd",
            metavar="N",
            type=int,
            help="write the report to this descriptor and print nothing; Ctrl-C is left to the run",
        )

    def run(self, args: argparse.Namespace) -> int:
        """Aggregate until the streams end; 70 if they break off, 130 after Ctrl-C."""
        if args.report_fd is not None:
            # Ctrl-C reaches the whole foreground group; the run that started us ends the streams
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            check_descriptor(args.report_fd)
        if args.policy:
            check_policy("this subscriber", args.policy)
        plugin = load_plugin(args.plugin)
        security = client_security(args)
        outcome, interrupted = aggregate_from(args.url, plugin, args.policy, security)
        deliver(plugin.name, outcome, args.json, args.report_fd)
        if interrupted:
            return EXIT_INTERRUPTED
        return EXIT_FAULT if outcome.failure or outcome.missing else 0


def check_descriptor(descriptor: int) -> None:
    """Refuse a --report-fd that is not open, before any work is done for it."""
    try:
        os.fstat(descriptor)
    except (OSError, OverflowError) as error:
        raise OptionError("--report-fd", f"{descriptor} is not open", "a descriptor") from error


def aggregate_from(
    url: str, plugin: Plugin, policy: str, security: "ClientSecurity | None"
) -> "tuple[Outcome, bool]":
    """Connect to the bus at `url` and aggregate until the streams end or Ctrl-C.

    Returns the outcome and whether it was Ctrl-C. Raises PluginError for a plugin without
    aggregator, the bus's errors if nothing answers or the run has no such stream, AggregatorError.
    """
    aggregator_class = aggregator_of(plugin)
    from mttcg_bus.subscriber import Subscriber

    prefixes = [f"{plugin.name}."]
    with Subscriber(
        url,
        prefixes,
        plugin.name,
        connect_seconds=CONNECT_SECONDS,
        policy=policy,
        security=security,
    ) as subscriber:
        with stop_on_interrupt(subscriber) as interrupts:
            outcome = aggregate_with(subscriber, aggregator_class, plugin)
        return outcome, bool(interrupts)


def aggregator_of(plugin: Plugin) -> type[Any]:
    """Give the plugin's aggregator; PluginError if it has none."""
    if plugin.aggregator is None:
        wrong = "it has no class Aggregator; expected a plugin that aggregates what it records"
        raise PluginError(plugin.name, wrong)
    return plugin.aggregator


@contextmanager
def stop_on_interrupt(subscriber: "Subscriber") -> Iterator[list[int]]:
    """Let the first Ctrl-C end the subscription, in order; gives the signals that came.

    A second one raises KeyboardInterrupt. An ignored SIGINT stays ignored.
    """
    caught: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, signal.default_int_handler)
        subscriber.stop()

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield caught
        return
    signal.signal(signal.SIGINT, stop)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)


def aggregate_with(
    subscriber: "Subscriber | Recording", aggregator_class: type[Any], plugin: Plugin
) -> "Outcome":
    """Feed the plugin's aggregator; what its code raises becomes AggregatorError."""
    from mttcg_bus.aggregator import aggregate
    from mttcg_bus.errors import BusError

    try:
        return aggregate(subscriber, aggregator_class(plugin.options, subscriber.run))
    except BusError:
        raise
    except Exception as error:
        traceback.print_exception(error)
        raise AggregatorError(plugin.name, error) from error


def outcome_json(plugin: str, outcome: "Outcome") -> dict[str, Any]:
    """Give the object that --json writes: the report, and what it lacks if it is incomplete."""
    missing = [{"stream": stream, "cpu": cpu} for stream, cpu in outcome.missing]
    gaps = [
        {"stream": stream, "cpu": cpu, "records": count}
        for (stream, cpu), count in outcome.gaps.items()
    ]
    found: dict[str, Any] = json_ready(
        {
            "plugin": plugin,
            "report": outcome.report,
            "complete": outcome.complete,
            "missing": missing,
            "gaps": gaps,
            "failure": outcome.failure,
        }
    )
    return found


def deliver(plugin: str, outcome: "Outcome", file: Path | None, descriptor: int | None) -> None:
    """Write the report where it was asked for: a file, a descriptor, else as tables to stdout.

    The descriptor gets the report alone; that it is incomplete is said by the exit status.
    """
    if descriptor is not None:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(json_ready(outcome.report), stream)
    else:
        from mttcg.cli.render import make_console, print_report

        print_report(make_console(sys.stdout), plugin, outcome.report)
        if not outcome.complete:
            wrong = incomplete_text(outcome)
            print(f"mttcg: plugin {plugin}: incomplete: {wrong}", file=sys.stderr)
    if file is not None:
        try:
            file.write_text(json.dumps(outcome_json(plugin, outcome), indent=2) + "\n")
        except OSError as error:
            raise OptionError("--json", f"{file}: {error.strerror}", "a file to write") from error


def incomplete_text(outcome: "Outcome") -> str:
    """Say in one line what the aggregator did not get."""
    lost = sum(outcome.gaps.values())
    parts = [f"{lost:,} records are missing"] if lost else []
    if outcome.missing:
        named = ", ".join(f"{stream} of vCPU {cpu}" for stream, cpu in outcome.missing[:4])
        parts.append(f"{len(outcome.missing)} streams did not end ({named})")
    return "; ".join([*parts, outcome.failure] if outcome.failure else parts)
