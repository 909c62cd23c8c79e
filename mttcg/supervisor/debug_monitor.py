"""What a debugger's user asks a run for by `monitor`: commands of `mttcg ctl`, as at the prompt."""

from collections.abc import Callable
from functools import partial

from mttcg.supervisor.control import RunControl
from mttcg.supervisor.prompt import VERBS, PromptVerb, WrongCommandError
from mttcg.supervisor.run_state import RunState

LEFT_OUT = ("pause", "resume", "help")
"""What the debugger does itself, and what is answered here."""


def verbs() -> dict[str, PromptVerb]:
    """The commands, by name."""
    return {name: verb for name, verb in VERBS.items() if name not in LEFT_OUT}


def monitor(run: RunState, control: RunControl, line: str, then: Callable[[str], None]) -> None:
    """Do a command; `then` gets the text of its answer, or what is wrong."""
    known, words = verbs(), line.split()
    if not words or words[0] == "help":
        then("\n".join(f"{verb.usage:28}{verb.summary}" for verb in known.values()))
        return
    verb = known.get(words[0])
    if verb is None:
        then(f"no command {words[0]!r}; expected one of {', '.join(known)}")
        return
    try:
        arguments = verb.arguments(run, words[1:])
    except (ValueError, IndexError):
        then(f"expected {verb.usage}")
    except WrongCommandError as error:
        then(str(error))
    else:
        answered = partial(_answer, verb, then)
        control.do(verb.command or words[0], arguments, answered)


def _answer(verb: PromptVerb, then: Callable[[str], None], wrong: str, found: object) -> None:
    then(wrong or verb.show(found))  # type: ignore[arg-type]
