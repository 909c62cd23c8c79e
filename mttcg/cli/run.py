"""`mttcg run`: run a guest with its console on stdout, report on stderr."""

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from mttcg.cli.streams import GuestOutput, discard_stream, guest_input
from mttcg.config import (
    ENGINES,
    STALL_LIMIT_DEFAULT,
    Config,
    parse_assignment,
    parse_policies,
    parse_size,
)
from mttcg.errors import EXIT_FAULT, OptionError
from mttcg.machine.result import RunResult, StopReason

if TYPE_CHECKING:
    from mttcg.cli.status import StatusLine

EXIT_UNFIT = 255
"""Exit status for a guest's code that no process can end with."""


class RunVerb:
    """The verb `run`."""

    summary = "Run a guest and report what it did."

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of a run; the values are checked by Config."""
        add = parser.add_argument
        add("guest", metavar="GUEST", type=Path, help="the RV64 ELF file to run")
        add(
            "--smp", metavar="N", type=int, default=1, help="number of vCPUs, 1 to 64 (%(default)s)"
        )
        add("--memory", metavar="SIZE", default="128M", help="guest RAM (%(default)s)")
        add(
            "--code-cache",
            metavar="SIZE",
            default="64M",
            help="room for translated code (%(default)s)",
        )
        add("--engine", metavar="|".join(ENGINES), default="auto", help="(%(default)s)")
        add(
            "--plugin",
            metavar="SPEC",
            action="append",
            default=[],
            help="name-or-path,key=value,...; may be given more than once (see mttcg plugins)",
        )
        add("--bus", metavar="URL", help="where the bus listens: ipc://PATH or tcp://HOST:PORT")
        add(
            "--set",
            metavar="SYMBOL=VALUE",
            action="append",
            default=[],
            help="write a 64-bit value at an ELF symbol before the start",
        )
        add("--pin", action="store_true", help="pin each vCPU process to a processor")
        add("--no-aggregate", action="store_true", help="start no aggregator processes")
        add(
            "--wait-subscribers",
            metavar="N",
            type=int,
            default=0,
            help="start the guest when N subscribers have come",
        )
        add(
            "--policy",
            metavar="NAME=POLICY",
            action="append",
            default=[],
            help="what a stream (plugin.stream, or plugin for all its) does if subscribers are "
            "slower than the guest: block, drop, drop:oldest or sample:N",
        )
        add(
            "--stall-limit",
            metavar="SECONDS",
            type=float,
            default=STALL_LIMIT_DEFAULT,
            help="give a subscriber up that holds the guest up for so long, 0: never (%(default)g)",
        )
        add(
            "--keys",
            metavar="FILE",
            type=Path,
            help="keys of the bus (see mttcg keys), which addresses beyond this machine need",
        )
        add(
            "--allow",
            metavar="FILE",
            type=Path,
            action="append",
            default=[],
            help="public key of somebody who may subscribe; may be given more than once",
        )
        add(
            "--record",
            metavar="FILE",
            type=Path,
            help="record all that plugins publish to FILE, for mttcg replay and export",
        )
        add("--json", metavar="FILE", type=Path, help="write the whole result to FILE")
        add("--quiet", action="store_true", help="no status line and no tables, errors only")

    def run(self, args: argparse.Namespace) -> int:
        """Run the guest and return its exit status, 128 + the signal's number after a signal."""
        config = make_config(args)
        with stop_signals() as caught:
            try:
                result = run_machine(config)
            except KeyboardInterrupt:
                print("mttcg: interrupted", file=sys.stderr)
                return interrupted_status(caught)
        try:
            if config.json is not None:
                write_json(config.json, result.to_json())
        finally:
            print_outcome(result, config.quiet)
        if result.stop_reason == StopReason.INTERRUPTED:
            return interrupted_status(caught)
        return process_status(result)


def interrupted_status(caught: list[int]) -> int:
    """Give the exit status after a signal as shells do, Ctrl-C if it is none of those `caught`."""
    return 128 + (caught[0] if caught else signal.SIGINT)


