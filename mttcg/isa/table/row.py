"""One row of an instruction table, and one instruction word taken apart by it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from mttcg.isa.facts import Extension
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Amo, Operations, V
from mttcg.isa.table.layout import Layout


class Semantics(Protocol):
    """What an instruction does, in the words of Operations.

    Where it lies is in the words as well. Whatever can trap comes before the first write.
    """

    def __call__(self, ops: Operations[V], instruction: "Decoded") -> None:
        """Do it."""


class MemoryOperand(NamedTuple):
    """An access at the address in rs1, plus the immediate if it is `displaced`.

    It loads to rd or stores rs2, or does both, with `operation` in between; `extension` is what
    fills rd above `size` bytes.
    """

    size: int
    loads: bool = False
    stores: bool = False
    floating: bool = False
    extension: Extension = "zero"
    displaced: bool = True
    operation: Amo | None = None


@dataclass(frozen=True)
class Behaviour:
    """What an instruction does, and what of that can be told without running it.

    The kind says where it goes: a BRANCH or JUMP to the immediate's distance, an INDIRECT to rs1
    plus the immediate. Kind and class may depend on the operands.

    Attributes:
        semantics: what it does.
        what: what it is for.
        kind: what it is to a block.
        writes: the file that rd is in; empty if it is not written.
        memory: its access to memory, if it makes one.
        goes_elsewhere: whether it always does, for other kinds than JUMP and INDIRECT.
        computes_address: whether all it does is to write the address at the immediate's distance.
    """

    semantics: Semantics
    what: "InstructionClass | Callable[[Decoded], InstructionClass]" = InstructionClass.ALU
    kind: "Kind | Callable[[Decoded], Kind]" = Kind.PLAIN
    writes: Literal["x", "f", ""] = "x"
    memory: MemoryOperand | None = None
    goes_elsewhere: bool = False
    computes_address: bool = False


Pattern = tuple[int, int]
"""Mask and value: a word matches if word & mask == value."""


@dataclass(frozen=True)
class Row:
    """One instruction.

    `name` and `syntax` are the assembler's (`syntax` as `table.text` reads it), `match` the fixed
    bits' value; a word that has one of the `excluded` patterns is reserved or belongs to another
    row. `expands` names the instruction that a shorter one stands for.
    """

    name: str
    extension: str
    format: Layout
    syntax: str
    match: int
    behaviour: Behaviour
    excluded: tuple[Pattern, ...] = ()
    expands: str = ""

    @property
    def layout(self) -> str:
        """Name of the format."""
        return self.format.name

    @property
    def semantics(self) -> Semantics:
        """What it does."""
        return self.behaviour.semantics

    @property
    def mask(self) -> int:
        """The bits that are fixed."""
        return self.format.mask

    @property
    def length(self) -> int:
        """Bytes of the instruction."""
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
    format's is, and scaled to bytes.
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
        """Bytes of the instruction."""
        return self.row.length
