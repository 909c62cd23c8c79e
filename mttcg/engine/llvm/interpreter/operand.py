"""Operands that are known when an instruction is predecoded, not when its handler is made."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mttcg.isa.table.row import Decoded

MASK = (1 << 64) - 1
PC = "pc"
FIELDS = ("rd", "rs1", "rs2", "rs3", "immediate", "rounding")
"""Those of `Decoded` that are in a record; a rounding mode in the place of the immediate, which no
instruction has that has a rounding mode."""


class Operand(int):
    """A sum of operands and a number.

    Semantics take it for an int, whose value is that of a sample. They may hand it to the words of
    `Operations`, add to it, and cut it to 64 bits. Whatever else they look at has to be told apart
    by the variants that an ISA has of a row, see `InterpretedIsa.variant`.

    Attributes:
        parts: names of operands.
        number: what is added to them.
    """

    parts: tuple[str, ...]
    number: int

    def __new__(cls, value: int, parts: tuple[str, ...], number: int = 0) -> "Operand":
        """Have the value that a sample has."""
        made = super().__new__(cls, value)
        made.parts, made.number = parts, number
        return made

    def __add__(self, other: int) -> "Operand":
        """Add another, or a number."""
        parts, number = (other.parts, other.number) if isinstance(other, Operand) else ((), other)
        return Operand(int(self) + int(other), self.parts + parts, self.number + number)

    __radd__ = __add__

    def __and__(self, other: int) -> int:
        """Cut to 64 bits, as all values are; with another mask, the sample's."""
        return self if other == MASK else int(self) & other


def symbolic(sample: Decoded, known: Iterable[str]) -> Decoded:
    """A sample whose operands are operands, but for those that the handler is made for."""
    found: dict[str, Any] = {
        name: Operand(getattr(sample, name), (name,)) for name in FIELDS if name not in known
    }
    return replace(sample, word=0, **found)
