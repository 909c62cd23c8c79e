"""What the native interpreter has to know of an ISA."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from mttcg.engine.isa_part import isa_part
from mttcg.engine.llvm.interpreter.address_translation import NativeTranslation
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.isa.base import Isa
from mttcg.isa.code import Code
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Operations, StateWords, V
from mttcg.isa.system import MemoryFault
from mttcg.isa.table.row import Decoded, Pattern, Row

EVERY_WORD: Pattern = (0, 0)


class HandlerVariant(NamedTuple):
    """Words of a row that need a handler of their own, and a number that tells it from others."""

    pattern: Pattern
    number: int

    def has(self, word: int) -> bool:
        """Whether a word has the pattern."""
        mask, value = self.pattern
        return word & mask == value


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
        illegal: the cause of the trap for an illegal instruction, whose value is the instruction.
        timers: fields of the hart's state that are times of a timer, and that instructions write.
    """

    take_trap: TakeTrap
    take_interrupt: TakeInterrupt
    due_interrupts: PendingInterrupts
    waking_interrupts: PendingInterrupts
    causes: Mapping[MemoryFault, int]
    illegal: int
    timers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class InterpretedIsa:
    """An ISA as the interpreter is made from it.

    Attributes:
        name: of the ISA.
        code: its instructions.
        rows: its table.
        llvm: it in translated code.
        lengths: bytes of an instruction, by its lowest bits; a power of two of them.
        selectors: by length, the bits that choose among few rows, see `make_find`.
        variants: what of a row needs handlers of its own. A word is of the first whose pattern it
            has; the last is of every word.
        known: names of the operands that a handler is made for, as they are in a sample.
        reserved: kinds of words that are in no row: each is of the first pattern that it has.
        offsets: where the fields of a hart's state are, in bytes.
        events: None if the host does all that is of the system.
        translation: of addresses; None: there is none.
    """

    name: str
    code: Code
    rows: tuple[Row, ...]
    llvm: LlvmIsa
    lengths: tuple[int, ...]
    selectors: Mapping[int, int]
    variants: Callable[[Row], tuple[HandlerVariant, ...]] = lambda row: (
        HandlerVariant(EVERY_WORD, 0),
    )
    known: Callable[[Decoded], frozenset[str]] = lambda instruction: frozenset()
    reserved: tuple[tuple[Pattern, Kind], ...] = ((EVERY_WORD, Kind.ILLEGAL),)
    offsets: Mapping[str, int] = field(default_factory=dict)
    events: SystemEvents | None = None
    translation: NativeTranslation | None = None


def interpreted_isa(isa: Isa) -> InterpretedIsa:
    """What the interpreter has for an ISA; raises NoPartError."""
    found: InterpretedIsa = isa_part("interpreter", isa)
    return found
