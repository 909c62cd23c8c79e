"""`mttcg ctl`: control a run while its guest runs."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mttcg.cli.files import write_file
from mttcg.cli.keys import add_client_keys, client_security
from mttcg.cli.parser import URL_HELP, ArgumentParser
from mttcg.errors import OptionError
from mttcg.instrument.program.symbol_names import readable_name
from mttcg.supervisor.results.result import json_ready
from mttcg.terminal import say

if TYPE_CHECKING:
    from mttcg_bus.subscriber.controller import Control

Work: TypeAlias = "Callable[[Control, argparse.Namespace], Any]"
BYTES_A_LINE = 16
MEMORY_SIZE = 64
"""Bytes that are shown where no size is given."""
PLACE = re.compile(r"(?P<symbol>[^\d+\s].*?)(\+(?P<offset>\d\w*))?|(?P<address>\d\w*)", re.ASCII)


@dataclass(frozen=True)
class Action:
    """One thing to do: in a line, its arguments, how to do it, how to show what comes back."""

    summary: str
    work: Work
    arguments: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    show: "Callable[[argparse.Namespace, Any], None] | None" = None


class CtlVerb:
    """The verb `ctl`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        parser.add_argument("url", metavar="URL", help=URL_HELP)
        if isinstance(parser, ArgumentParser):
            parser.optional_url = True
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        for name, action in ACTIONS.items():
            action_parser = actions.add_parser(
                name, help=action.summary, description=action.summary, allow_abbrev=False
            )
            for argument, told in action.arguments:
                action_parser.add_argument(argument, **told)
            add_connection_options(action_parser)

    def run(self, args: argparse.Namespace) -> int:
        """Do one thing; the run's refusal is one line and status 2, as is wrong use."""
        from mttcg.cli.runs import url_of_the_run
        from mttcg_bus.subscriber.controller import Control

        if not 0 < args.timeout <= 1e6:
            wrong = f"{args.timeout:g} is out of range"
            raise OptionError("--timeout", wrong, "seconds, above 0")
        security = client_security(args)
        action = ACTIONS[args.action]
        url = args.url or url_of_the_run(controlled=True)
        with Control(url, seconds=args.timeout, security=security, awaits=False) as control:
            answer = action.work(control, args)
        if args.json:
            sys.stdout.write(f"{json.dumps(json_ready(answer))}\n")
        else:
            (action.show or show_report)(args, answer)
        return 0


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every action has."""
    add_client_keys(parser)
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=60.0,
        help="how long to wait for the answer (%(default)g); what was asked for is done anyhow",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the answer as JSON, not as tables"
    )


def show_report(args: argparse.Namespace, answer: Any) -> None:
    """Print an answer as tables."""
    from mttcg.cli.render import make_console, print_report

    if answer:
        print_report(make_console(sys.stdout), args.action, answer)


def show_registers(_args: argparse.Namespace, registers: Mapping[str, int]) -> None:
    """Print registers, several to a line."""
    from mttcg.cli.render import make_console, register_table

    make_console(sys.stdout).print(register_table(registers))


def show_memory(args: argparse.Namespace, answer: Mapping[str, Any]) -> None:
    """Print bytes in hexadecimal, with their addresses; or write them to the file that is named."""
    data = bytes.fromhex(answer["data"])
    if args.output is not None:
        write_file("--output", args.output, data)
    for at in range(0, len(data) if args.output is None else 0, BYTES_A_LINE):
        piece = data[at : at + BYTES_A_LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        hexadecimal = piece.hex(" ").ljust(3 * BYTES_A_LINE - 1)
        say(f"{answer['address'] + at:#018x}  {hexadecimal}  {text}")


def registers(control: "Control", args: argparse.Namespace) -> dict[str, int]:
    """Read registers, after those were written that have a value."""
    values = dict(parse_value(text) for text in args.register if "=" in text)
    if values:
        control.write_registers(args.cpu, values)
    names = [text.partition("=")[0].strip() for text in args.register]
    return control.read_registers(args.cpu, names)


def parse_value(text: str) -> tuple[str, int]:
    """Read "NAME=VALUE", a 64-bit value; negative ones as two's complement."""
    name, _, value = text.partition("=")
    number = number_of("REGISTER", value)
    if not -(1 << 63) <= number < 1 << 64:
        raise OptionError("REGISTER", f"{text!r} does not fit 64 bits", "NAME=VALUE")
    return name.strip(), number & (1 << 64) - 1


