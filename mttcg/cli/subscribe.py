"""`mttcg subscribe`: run a plugin's aggregator on the bus of a run, from any process."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mttcg.aggregate.aggregation import (
    CONNECT_SECONDS,
    aggregator_errors,
    incomplete_text,
    maker_of,
    outcome_json,
    stop_on_interrupt,
)
from mttcg.aggregate.report_pipe import failures_told, write_report, write_subscribed
from mttcg.cli.files import write_json
from mttcg.cli.keys import add_client_keys, client_security
from mttcg.errors import EXIT_FAULT, EXIT_INTERRUPTED, OptionError
from mttcg.instrument.loading.loader import Plugin, load_plugin
from mttcg.instrument.loading.second_half import check_aggregator, checks_options
from mttcg.option_values import (
    check_interim,
    check_output,
    check_policy,
    check_shards,
    not_in_shards,
)
from mttcg.terminal import tell

if TYPE_CHECKING:
    from mttcg_bus.subscriber.aggregator import Outcome
    from mttcg_bus.wire.security import Security

NEVER = float("inf")
PLACE = re.compile(r"(\d{1,2})/(\d{1,2})", re.ASCII)


class SubscribeVerb:
    """The verb `subscribe`."""

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
        parser.add_argument(
            "--shards",
            metavar="N",
            type=int,
            default=1,
            help="share the vCPUs out to N processes, and merge what they find (%(default)s)",
        )
        parser.add_argument(
            "--interim",
            metavar="SECONDS",
            type=float,
            default=0.0,
            help="report what there is every so many seconds, too",
        )
        add_client_keys(parser)
        parser.add_argument("--json", metavar="FILE", type=Path, help="write the report to FILE")
        parser.add_argument(
            "--report-fd",
            metavar="N",
            type=int,
            help="write reports to this descriptor, an object of JSON on each line, and print "
            "nothing; Ctrl-C is left to the run",
        )
        parser.add_argument(
            "--shard", metavar="I/N", help="be shard I of N, which gives its state to --state-fd"
        )
        parser.add_argument("--state-fd", metavar="N", type=int, help="see --shard")

    def run(self, args: argparse.Namespace) -> int:
        """Aggregate until the streams end; 70 if they break off, 130 after Ctrl-C."""
        if args.report_fd is not None:
            # Ctrl-C reaches the whole foreground group; the run that started us ends the streams
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        for option, descriptor in (("--report-fd", args.report_fd), ("--state-fd", args.state_fd)):
            check_descriptor(option, descriptor)
        with failures_told(args.report_fd):
            return self._aggregate(args)

    def _aggregate(self, args: argparse.Namespace) -> int:
        if args.policy:
            check_policy("this subscriber", args.policy)
        check_interim(args.interim)
        check_shards(args.shards)
        if args.json is not None:
            check_output("--json", args.json)
        place = parse_place(args.shard, args.state_fd)
        plugin = load_plugin(args.plugin)
        maker_of(plugin)
        if plugin.aggregator is not None and args.shards > 1 and not plugin.aggregator.in_shards:
            raise OptionError("--shards", not_in_shards(plugin.name), "1")
        security = client_security(args)
        if place is not None:
            return be_shard(args, plugin, place, security)
        if args.report_fd is None and checks_options(plugin):  # else the run has asked it before
            check_before(args.url, plugin, security)
        told = teller(plugin, args.report_fd) if args.interim else None
        work = aggregate_in_shards if args.shards > 1 else aggregate_alone
        outcome, interrupted = work(args, plugin, security, told)
        deliver(plugin.name, outcome, args.json, args.report_fd)
        if interrupted:
            return EXIT_INTERRUPTED
        return EXIT_FAULT if outcome.failure or outcome.missing else 0


def check_descriptor(option: str, descriptor: int | None) -> None:
    """Refuse a descriptor that is not open, before any work is done for it."""
    try:
        if descriptor is not None:
            os.fstat(descriptor)
    except (OSError, OverflowError) as error:
        raise OptionError(option, f"{descriptor} is not open", "a descriptor") from error


def parse_place(text: str | None, descriptor: int | None) -> tuple[int, int] | None:
    """Read --shard I/N as (I, N), None if there is none; OptionError."""
    if (text is None) != (descriptor is None):
        raise OptionError("--shard", "it is for --state-fd", "both, or neither")
    if text is None:
        return None
    found = PLACE.fullmatch(text)
    place = tuple(map(int, found.groups())) if found else (0, 0)
    if not 0 <= place[0] < place[1]:
        raise OptionError("--shard", f"{text!r} is none", "I/N with I from 0 to N - 1")
    return place[0], place[1]


def check_before(url: str, plugin: Plugin, security: "Security | None") -> None:
    """Let the aggregator refuse its options before it counts as a subscriber; PluginError."""
    from mttcg_bus.subscriber.subscriber import ask_snapshot

    check_aggregator(plugin, ask_snapshot(url, CONNECT_SECONDS, security).run)


def aggregate_alone(
    args: argparse.Namespace,
    plugin: Plugin,
    security: "Security | None",
    told: Callable[[dict[str, Any]], None] | None,
) -> "tuple[Outcome, bool]":
    """Connect to the bus and aggregate until the streams end or Ctrl-C.

    told: called with each interim report. Returns the outcome and whether it was Ctrl-C. Raises the
    bus's errors if nothing answers or the run has no such stream, AggregatorError.
    """
    from mttcg_bus.subscriber.aggregator import aggregate, report_of, save
    from mttcg_bus.subscriber.interim import Every, Paced, so_far
    from mttcg_bus.subscriber.subscriber import Subscriber

    make = maker_of(plugin)
    with Subscriber(
        args.url,
        [f"{plugin.name}."],
        plugin.name,
        connect_seconds=CONNECT_SECONDS,
        policy=args.policy,
        security=security,
    ) as subscriber:
        with stop_on_interrupt(subscriber.stop) as interrupts, aggregator_errors(plugin):
            aggregator = make(subscriber.run)

            def tell() -> None:
                if told is not None:
                    found = so_far(subscriber, plugin.name, aggregator, make(subscriber.run))
                    told(report_of(found))
                    save(found)

            look = Every(args.interim or NEVER, tell)
            begun = partial(write_subscribed, args.report_fd)
            outcome = aggregate(Paced(subscriber, look), aggregator, begun)
        return outcome, bool(interrupts)


def aggregate_in_shards(
    args: argparse.Namespace,
    plugin: Plugin,
    security: "Security | None",
    told: Callable[[dict[str, Any]], None] | None,
) -> "tuple[Outcome, bool]":
    """Let as many processes aggregate as --shards says, at most one for a vCPU; as alone."""
    from mttcg.aggregate.shards import ShardLostError, Shards
    from mttcg_bus.subscriber.subscriber import ask_snapshot

    run = ask_snapshot(args.url, CONNECT_SECONDS, security).run
    count = min(args.shards, run.smp)
    command = ["subscribe", args.url, "--plugin", args.plugin, "--interim", str(args.interim)]
    for option in ("policy", "keys", "server", "token"):
        value = getattr(args, option)
        command += [f"--{option}", str(value)] if value else []
    subscribed = partial(write_subscribed, args.report_fd)
    with Shards.start(plugin, run, count, command, subscribed, told) as shards:
        if args.report_fd is not None:  # the run says so when the publisher has given one up
            signal.signal(signal.SIGTERM, lambda _number, _frame: shards.give_up_stopped())
        with stop_on_interrupt(shards.interrupt) as interrupts:
            try:
                outcome = shards.watch()
            except ShardLostError:
                if interrupts:
                    raise KeyboardInterrupt from None
                raise
        return outcome, bool(interrupts)


def be_shard(
    args: argparse.Namespace,
    plugin: Plugin,
    place: tuple[int, int],
    security: "Security | None",
) -> int:
    """Do the work of one shard; what it lacks is for the merging process to say."""
    from mttcg.aggregate.shards import run_shard

    run_shard(
        args.url,
        plugin,
        place,
        args.state_fd,
        policy=args.policy,
        security=security,
        interim=args.interim,
    )
    return 0


def teller(plugin: Plugin, descriptor: int | None) -> Callable[[dict[str, Any]], None]:
    """Give what an interim report is told to: the descriptor, else stdout."""
    if descriptor is None:
        return lambda report: show(f"{plugin.name} so far", report)
    return lambda report: write_report(descriptor, report, final=False)


def show(title: str, report: dict[str, Any]) -> None:
    """Print a report as tables."""
    from mttcg.cli.render import make_console, print_report

    print_report(make_console(sys.stdout), title, report)
    sys.stdout.flush()


def deliver(plugin: str, outcome: "Outcome", file: Path | None, descriptor: int | None) -> None:
    """Write the report where it was asked for: a file, a descriptor, else as tables to stdout."""
    if descriptor is not None:
        came = outcome.received
        write_report(descriptor, outcome.report, final=True, failure=outcome.failure, received=came)
    else:
        show(plugin, outcome.report)
        if not outcome.complete:
            wrong = incomplete_text(outcome)
            tell(f"plugin {plugin}: incomplete: {wrong}")
    if file is not None:
        write_json(file, outcome_json(plugin, outcome))
