"""One row of the instruction table, and one instruction word taken apart by it."""

from dataclasses import dataclass
from typing import Protocol

from mttcg.isa.riscv64.operations import Operations, V
from mttcg.isa.riscv64.table.layout import LAYOUTS, Layout


class Semantics(Protocol):
    """What an instruction does, in the words of Operations.

    `pc` is the instruction's own address. Whatever can trap comes before the first write.
    """

    def __call__(self, ops: Operations[V], instruction: "Decoded", pc: int) -> None:
        """Do it."""


Pattern = tuple[int, int]
"""Mask and value: a word matches if word & mask == value."""


@dataclass(frozen=True)
class Row:
    """One instruction.

    `name` and `syntax` are the assembler's (`syntax` as `table.text` reads it), `layout` a key of
    LAYOUTS, `match` the fixed bits' value; a word that has one of the `excluded` patterns is
    reserved or belongs to another row. `expands` names the 32-bit instruction that a compressed
    one stands for.
    """

    name: str
    extension: str
    layout: str
    syntax: str
    match: int
    semantics: Semantics
    excluded: tuple[Pattern, ...] = ()
    expands: str = ""

    @property
    def format(self) -> Layout:
        """The operands' places."""
        return LAYOUTS[self.layout]

    @property
    def mask(self) -> int:
        """The bits that are fixed."""
        return self.format.mask

    @property
    def length(self) -> int:
        """Bytes of the instruction: 2 or 4."""
        return self.format.size

    def matches(self, word: int) -> bool:
        """Whether a word of this length is this instruction."""
        if word & self.mask != self.match:
            return False
        return all(word & mask != value for mask, value in self.excluded)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One instruction word and its operands.

    Registers are numbers of the file that the row's syntax says. `immediate` is signed where the
    format's is, scaled to bytes, and for `lui` and `auipc` already shifted up; for Zicsr it is
    the CSR's number, for `fence` fm, pred and succ, for AMO, LR and SC the bits aq and rl.
    """

    word: int
    row: Row
    rd: int
    rs1: int
    rs2: int
    rs3: int
    immediate: int
    rounding: int

    @property
    def name(self) -> str:
        """The assembler's name."""
        return self.row.name

    @property
    def length(self) -> int:
        """Bytes of the instruction: 2 or 4."""
        return self.row.length


def encoding(opcode: int, funct3: int = 0, funct7: int = 0, rs2: int = 0) -> int:
    """The fixed bits of a 32-bit instruction from its fields' values."""
    return opcode | funct3 << 12 | rs2 << 20 | funct7 << 25
