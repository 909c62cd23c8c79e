"""`mttcg exec`: run a program of Linux in a guest, with the streams and the status of its own."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from mttcg.attached import ProgramStreams, Share, parse_share
from mttcg.cli.exec_ready import drop_ready, going_on, ready_machine
from mttcg.cli.run import interrupted_status, make_config, print_outcome, write_outputs
from mttcg.cli.run_options import BUS, MACHINE, OUTPUT, SEVERAL, Options, add_run_options
from mttcg.cli.streams import stdin_descriptor
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.programs.outcome import KernelLog, ending_of
from mttcg.programs.program import (
    COMMAND_LINE,
    ENVIRONMENT,
    BootedProgram,
    LinuxProgram,
    boot_program,
)
from mttcg.snapshot.errors import SnapshotError
from mttcg.supervisor.results.result import RunResult, StopReason
from mttcg.supervisor.start.host_process import started_host
from mttcg.terminal import tell
from mttcg_bus.host.threads import stay_single_threaded

OF_A_RUN = (*("--smp", "--code-cache", "--code-store", "--plugin", "--check", "--pin"),)
"""Options of the machine that are as those of `mttcg run`."""
DEFAULT_STORE = "~/.cache/mttcg/code"
FORWARDED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
"""Signals that go to the program."""
GIVING_UP, WITHIN_SECONDS = 3, 1.0
"""So many Ctrl-C in this time end the machine, whatever the program does."""
STDIN, STDOUT, STDERR = 0, 1, 2
OWN: Options = {
    "--memory": {"metavar": "SIZE", "default": "512M", "help": "guest RAM (%(default)s)"},
    "--share": {
        "metavar": "DIR[,write]",
        "help": "let the program read DIR, or write there, at the path that it has here; the "
        "working directory is shared, to be read, in any case; may be given more than once",
        **SEVERAL,
    },
    "--sysroot": {
        "metavar": "DIR",
        "type": Path,
        "help": "what is at the top of the program's file system: its libraries, for one that is "
        "linked dynamically",
    },
    "--cold": {
        "action": "store_true",
        "help": "start Linux anew, not from the snapshot that is kept of it (so does "
        "--whole-system)",
    },
    "--whole-system": {
        "action": "store_true",
        "help": "plugins see the whole guest from its start, not the program alone (those with "
        "functions for traps, interrupts, devices or switches always do)",
    },
    "--env": {
        "metavar": "NAME[=VALUE]",
        "help": "a variable of the program's environment, with the value that it has here or "
        "another; may be given more than once",
        **SEVERAL,
    },
}


class ExecVerb:
    """The verb `exec`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the options, and the program."""
        chosen = {name: told for name, told in MACHINE.items() if name in OF_A_RUN}
        chosen["--code-store"] = {**chosen["--code-store"], "default": DEFAULT_STORE}
        for table in (OWN, chosen, BUS, OUTPUT):
            for name, told in table.items():
                parser.add_argument(name, **told)
        parser.add_argument(
            "words",
            metavar="PROGRAM ARGUMENT",
            nargs=argparse.REMAINDER,
            help="behind --, the program, with its path, and its arguments",
        )

    def run(self, args: argparse.Namespace) -> int:
        """Run the program and return its exit status, 128 + the number of a signal it died of."""
        stay_single_threaded()
        with signals_for_program() as (signals, caught):
            booted, config, name = make_exec_config(args, signals)
            log = KernelLog()
            try:
                if args.cold or args.whole_system:
                    result = run_program(config, log)
                else:
                    result = run_ready(booted, config, log)
            except KeyboardInterrupt:
                tell("interrupted")
                return interrupted_status(caught)
        if result.stop_reason != StopReason.GUEST_EXIT:
            print_outcome(result, config.quiet)
            return interrupted_status(caught) if caught else result.exit_status
        status, text = ending_of(name, result.exit_status)
        result = replace(result, exit_status=status)
        try:
            write_outputs(config, result)
        finally:
            print_outcome(result, config.quiet)
        if text:
            tell(f"{text}\n{log.text}".strip())
        return status


def run_ready(booted: BootedProgram, config: Config, log: KernelLog) -> RunResult:
    """Run the machine from its snapshot, which is made if need be; else from its start."""
    for _ in range(2):
        path = ready_machine(config, booted)
        if path is None:
            break
        try:
            return run_program(going_on(config, path), log)
        except SnapshotError:  # damaged, or of another machine: once anew
            drop_ready(path)
    return run_program(config, log)


def run_program(config: Config, log: KernelLog) -> RunResult:
    """Run the machine."""
    with started_host(config) as host_process:
        from mttcg.supervisor.machine import Machine

        return Machine(config).run(console=log, host_process=host_process)


def make_exec_config(args: argparse.Namespace, signals: int) -> tuple[BootedProgram, Config, str]:
    """Turn the arguments into the program, a Config, and its name; signals: of `ProgramStreams`."""
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    if not words:
        raise OptionError("PROGRAM", "there is none", "-- ./program and its arguments")
    is_seen = bool(args.plugin) and not args.whole_system
    program = LinuxProgram(
        words=words,
        folder=Path.cwd(),
        shares=tuple(map(folder_to_share, args.share)),
        sysroot=args.sysroot,
        environment=dict(environment_of(args.env)),
        joins_errors=os.path.sameopenfile(STDOUT, STDERR),
        is_seen=is_seen,
    )
    booted = boot_program(program)
    source = stdin_descriptor(sys.stdin)
    if source is None:
        source = os.open(os.devnull, os.O_RDONLY)
    task = in_memory("task", booted.task)
    streams = ProgramStreams(source, STDOUT, STDERR, signals, task)
    initrd = path_of(in_memory("initrd", booted.initrd))
    own = {"kernel": booted.kernel, "initrd": initrd, "append": COMMAND_LINE}
    given = vars(args) | own | {"share": [], "quiet": args.quiet or not args.plugin}
    config = make_config(argparse.Namespace(**(run_defaults() | given)))
    config = replace(config, shares=booted.shares, streams=streams, for_program=is_seen)
    if is_seen:
        config = replace(config, program=booted.placed)
    return booted, config, words[0]


def run_defaults() -> dict[str, Any]:
    """Return the options of `mttcg run` that nobody gave."""
    parser = argparse.ArgumentParser()
    add_run_options(parser)
    return vars(parser.parse_args([]))


def in_memory(name: str, content: bytes) -> int:
    """Return the descriptor of a file that is gone with this process."""
    descriptor = os.memfd_create(name)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def path_of(descriptor: int) -> Path:
    """Return a path by which this process opens it."""
    return Path(f"/proc/self/fd/{descriptor}")


def folder_to_share(text: str) -> Share:
    """Read `--share`."""
    share = parse_share(text)
    if share.tag != Share.tag:
        raise OptionError("--share", f"{text!r}: the tag is not chosen here", "DIR[,write]")
    return share


def environment_of(given: list[str]) -> Iterator[tuple[str, str]]:
    """Read `--env`: the variables of the program, with those that are always there."""
    yield from ENVIRONMENT.items()
    if "TERM" in os.environ:
        yield "TERM", os.environ["TERM"]
    for text in given:
        name, equals, value = text.partition("=")
        if not name:
            raise OptionError("--env", f"{text!r} names no variable", "NAME=VALUE, or NAME")
        if equals:
            yield name, value
        elif name in os.environ:
            yield name, os.environ[name]


@contextmanager
def signals_for_program() -> Iterator[tuple[int, list[int]]]:
    """Have signals go to a pipe, a byte each; its other end, and those that gave up waiting."""
    there, here = os.pipe()
    os.set_blocking(here, False)
    caught: list[int] = []
    times: list[float] = []

    def forward(number: int, frame: FrameType | None) -> None:
        os.write(here, bytes((number,)))
        if number == signal.SIGINT:
            times.append(time.monotonic())
            if len(times) >= GIVING_UP and times[-1] - times[-GIVING_UP] < WITHIN_SECONDS:
                caught.append(number)
                raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in FORWARDED]
    wanted = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, forward) for number in wanted}
    try:
        yield there, caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(there)
        os.close(here)