def number_of(what: str, text: str) -> int:
    """Read a decimal or 0x... number; OptionError."""
    try:
        return int(text, 0)
    except ValueError:
        raise OptionError(what, f"{text!r} is no number", "a number, decimal or 0x...") from None


def read_memory(control: "Control", args: argparse.Namespace) -> dict[str, Any]:
    """Read memory; the address may be a symbol's."""
    address, size = address_of(control, args.address), number_of("SIZE", args.size)
    if size <= 0:
        raise OptionError("SIZE", f"{size} bytes", "at least 1")
    data = control.read_memory(address, size, cpu=args.cpu, space=args.space)
    return {"address": address, "space": args.space, "data": data.hex()}


def write_memory(control: "Control", args: argparse.Namespace) -> dict[str, Any]:
    """Write memory; the address may be a symbol's."""
    data = bytes_to_write(args)
    address = address_of(control, args.address)
    control.write_memory(address, data, cpu=args.cpu, space=args.space)
    return {"address": address, "space": args.space, "size": len(data)}


def bytes_to_write(args: argparse.Namespace) -> bytes:
    """Give the bytes that the arguments name: in hexadecimal, or a file's."""
    if (args.hex is None) == (args.input is None):
        raise OptionError("HEX", "bytes are to be given once", "HEX, or --input FILE")
    try:
        return bytes.fromhex(args.hex) if args.input is None else args.input.read_bytes()
    except ValueError:
        raise OptionError("HEX", f"{args.hex!r}", "bytes as pairs of hexadecimal digits") from None
    except OSError as error:
        wrong = f"{args.input}: {error.strerror}"
        raise OptionError("--input", wrong, "a file to read") from error


