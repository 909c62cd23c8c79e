"""What the native interpreter has to know of an ISA."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mttcg.engine.isa_part import isa_part
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.isa.base import Isa
from mttcg.isa.code import Code
from mttcg.isa.operations import Operations, StateWords, V
from mttcg.isa.system import MemoryFault
from mttcg.isa.table.row import Decoded, Row

Variant = tuple[int, ...]


class TakeTrap(Protocol):
    """Enters the handler of a trap, and counts it."""

    def __call__(self, ops: Operations[V], hart: StateWords[V], cause: V, pc: V, value: V) -> None:
        """Enter it."""


class PendingInterrupts(Protocol):
    """Says which interrupts there are of some kind."""

    def __call__(self, ops: Operations[V], hart: StateWords[V]) -> V:
        """A bit for each; 0 if there is none."""


class TakeInterrupt(Protocol):
    """Enters the handler of one of the interrupts that are due, and counts it."""

    def __call__(self, ops: Operations[V], hart: StateWords[V], due: V) -> V:
        """Enter it; its code."""


@dataclass(frozen=True)
class SystemEvents:
    """What happens to a hart beside what its instructions do.

    Attributes:
        take_trap, take_interrupt: see there.
        due_interrupts: those of which one is to be taken now.
        waking_interrupts: those that end a wait.
        causes: of the traps for accesses that can't be made.
    """

    take_trap: TakeTrap
    take_interrupt: TakeInterrupt
    due_interrupts: PendingInterrupts
    waking_interrupts: PendingInterrupts
    causes: Mapping[MemoryFault, int]


@dataclass(frozen=True)
class InterpretedIsa:
    """An ISA as the interpreter is made from it.

    Attributes:
        name: of the ISA.
        code: its instructions.
        rows: its table.
        llvm: it in translated code.
        samples: words of a row, at least one for each of its variants.
        variant: tells apart what needs handlers of its own, beyond rows and lengths.
        known: names of the operands that a handler is made for, as they are in a sample.
        offsets: where the fields of a hart's state are, in bytes.
        events: None if the host does all that is of the system.
    """

    name: str
    code: Code
    rows: tuple[Row, ...]
    llvm: LlvmIsa
    samples: Callable[[Row], Iterable[int]] = lambda row: (row.match,)
    variant: Callable[[Decoded], Variant] = lambda instruction: ()
    known: Callable[[Decoded], frozenset[str]] = lambda instruction: frozenset()
    offsets: Mapping[str, int] = field(default_factory=dict)
    events: SystemEvents | None = None


def interpreted_isa(isa: Isa) -> InterpretedIsa:
    """What the interpreter has for an ISA; raises NoPartError."""
    found: InterpretedIsa = isa_part("interpreter", isa)
    return found
