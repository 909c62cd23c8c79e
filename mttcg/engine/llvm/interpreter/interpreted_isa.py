"""What the native interpreter has to know of an ISA."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I64, Pointer
from mttcg.engine.llvm.segment import Segment
from mttcg.isa.code import Code
from mttcg.isa.table.row import Decoded, Row

Variant = tuple[int, ...]


class FloatWords(Protocol):
    """The part of `Operations` that is floating point.

    Attributes:
        used: whether an operation was emitted.
    """

    used: bool

    def float(self, operation: str, rounding: int, *operands: I64) -> I64:
        """A floating-point operation."""

    def require_float(self, word: int) -> None:
        """Leave if floating point is off."""

    def require_rounding(self, word: int) -> None:
        """Leave if the mode in float control is one that the host lacks."""

    def read_float_control(self) -> I64:
        """Float control."""

    def write_float_control(self, value: I64) -> None:
        """Write float control."""


@dataclass(frozen=True)
class InterpretedIsa:
    """An ISA as the interpreter is made from it.

    Attributes:
        code: its instructions.
        rows: its table.
        samples: words of a row, at least one for each of its variants.
        variant: tells apart what needs handlers of its own, beyond rows and lengths.
        known: names of the operands that a handler is made for, as they are in a sample.
        fields: byte offsets in the hart's state, by their places in code.
        x, f: those of the first integer and the first floating-point register.
        discarded: that of a word which nobody reads.
        make_floats: makes the part of `Operations` that is floating point.
    """

    code: Code
    rows: tuple[Row, ...]
    samples: Callable[[Row], Iterable[int]]
    variant: Callable[[Decoded], Variant]
    known: Callable[[Decoded], frozenset[str]]
    fields: Mapping[Pointer, int]
    x: int
    f: int
    discarded: int
    make_floats: Callable[[Builder, Segment, Exits], FloatWords]