def address_of(control: "Control", text: str) -> int:
    """Give the address that a number or SYMBOL+OFFSET stands for; OptionError."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise OptionError("ADDRESS", f"{text!r}", "a number, SYMBOL or SYMBOL+OFFSET")
    if found["address"]:
        return number_of("ADDRESS", found["address"])
    known = {name: address for address, _, name in control.run_info().symbols}
    symbol = found["symbol"] if found["symbol"] in known else readable_name(found["symbol"])
    if symbol not in known:
        raise OptionError(
            "ADDRESS", f"the guest has no symbol {found['symbol']}", "one that it has"
        )
    return known[symbol] + number_of("ADDRESS", found["offset"] or "0")


def instruments(control: "Control", _args: argparse.Namespace) -> dict[str, Any]:
    """What is attached, with symbols beside addresses."""
    found, run = control.instruments(), control.run_info()
    attachments = [dict(named(each, run.symbol_at)) for each in found["attachments"]]
    return found | {"attachments": attachments}


def named(
    attachment: Mapping[str, Any], symbol_at: Callable[[int], str]
) -> Iterator[tuple[str, Any]]:
    """Give the parts of an attachment, the symbol behind the pc."""
    for name, value in attachment.items():
        yield name, value
        if name == "pc":
            yield "symbol", symbol_at(value)


PLUGIN = ("plugin", {"metavar": "PLUGIN", "help": "its name"})
CPU = ("cpu", {"metavar": "CPU", "type": int, "help": "number of the vCPU"})
ADDRESS = ("address", {"metavar": "ADDRESS", "help": "a number, SYMBOL or SYMBOL+OFFSET"})
WHOSE: Sequence[tuple[str, Mapping[str, Any]]] = (
    (
        "--cpu",
        {"metavar": "N", "type": int, "default": 0, "help": "as this vCPU sees it (%(default)s)"},
    ),
    (
        "--physical",
        {
            "dest": "space",
            "action": "store_const",
            "const": "physical",
            "default": "virtual",
            "help": "ADDRESS is a physical one; without translation the two are the same",
        },
    ),
)
ACTIONS: dict[str, Action] = {
    "status": Action("What each vCPU does.", lambda control, _: control.status()),
    "where": Action(
        "Where each hart is: pc, level, symbol.", lambda control, _: {"harts": control.where()}
    ),
    "plugins": Action("The plugins that are loaded.", lambda control, _: control.plugins()),
    "instruments": Action("What is attached where, and what it costs.", instruments),
    "ledger": Action("Where the records of each stream are.", lambda control, _: control.ledger()),
    "pause": Action("Stop all vCPUs at one point.", lambda control, _: control.pause()),
    "resume": Action(
        "Let all vCPUs go on.", lambda control, _: {"seconds paused": control.resume()}
    ),
    "processes": Action(
        "The processes of a Linux guest, which stands still meanwhile.",
        lambda control, args: control.processes(args.threads),
        (("--threads", {"action": "store_true", "help": "each thread by itself"}),),
    ),
    "registers": Action(
        "Read registers of a vCPU, and write those with a value. While paused.",
        registers,
        (CPU, ("register", {"metavar": "NAME[=VALUE]", "nargs": "*", "help": "all without"})),
        show_registers,
    ),
    "read": Action(
        "Read memory. While paused.",
        read_memory,
        (
            ADDRESS,
            (
                "size",
                {
                    "metavar": "SIZE",
                    "nargs": "?",
                    "default": str(MEMORY_SIZE),
                    "help": "bytes (%(default)s)",
                },
            ),
            *WHOSE,
            ("--output", {"metavar": "FILE", "type": Path, "help": "write the bytes to FILE"}),
        ),
        show_memory,
    ),
    "write": Action(
        "Write memory. While paused.",
        write_memory,
        (
            ADDRESS,
            ("hex", {"metavar": "HEX", "nargs": "?", "help": "bytes, as hexadecimal digits"}),
            *WHOSE,
            ("--input", {"metavar": "FILE", "type": Path, "help": "write the bytes of FILE"}),
        ),
    ),
    "snapshot": Action(
        "Write the machine to FILE, from which `mttcg run --from FILE` goes on.",
        lambda control, args: control.snapshot(args.file.absolute()),
        (("file", {"metavar": "FILE", "type": Path, "help": "the file, as the run sees it"}),),
    ),
    "load": Action(
        "Load a plugin.",
        lambda control, args: control.load(args.spec),
        (("spec", {"metavar": "SPEC", "help": "name-or-path,key=value,..."}),),
    ),
    "unload": Action(
        "Unload a plugin, and print what it had found.",
        lambda control, args: control.unload(args.plugin),
        (PLUGIN,),
    ),
    "reload": Action(
        "Load a plugin anew, from its file as it is now.",
        lambda control, args: control.reload(args.plugin, args.spec or ""),
        (PLUGIN, ("spec", {"metavar": "SPEC", "nargs": "?", "help": "with other options"})),
    ),
    "gdb": Action(
        "Let GDB connect, and print how.",
        lambda control, args: control.gdb(args.place or ""),
        (
            (
                "place",
                {
                    "metavar": "HOST:PORT|PATH",
                    "nargs": "?",
                    "help": "where, as of mttcg run --gdb; a socket of its own without",
                },
            ),
        ),
        lambda _args, answer: say(answer["connect"]),
    ),
    "stop": Action("Stop the guest in order, as Ctrl-C does.", lambda control, _: control.stop()),
}
