"""A trap that a hart takes for ever, as a vCPU tells it and as the user reads it."""

from collections.abc import Callable
from typing import Any

from mttcg.isa.system import System, Trap
from mttcg.memory.address import Virtual
from mttcg.vcpu.nowhere.trap_loops import SURE, TrapLoop
from mttcg.vcpu.protocol.facts import TrapFacts
from mttcg.vcpu.protocol.vcpu_messages import TrapLoopFound


def facts_of(
    loop: TrapLoop, system: System[Any], text_at: Callable[[Virtual], str]
) -> TrapLoopFound:
    """A loop as a message; `text_at` gives the instruction at a pc, "" where there is none."""

    def facts(trap: Trap) -> TrapFacts:
        return TrapFacts(system.cause_name(trap.cause), trap.pc, trap.value, text_at(trap.pc))

    return TrapLoopFound(
        handler=loop.handler,
        trap=facts(loop.trap),
        before=facts(loop.before) if loop.before else None,
    )


def warning_of(
    hart: int, facts: TrapLoopFound, system: System[Any], symbol_at: Callable[[Virtual], str]
) -> str:
    """A loop in one line; `symbol_at` names the place of an address, "" if it has no name."""

    def text(trap: TrapFacts) -> str:
        named = ": ".join(filter(None, (symbol_at(trap.pc), trap.text)))
        place = f"{trap.pc:#x} ({named})" if named else f"{trap.pc:#x}"
        return f"{trap.cause} at pc {place}, {system.value_name} {trap.value:#x}"

    loop = (
        f"hart {hart} takes the same trap for ever: {text(facts.trap)}, "
        f"{system.handler_name} {facts.handler:#x}; {SURE:,} times without any progress"
    )
    return f"{loop}, after {text(facts.before)}" if facts.before else loop
