"""`mttcg run`: run a guest with its console on stdout, report on stderr."""

import argparse
import gc
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from mttcg.attached import parse_drive, parse_net, parse_share
from mttcg.cli.files import write_file, write_json
from mttcg.cli.run_options import add_run_options
from mttcg.cli.streams import GuestOutput, discard_stream, guest_input
from mttcg.config import MEMORY_DEFAULT, NO_GUEST, Config
from mttcg.errors import EXIT_FAULT, EXIT_SIGNAL, OptionError, OutputError
from mttcg.option_values import (
    parse_assignment,
    parse_loads,
    parse_policies,
    parse_shards,
    parse_size,
)
from mttcg.supervisor.results.result import RunResult, StopReason, json_ready
from mttcg.supervisor.start.host_process import HostProcess, started_host
from mttcg.supervisor.terminal.keyboard import Keyboard
from mttcg.terminal import tell
from mttcg_bus.host.threads import stay_single_threaded

if TYPE_CHECKING:
    from mttcg.cli.status import StatusLine

SIZES = ("smp", "memory")
"""Options that have no default of their own: one that is given is known from one that is not."""
EXIT_UNFIT = 255
"""Exit status for a guest's code that no process can end with."""


class RunVerb:
    """The verb `run`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of a run."""
        add_run_options(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Run the guest and return its exit status, 128 + the signal's number after a signal."""
        config = make_config(args)
        said: set[str] = set()
        with stop_signals() as caught:
            try:
                result = run_machine(config, said)
            except KeyboardInterrupt:
                tell("interrupted")
                return interrupted_status(caught)
        try:
            write_outputs(config, result)
        finally:
            print_outcome(result, config.quiet, said)
        if result.stop_reason == StopReason.INTERRUPTED:
            return interrupted_status(caught)
        return process_status(result)


def interrupted_status(caught: list[int]) -> int:
    """Give the exit status after a signal as shells do, Ctrl-C if it is none of those `caught`."""
    return EXIT_SIGNAL + (caught[0] if caught else signal.SIGINT)


def parse_code_store(text: str) -> Path | None:
    """Read `--code-store`: a folder, or none."""
    return None if text == "off" else Path(text).expanduser()


def make_config(args: argparse.Namespace) -> Config:
    """Turn the arguments into a Config; OptionError for a value that an option can't have."""
    options = machine_options(args) | run_options(args)
    if args.from_snapshot is None:
        return Config(**options)
    from mttcg.supervisor.snapshots.saved_machine import inherit  # most runs begin anew

    return inherit(args.from_snapshot, dict(given_of(args, options)))


def assignments_of(args: argparse.Namespace) -> dict[str, int]:
    """Read what `--set` says; OptionError."""
    assignments: dict[str, int] = {}
    for text in args.set:
        symbol, value = parse_assignment(text)
        if symbol in assignments:
            raise OptionError("--set", f"{symbol} is given twice", "each symbol once")
        assignments[symbol] = value
    return assignments


def machine_options(args: argparse.Namespace) -> dict[str, Any]:
    """Give the fields of a Config that say what is run; OptionError."""
    return {
        "guest": args.guest,
        "smp": 1 if args.smp is None else args.smp,
        "memory": MEMORY_DEFAULT if args.memory is None else parse_size(args.memory),
        "tiers": args.tiers,
        "code_cache": parse_size(args.code_cache, "--code-cache"),
        "code_store": parse_code_store(args.code_store),
        "engine": args.engine,
        "plugins": tuple(args.plugin),
        "drives": tuple(map(parse_drive, args.drive)),
        "rng": args.rng,
        "console": args.console,
        "shares": tuple(map(parse_share, args.share)),
        "nets": tuple(map(parse_net, args.net)),
        "bus": args.bus,
        "kernel": args.kernel,
        "initrd": args.initrd,
        "append": args.append,
        "bios": args.bios,
        "dtb": args.dtb,
        "dump_dtb": args.dump_dtb,
        "symbols": args.symbols,
        "kernel_types": args.kernel_types,
        "sysroot": args.sysroot,
        "loads": parse_loads(args.load),
        "symbols_set": assignments_of(args),
    }


def run_options(args: argparse.Namespace) -> dict[str, Any]:
    """Give the other fields; OptionError."""
    return {
        "semihosting": not args.no_semihosting,
        "args": args.args,
        "semihosting_files": args.semihosting_files,
        "deterministic": args.deterministic,
        "quantum": args.quantum,
        "seed": args.seed,
        "record_inputs": args.record_inputs,
        "replay_inputs": args.replay_inputs,
        "check": args.check,
        "pin": args.pin,
        "aggregate": not args.no_aggregate,
        "shards": parse_shards(args.shards),
        "interim": args.interim,
        "wait_subscribers": args.wait_subscribers,
        "policies": parse_policies(args.policy),
        "stall_limit": args.stall_limit,
        "terminal": args.terminal,
        "stop_on_trap_loop": args.stop_on_trap_loop,
        "quiet": args.quiet,
        "keys": args.keys,
        "allow": tuple(args.allow),
        "control": args.control,
        "allow_control": tuple(args.allow_control),
        "snapshot": args.snapshot,
        "snapshot_at": args.snapshot_at,
        "gdb": args.gdb,
        "wait_gdb": args.wait_gdb,
        "record": args.record,
        "record_limit": parse_size(args.record_limit, "--record-limit") if args.record_limit else 0,
        "json": args.json,
        "html": args.html,
    }


def given_of(args: argparse.Namespace, options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give those options that a run from a snapshot says itself, as they are not as by default."""
    untouched = Config(guest=Path("none"))
    for name, value in options.items():
        said = name in SIZES and getattr(args, name) is not None
        if said or value not in (getattr(untouched, name), NO_GUEST):
            yield name, value


def run_machine(config: Config, said: set[str]) -> RunResult:
    """Run the guest with its console on this process's standard streams.

    said: takes the warnings that were printed while it ran.
    """
    stay_single_threaded()
    gc.disable()  # what is loaded stays, and names of a kernel are many: until the guest runs
    try:
        with started_host(config) as host_process:  # which loads while this process does
            return run_in_host(host_process, config, said)
    finally:
        gc.enable()


def run_in_host(host_process: HostProcess, config: Config, said: set[str]) -> RunResult:
    """As `run_machine`, in a vCPU host that was started for this configuration."""
    from mttcg.supervisor.machine import Machine

    machine = Machine(config)
    with guest_input() as (stdin_fd, set_raw), status_of(config) as show:
        output = guest_output(show)
        keyboard = keyboard_of(config, set_raw, show)

        def show_interim(so_far: RunResult) -> None:
            if show is not None:
                show.erase()
            try:
                write_outputs(config, so_far)
            except (OptionError, OutputError) as error:  # at the end there may be room
                tell(f"warning: {error}")
            print_outcome(so_far, config.quiet, said)

        def warn(text: str) -> None:
            if show is not None:
                show.erase()
            said.add(text)
            say_warning(text)

        def begin() -> None:
            gc.enable()
            if not config.quiet:
                load_tables()

        result: RunResult = machine.run(
            console=output,
            on_status=show,
            stdin_fd=stdin_fd,
            on_bus=partial(say_where, bool(config.keys)) if others_come(config) else None,
            on_interim=show_interim,
            on_warning=warn,
            on_started=begin,
            keyboard=keyboard,
            host_process=host_process,
        )
    if output is not None and output.closed:
        tell("stdout was closed; the guest's later output is lost")
    return result


def keyboard_of(
    config: Config, set_raw: Callable[[], None] | None, show: "StatusLine | None"
) -> Keyboard | None:
    """What sorts the keys of a terminal, None if there is none, or it stays cooked.

    It does where the guest gets no keys, so that Ctrl-C is the run's.
    """
    if set_raw is None or config.terminal == "cooked" or not config.takes_input:
        return None

    def give_to_guest() -> None:
        if show is not None:
            show.retire()
        set_raw()

    return Keyboard(give_to_guest, at_once=config.raw_at_once, is_quiet=config.quiet)


def status_of(config: Config) -> AbstractContextManager["StatusLine | None"]:
    """The status line of a run, if it is to have one; who has none does not wait for its module."""
    if config.quiet or not ends_on_terminal():
        return nullcontext()
    from mttcg.cli.status import status_line

    return status_line(True)


def ends_on_terminal() -> bool:
    """Whether stderr is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def load_tables() -> None:
    """Import what prints the outcome, while there is nothing else to do."""
    import mttcg.cli.render  # noqa: F401


def others_come(config: Config) -> bool:
    """Whether somebody is to find the bus."""
    return bool(config.bus or config.wait_subscribers or config.control)


def say_where(has_keys: bool, url: str) -> None:
    """Tell those who are to subscribe where the bus is, and where their programs find its token."""
    tell(f"bus at {url}")
    if url.startswith("tcp://") and not has_keys:
        from mttcg_bus.wire.tokens import token_file

        tell(f"its token is in {token_file(url)}")


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


def write_outputs(config: Config, result: RunResult) -> None:
    """Write the files that were asked for.

    Raises OptionError for one that can't be written, OutputError for one without room; what is
    wrong with another is said, and all that can be written is.
    """
    wrong: list[OptionError | OutputError] = []
    for path, write in ((config.json, write_result), (config.html, write_page)):
        try:
            if path is not None:
                write(path, config, result)
        except (OptionError, OutputError) as error:
            wrong.append(error)
    for other in wrong[1:]:
        tell(str(other))
    if wrong:
        raise wrong[0]


def write_result(path: Path, _config: Config, result: RunResult) -> None:
    """Write the file of --json."""
    write_json(path, result.to_json())


def write_page(path: Path, config: Config, result: RunResult) -> None:
    """Write the file of --html."""
    from mttcg.report.page import run_page

    write_file("--html", path, run_page(result.to_json(), settings_of(config)))


def settings_of(config: Config) -> dict[str, Any]:
    """Give the options of a run as a page shows them."""
    found: dict[str, Any] = json_ready(config)
    return {name.replace("_", " "): value for name, value in found.items()}


def say_warning(text: str) -> None:
    """Print a warning on stderr at once."""
    try:
        tell(f"warning: {text}")
    except BrokenPipeError:
        discard_stream(sys.stderr)


def print_outcome(result: RunResult, quiet: bool, said: Collection[str] = ()) -> None:
    """Print the tables unless `quiet`, and in any case what went wrong, on stderr.

    That nobody reads it is no reason for another exit status. said: warnings that it has already.
    """
    try:
        if not quiet:
            from mttcg.cli.render import make_console, print_result

            print_result(make_console(sys.stderr), result)
        in_order = result.stop_reason in (StopReason.GUEST_EXIT, StopReason.RUNNING)
        if not in_order and not result.failures:
            tell(str(result.stop_reason))
        for warning in result.warnings:
            if warning not in said:
                tell(f"warning: {warning}")
        for failure in result.causes:
            tell(failure)
    except BrokenPipeError:
        discard_stream(sys.stderr)


def process_status(result: RunResult) -> int:
    """Give the exit status: the guest's code, said on stderr if it does not fit one.

    A run with failures never ends with 0.
    """
    if not 0 <= result.exit_status <= 255:
        wrong = f"the guest's exit code is {result.exit_status}; expected 0 to 255"
        tell(f"{wrong}; the exit status is {EXIT_UNFIT}")
        return EXIT_UNFIT
    return result.exit_status or (EXIT_FAULT if result.failures else 0)
