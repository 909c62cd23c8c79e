"""What a debugger's user asks a run for by `monitor`: commands of `mttcg ctl`, as at the prompt."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mttcg.errors import UserError
from mttcg.guest.symbol_elf import symbol_elf
from mttcg.supervisor.control.control import RunControl
from mttcg.supervisor.control.prompt import (
    VERBS,
    PromptVerb,
    WrongCommandError,
    memory_lines,
    memory_read,
)
from mttcg.supervisor.run_state import RunState

LEFT_OUT = ("pause", "resume", "read", "write", "registers", "set", "help")
"""What the debugger does itself, and what is answered here."""


class OwnVerb(NamedTuple):
    """A command of the debugger's alone: how it is written, what it does, by which function."""

    usage: str
    summary: str
    work: Callable[[RunState, RunControl, list[str]], str]


def _ledger(run: RunState, _control: RunControl, words: list[str]) -> str:
    if words:
        raise ValueError(words)
    rows = run.ledger().items()
    found = (f"{name}: {', '.join(f'{n} {what}' for what, n in row.items())}" for name, row in rows)
    return "\n".join(found) or "there are no streams"


def _physical(run: RunState, control: RunControl, words: list[str]) -> str:
    given = memory_read(run, words)
    data, _ = control.inspection.read_memory(0, "physical", given["address"], given["size"])
    return memory_lines({"data": data})


def _symbols(run: RunState, _control: RunControl, words: list[str]) -> str:
    (name,) = words
    symbols, path = run.image.symbols, Path(name)
    try:
        path.write_bytes(symbol_elf(symbols, run.isa.elf_machine))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return f"{len(symbols)} symbols are in {path}; symbol-file {path} reads them"


OWN = {
    "ledger": OwnVerb("ledger", "where the records of each stream are", _ledger),
    "physical": OwnVerb("physical ADDRESS [SIZE]", "memory at a physical address", _physical),
    "symbols": OwnVerb("symbols FILE", "write the guest's symbols to FILE, for GDB", _symbols),
}


def verbs() -> dict[str, PromptVerb]:
    """The commands that are those of the prompt, by name."""
    return {name: verb for name, verb in VERBS.items() if name not in LEFT_OUT}


def monitor(
    run: RunState,
    control: RunControl,
    line: str,
    then: Callable[[str], None],
    more: Mapping[str, OwnVerb],
) -> None:
    """Do a command; `then` gets the text of its answer, or what is wrong. more: further ones."""
    known, words, own = verbs(), line.split(), {**OWN, **more}
    usages: Mapping[str, Any] = known | own
    if not words or words[0] == "help":
        then("\n".join(f"{verb.usage:28}{verb.summary}" for verb in usages.values()))
        return
    if words[0] not in usages:
        then(f"no command {words[0]!r}; expected one of {', '.join(usages)}")
        return
    try:
        if words[0] in own:
            then(own[words[0]].work(run, control, words[1:]))
            return
        verb = known[words[0]]
        arguments = verb.arguments(run, words[1:])
    except (ValueError, IndexError):
        then(f"expected {usages[words[0]].usage}")
    except (WrongCommandError, UserError) as error:
        then(str(error))
    else:
        control.do(verb.command or words[0], arguments, partial(_answer, verb, then))


def _answer(verb: PromptVerb, then: Callable[[str], None], wrong: str, found: Any) -> None:
    then(wrong or verb.show(found))
