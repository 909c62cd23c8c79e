"""A trap that a hart takes for ever, as a vCPU tells it and as the user reads it."""

from collections.abc import Callable, Mapping
from typing import Any

from mttcg.isa.riscv64.traps import CAUSE_NAMES, Trap
from mttcg.vcpu.trap_loops import SURE, TrapLoop


def facts_of(loop: TrapLoop, text_at: Callable[[int], str]) -> dict[str, Any]:
    """A loop for a message; `text_at` gives the instruction at a pc, "" where there is none."""
    return {
        "handler": loop.handler,
        "trap": _facts(loop.trap, text_at),
        "before": loop.before and _facts(loop.before, text_at),
    }


def _facts(trap: Trap, text_at: Callable[[int], str]) -> dict[str, Any]:
    cause = CAUSE_NAMES[trap.cause]
    return {"cause": cause, "pc": trap.pc, "value": trap.value, "text": text_at(trap.pc)}


def warning_of(hart: int, facts: Mapping[str, Any], symbol_at: Callable[[int], str]) -> str:
    """A loop in one line; `symbol_at` names the place of an address, "" if it has no name."""
    loop = (
        f"hart {hart} takes the same trap for ever: {_text(facts['trap'], symbol_at)}, "
        f"mtvec {facts['handler']:#x}; {SURE:,} times without any progress"
    )
    before = facts["before"]
    return f"{loop}, after {_text(before, symbol_at)}" if before else loop


def _text(trap: Mapping[str, Any], symbol_at: Callable[[int], str]) -> str:
    named = ": ".join(filter(None, (symbol_at(trap["pc"]), trap["text"])))
    place = f"{trap['pc']:#x} ({named})" if named else f"{trap['pc']:#x}"
    return f"{trap['cause']} at pc {place}, tval {trap['value']:#x}"
