"""Comes and goes while a guest runs: one of everything that a plugin can attach."""

from dataclasses import dataclass
from typing import Any

from mttcg.instrument import (
    BlockTable,
    Counter,
    Scoreboard,
    Stream,
    When,
    events,
    instrument,
    instrument_block,
    instrument_memory,
    probe,
)

SAMPLE = 1 << 12


@dataclass(frozen=True)
class Options:
    """What to attach besides the native things."""

    python: bool = True


@probe
def sometimes(cpu, pc, instructions, words):
    """Whether to call Python, now and then."""
    words[0] += 1
    return words[0] % 4096 == 0


@probe
def adds(cpu, pc, address, size, value, write, words):
    """Sum the sizes of accesses."""
    words[1] += size


def called(cpu: Any, block: Any, opaque: Any) -> None:
    """A Python function that is called now and then."""


def plugin_init(options: Options) -> None:
    """Declare and attach."""
    words = Scoreboard("words", 512)
    executions = BlockTable("executions", Stream("blocks", events.EXECUTIONS, policy="drop"))
    accesses = Stream("accesses", events.ACCESS, policy="drop")
    instrument(None, None, Counter("instructions"))
    instrument_block(None, None, executions)
    instrument_memory(None, accesses)
    instrument_memory(None, adds, words)
    if options.python:
        instrument_block(None, None, called, when=When(sometimes, words))
