"""What the native interpreter has to know of an ISA."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mttcg.engine.isa_part import isa_part
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.isa.base import Isa
from mttcg.isa.code import Code
from mttcg.isa.kind import Kind
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


@dataclass(frozen=True)
class InterpretedIsa:
    """An ISA as the interpreter is made from it.

    Attributes:
        name: of the ISA.
        code: its instructions.
        rows: its table.
        llvm: it in translated code.
        lengths: bytes of an instruction, by its lowest bits; a power of two of them.
        selectors: by length, the bits that choose among few rows, see `make_decode`.
        variants: what of a row needs handlers of its own. A word is of the first whose pattern it
            has; the last is of every word.
        known: names of the operands that a handler is made for, as they are in a sample.
        reserved: kinds of words that are in no row: each is of the first pattern that it has.
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


def interpreted_isa(isa: Isa) -> InterpretedIsa:
    """What the interpreter has for an ISA; raises NoPartError."""
    found: InterpretedIsa = isa_part("interpreter", isa)
    return found
