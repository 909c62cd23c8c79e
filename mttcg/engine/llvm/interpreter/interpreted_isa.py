"""What the native interpreter has to know of an ISA."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mttcg.engine.isa_part import isa_part
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.isa.base import Isa
from mttcg.isa.code import Code
from mttcg.isa.table.row import Decoded, Row

Variant = tuple[int, ...]


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
    """

    name: str
    code: Code
    rows: tuple[Row, ...]
    llvm: LlvmIsa
    samples: Callable[[Row], Iterable[int]] = lambda row: (row.match,)
    variant: Callable[[Decoded], Variant] = lambda instruction: ()
    known: Callable[[Decoded], frozenset[str]] = lambda instruction: frozenset()


def interpreted_isa(isa: Isa) -> InterpretedIsa:
    """What the interpreter has for an ISA; raises NoPartError."""
    found: InterpretedIsa = isa_part("interpreter", isa)
    return found
