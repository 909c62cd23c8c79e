"""The prompt for commands at a terminal that is the guest's: those of `mttcg ctl`, a line each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mttcg.errors import MttcgError
from mttcg.printable import printable
from mttcg.supervisor.control.control import RunControl
from mttcg.supervisor.run_state import RunState
from mttcg.terminal import show_typed, tell

PROMPT = "(mttcg) "
ENTER, BACKSPACE = b"\r\n", b"\b\x7f"
LEAVE = b"\x03\x04\x1b"
"""Ctrl-C, Ctrl-D and Escape."""
RUB_OUT = "\b \b"
DEFAULT_SIZE = 64
"""Bytes of memory that are shown where no size is given."""
BYTES_A_LINE = 16


class WrongCommandError(MttcgError):
    """A line that is no command."""


@dataclass(frozen=True)
class PromptVerb:
    """One command: how it is written, what is asked of the run, how the answer is shown."""

    usage: str
    summary: str
    arguments: Callable[[RunState, list[str]], Mapping[str, Any]]
    command: str = ""
    """Its name in PROTOCOL.md where that differs."""
    show: Callable[[Mapping[str, Any]], str] = lambda answer: plain_lines(answer)


class ControlPrompt:
    """Takes keys, and does what a line asks for, while the guest runs on.

    Args:
        run: what is controlled.
        control: does it.
    """

    def __init__(self, run: RunState, control: RunControl) -> None:
        self.run, self.control = run, control
        self.is_open = False
        self.line = ""

    def open(self) -> None:
        """Ask for a command."""
        self.is_open, self.line = True, ""
        show_typed(f"\n{PROMPT}")

    def take(self, key: int) -> None:
        """Take one byte that was typed."""
        if key in LEAVE:
            self._close()
        elif key in ENTER:
            line, self.line = self.line.split(), ""
            show_typed("\n")
            self._do(line)
        elif key in BACKSPACE:
            if self.line:
                self.line = self.line[:-1]
                show_typed(RUB_OUT)
        elif 0x20 <= key < 0x7F:
            self.line += chr(key)
            show_typed(chr(key))

    def _close(self) -> None:
        self.is_open = False
        show_typed("\n")

    def _do(self, words: list[str]) -> None:
        """Do a command; an empty line goes back to the guest."""
        if not words:
            self._close()
            return
        if words[0] == "help":
            tell("\n".join(f"{verb.usage:28}{verb.summary}" for verb in VERBS.values()))
            show_typed(PROMPT)
            return
        try:
            verb = VERBS.get(words[0])
            if verb is None:
                raise WrongCommandError(f"no command {words[0]!r}; try help")
            arguments = verb.arguments(self.run, words[1:])
        except (ValueError, IndexError):
            self._answered(VERBS[words[0]], f"expected {VERBS[words[0]].usage}", {})
        except WrongCommandError as error:
            self._answered(None, str(error), {})
        else:
            name = verb.command or words[0]
            self.control.do(
                name, arguments, lambda wrong, found: self._answered(verb, wrong, found)
            )

    def _answered(self, verb: PromptVerb | None, wrong: str, answer: Mapping[str, Any]) -> None:
        text = wrong if wrong or verb is None else verb.show(answer)
        if text:
            tell(text)
        if self.is_open:
            show_typed(PROMPT)


def nothing(_run: RunState, words: list[str]) -> Mapping[str, Any]:
    """The arguments of a command that has none."""
    if words:
        raise ValueError(words)
    return {}


def plugin(_run: RunState, words: list[str]) -> Mapping[str, Any]:
    """PLUGIN."""
    (name,) = words
    return {"plugin": name}


def reloaded(_run: RunState, words: list[str]) -> Mapping[str, Any]:
    """PLUGIN [SPEC]."""
    name, *spec = words
    return {"plugin": name} | ({"spec": spec[0]} if spec else {})


def spec_of(_run: RunState, words: list[str]) -> Mapping[str, Any]:
    """SPEC."""
    (spec,) = words
    return {"spec": spec}


def registers_read(_run: RunState, words: list[str]) -> Mapping[str, Any]:
    """CPU [NAME]..."""
    cpu, *names = words
    return {"cpu": int(cpu, 0)} | ({"names": names} if names else {})


def registers_written(_run: RunState, words: list[str]) -> Mapping[str, Any]:
    """CPU NAME=VALUE..."""
    cpu, first, *more = words
    pairs = (word.split("=") for word in (first, *more))
    return {"cpu": int(cpu, 0), "values": {name: int(value, 0) for name, value in pairs}}


def memory_read(run: RunState, words: list[str]) -> Mapping[str, Any]:
    """ADDRESS [SIZE]."""
    address, *size = words
    return {"address": address_of(run, address), "size": int(size[0], 0) if size else DEFAULT_SIZE}


def memory_written(run: RunState, words: list[str]) -> Mapping[str, Any]:
    """ADDRESS HEX."""
    address, data = words
    return {"address": address_of(run, address), "data": bytes.fromhex(data)}


def address_of(run: RunState, text: str) -> int:
    """The address that a number or SYMBOL+OFFSET stands for."""
    if text[0].isdigit():
        return int(text, 0)
    name, _, offset = text.partition("+")
    symbol = run.image.by_name.get(name)
    if symbol is None:
        raise WrongCommandError(f"the guest has no symbol {name}")
    return symbol.address + int(offset or "0", 0)


def plain_lines(answer: Mapping[str, Any]) -> str:
    """Whatever it is, a line for each of its parts."""
    lines = []
    for name, value in answer.items():
        rows = value if isinstance(value, list) else [value]
        lines += [f"{name}: {json.dumps(row, default=str)}" for row in rows]
    return "\n".join(lines)


def vcpu_lines(answer: Mapping[str, Any]) -> str:
    """A line for each vCPU."""
    return "\n".join(
        f"vCPU {vcpu['cpu']}: {vcpu['state']}, {vcpu['instructions']:,} instructions, "
        f"pc {vcpu['pc']:#x}"
        for vcpu in answer["vcpus"]
    )


def place_lines(answer: Mapping[str, Any]) -> str:
    """A line for each hart: where it is."""
    return "\n".join(
        f"vCPU {hart['cpu']}: {hart['state']}, pc {hart['pc']:#x}"
        + "".join(f", {part}" for part in (hart["symbol"], hart["source"]) if part)
        + (f", level {hart['level']}" if hart["level"] else "")
        + f", interrupts {'on' if hart['interrupts'] else 'off'}"
        for hart in answer["vcpus"]
    )


def process_lines(answer: Mapping[str, Any]) -> str:
    """A line for each process."""
    return "\n".join(
        f"{each['pid']:7} {each['parent']:7} {each['state']} vCPU {each['cpu']} "
        f"{printable(each['comm'])}"
        for each in answer["processes"]
    )


def register_lines(answer: Mapping[str, Any]) -> str:
    """A line for each register."""
    return "\n".join(f"{name:12}{value:#018x}" for name, value in answer["registers"].items())


def memory_lines(answer: Mapping[str, Any]) -> str:
    """Lines of bytes, from the offset of each on."""
    data: bytes = answer["data"]
    return "\n".join(
        f"+{at:#06x}  {data[at : at + BYTES_A_LINE].hex(' ')}"
        for at in range(0, len(data), BYTES_A_LINE)
    )


VERBS = {
    "status": PromptVerb("status", "what each vCPU does", nothing, show=vcpu_lines),
    "where": PromptVerb("where", "where each hart is", nothing, show=place_lines),
    "pause": PromptVerb("pause", "stop all vCPUs at one point", nothing, show=vcpu_lines),
    "resume": PromptVerb("resume", "let all vCPUs go on", nothing),
    "processes": PromptVerb(
        "processes", "those of a Linux guest", nothing, show=lambda answer: process_lines(answer)
    ),
    "registers": PromptVerb(
        "registers CPU [NAME]...",
        "read registers; while paused",
        registers_read,
        "read_registers",
        register_lines,
    ),
    "set": PromptVerb(
        "set CPU NAME=VALUE...",
        "write registers; while paused",
        registers_written,
        "write_registers",
        register_lines,
    ),
    "read": PromptVerb(
        "read ADDRESS [SIZE]",
        "read memory; while paused",
        memory_read,
        "read_memory",
        memory_lines,
    ),
    "write": PromptVerb(
        "write ADDRESS HEX", "write memory; while paused", memory_written, "write_memory"
    ),
    "plugins": PromptVerb("plugins", "the plugins that are loaded; with --control", nothing),
    "load": PromptVerb("load SPEC", "load a plugin; with --control", spec_of),
    "unload": PromptVerb("unload PLUGIN", "unload a plugin; with --control", plugin),
    "reload": PromptVerb("reload PLUGIN [SPEC]", "load a plugin anew; with --control", reloaded),
    "stop": PromptVerb("stop", "stop the guest in order", nothing),
    "help": PromptVerb("help", "this list; an empty line goes back to the guest", nothing),
}
