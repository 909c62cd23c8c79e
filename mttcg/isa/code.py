"""What the rest of the project may ask of an ISA's instructions."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from mttcg.isa.facts import Facts
from mttcg.isa.kind import Kind
from mttcg.isa.table.row import Decoded

if TYPE_CHECKING:
    import numpy as np

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class Missing(Protocol):
    """An instruction, or a system register, that a hart lacks."""

    @property
    def name(self) -> str:
        """Its assembler name."""

    @property
    def extension(self) -> str:
        """The extension that has it."""


class Code(Protocol):
    """The instructions of an ISA.

    A *word* is an instruction's bits as a number; what lies above its length does not count.
    """

    @property
    def alignment(self) -> int:
        """Every instruction's address is a multiple of this."""

    @property
    def longest(self) -> int:
        """Bytes of the longest instruction."""

    def length(self, low_half: int) -> int:
        """Bytes of the instruction whose first 16 bits are given."""

    def decode(self, word: int) -> Decoded | None:
        """Take an instruction apart; None if the table has none."""

    def facts(self, word: int) -> Facts:
        """What is known of an instruction, also of one that the table lacks."""

    def kind(self, word: int) -> Kind:
        """The kind that `facts` says; for many words, of which nothing else is wanted."""

    def kinds(self, words: Numbers, lengths: Numbers) -> Numbers:
        """The kinds of many words, without bits above their lengths, in bytes."""

    def disassemble(self, code: bytes, address: int) -> list[tuple[int, int, str]]:
        """Text of a run of instructions: (address, length in bytes, text) each."""

    def returns_from_trap(self, word: int) -> bool:
        """Whether an instruction goes back to where a trap was taken."""

    def missing(self, word: int, extensions: Iterable[str]) -> Missing | None:
        """The instruction that a hart with these extensions lacks; None if nobody knows one."""
