"""Where an instruction keeps its operands.

A layout names bits, a field each operand. The bits that no field claims are the fixed ones, so a
row's mask follows from its layout.
"""

from dataclasses import dataclass, field, fields

Piece = tuple[int, int, int]
"""Bits of a word that go into an operand: from bit, width, to bit."""


@dataclass(frozen=True)
class Field:
    """An operand: its pieces, a base that is added, and its width if it is signed."""

    pieces: tuple[Piece, ...] = ()
    base: int = 0
    signed_bits: int = 0

    def value(self, word: int) -> int:
        """The operand in an instruction word."""
        total = self.base
        for low, width, to in self.pieces:
            total += (word >> low & (1 << width) - 1) << to
        return total - (
            total >> (self.signed_bits - 1) << self.signed_bits if self.signed_bits else 0
        )

    def encoded(self, value: int) -> int:
        """The bits of a word that have a value; where it has no bits, or a base, they lack it."""
        return sum((value >> to & (1 << width) - 1) << low for low, width, to in self.pieces)

    @property
    def mask(self) -> int:
        """The bits of the word that it is read from."""
        return sum((1 << width) - 1 << low for low, width, _ in self.pieces)


NOTHING = Field()


def signed(bits: int, *pieces: Piece) -> Field:
    """A signed immediate of so many bits."""
    return Field(pieces, 0, bits)


def unsigned(*pieces: Piece) -> Field:
    """An unsigned immediate."""
    return Field(pieces)


@dataclass(frozen=True)
class Layout:
    """The operands of a format. What is absent reads 0 and claims no bits."""

    name: str
    rd: Field = NOTHING
    rs1: Field = NOTHING
    rs2: Field = NOTHING
    rs3: Field = NOTHING
    immediate: Field = NOTHING
    rounding: Field = NOTHING
    size: int = 4
    operands: tuple[Field, ...] = field(init=False, repr=False)
    mask: int = field(init=False)

    def __post_init__(self) -> None:
        found = [
            value
            for f in fields(self)
            if f.init and isinstance(value := getattr(self, f.name), Field)
        ]
        claimed = 0
        for operand in found:
            claimed |= operand.mask
        object.__setattr__(self, "operands", tuple(found))
        object.__setattr__(self, "mask", (1 << 8 * self.size) - 1 & ~claimed)