def make_config(args: argparse.Namespace) -> Config:
    """Turn the arguments into a Config; OptionError for a value that an option can't have."""
    assignments: dict[str, int] = {}
    for text in args.set:
        symbol, value = parse_assignment(text)
        if symbol in assignments:
            raise OptionError("--set", f"{symbol} is given twice", "each symbol once")
        assignments[symbol] = value
    return Config(
        guest=args.guest,
        smp=args.smp,
        memory=parse_size(args.memory),
        code_cache=parse_size(args.code_cache, "--code-cache"),
        engine=args.engine,
        plugins=tuple(args.plugin),
        bus=args.bus,
        symbols_set=assignments,
        pin=args.pin,
        aggregate=not args.no_aggregate,
        wait_subscribers=args.wait_subscribers,
        policies=parse_policies(args.policy),
        stall_limit=args.stall_limit,
        quiet=args.quiet,
        keys=args.keys,
        allow=tuple(args.allow),
        record=args.record,
        json=args.json,
    )


def run_machine(config: Config) -> RunResult:
    """Run the guest with its console on this process's standard streams."""
    from mttcg.cli.status import status_line
    from mttcg.machine.machine import Machine

    machine = Machine(
        config.guest,
        smp=config.smp,
        memory=config.memory,
        code_cache=config.code_cache,
        engine=config.engine,
        plugins=config.plugins,
        bus=config.bus,
        symbols_set=config.symbols_set,
        pin=config.pin,
        aggregate=config.aggregate,
        wait_subscribers=config.wait_subscribers,
        policies=config.policies,
        stall_limit=config.stall_limit,
        keys=config.keys,
        allow=config.allow,
        record=config.record,
    )
    live = not config.quiet and sys.stderr.isatty()
    with guest_input() as stdin_fd, status_line(live) as show:
        output = guest_output(show)
        result: RunResult = machine.run(
            console=output,
            on_status=show,
            stdin_fd=stdin_fd,
            on_bus=say_where if config.bus or config.wait_subscribers else None,
        )
    if output is not None and output.lost:
        print("mttcg: stdout was closed; the guest's later output is lost", file=sys.stderr)
    return result


def say_where(url: str) -> None:
    """Tell those who are to subscribe where the bus is."""
    print(f"mttcg: bus at {url}", file=sys.stderr, flush=True)


def guest_output(show: "StatusLine | None") -> GuestOutput | None:
    """Give the guest's output on stdout, None if stdout is closed."""
    if sys.stdout is None:
        return None
    sys.stdout.flush()
    return GuestOutput(sys.stdout.buffer, None if show is None else show.before_guest_output)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end the run as Ctrl-C does, in order; gives the signals that came."""
    caught: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    # an ignored SIGHUP stays ignored: that is what nohup asks for
    wanted = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Write the result; OptionError if the file can't be written."""
    try:
        path.write_text(json.dumps(result, indent=2) + "\n")
    except OSError as error:
        raise OptionError("--json", f"{path}: {error.strerror}", "a file to write") from error


def print_outcome(result: RunResult, quiet: bool) -> None:
    """Print the tables unless `quiet`, and in any case what went wrong, on stderr.

    That nobody reads it is no reason for another exit status.
    """
    try:
        if not quiet:
            from mttcg.cli.render import make_console, print_result

            print_result(make_console(sys.stderr), result)
        if result.stop_reason != StopReason.GUEST_EXIT and not result.failures:
            print(f"mttcg: {result.stop_reason}", file=sys.stderr)
        for warning in result.warnings:
            print(f"mttcg: warning: {warning}", file=sys.stderr)
        for failure in result.failures:
            print(f"mttcg: {failure}", file=sys.stderr)
    except BrokenPipeError:
        discard_stream(sys.stderr)


def process_status(result: RunResult) -> int:
    """Give the exit status: the guest's code, said on stderr if it does not fit one.

    A run with failures never ends with 0.
    """
    if not 0 <= result.exit_status <= 255:
        wrong = f"the guest's exit code is {result.exit_status}; expected 0 to 255"
        print(f"mttcg: {wrong}; the exit status is {EXIT_UNFIT}", file=sys.stderr)
        return EXIT_UNFIT
    return result.exit_status or (EXIT_FAULT if result.failures else 0)
