"""A trap that a hart takes for ever, as a vCPU tells it and as the user reads it."""

from collections.abc import Callable

from mttcg.isa.riscv64.traps import CAUSE_NAMES, Trap
from mttcg.vcpu.messages import TrapFacts, TrapLoopFound
from mttcg.vcpu.trap_loops import SURE, TrapLoop


def facts_of(loop: TrapLoop, text_at: Callable[[int], str]) -> TrapLoopFound:
    """A loop as a message; `text_at` gives the instruction at a pc, "" where there is none."""
    return TrapLoopFound(
        handler=loop.handler,
        trap=_facts(loop.trap, text_at),
        before=_facts(loop.before, text_at) if loop.before else None,
    )


def _facts(trap: Trap, text_at: Callable[[int], str]) -> TrapFacts:
    return TrapFacts(CAUSE_NAMES[trap.cause], trap.pc, trap.value, text_at(trap.pc))


def warning_of(hart: int, facts: TrapLoopFound, symbol_at: Callable[[int], str]) -> str:
    """A loop in one line; `symbol_at` names the place of an address, "" if it has no name."""
    loop = (
        f"hart {hart} takes the same trap for ever: {_text(facts.trap, symbol_at)}, "
        f"mtvec {facts.handler:#x}; {SURE:,} times without any progress"
    )
    return f"{loop}, after {_text(facts.before, symbol_at)}" if facts.before else loop


def _text(trap: TrapFacts, symbol_at: Callable[[int], str]) -> str:
    named = ": ".join(filter(None, (symbol_at(trap.pc), trap.text)))
    place = f"{trap.pc:#x} ({named})" if named else f"{trap.pc:#x}"
    return f"{trap.cause} at pc {place}, tval {trap.value:#x}"
