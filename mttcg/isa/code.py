"""What the rest of the project may ask of an ISA's instructions."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind

if TYPE_CHECKING:
    from mttcg.isa.table.row import Decoded

FLOATS = 32
"""Destinations: 0 is none, integer registers have their numbers, floating-point registers theirs
from here on."""
Extension = Literal["zero", "sign", "ones"]
"""What fills a register above a value that is narrower."""


class Access(NamedTuple):
    """An access to memory, at the address in a register plus a displacement.

    `register` is what is loaded or stored, of the floating-point registers if `floating`. An
    atomic may both load and store.
    """

    base: int
    displacement: int
    size: int
    loads: bool
    stores: bool
    register: int
    floating: bool = False
    extension: Extension = "zero"

    def extend(self, value: int) -> int:
        """The 64 bits that a load of `value` leaves in its register."""
        bits = 8 * self.size
        negative = self.extension == "sign" and value >> bits - 1
        above = (1 << 64) - (1 << bits) if negative or self.extension == "ones" else 0
        return value | above


class Facts(NamedTuple):
    """What can be said of an instruction from its word alone.

    Attributes:
        length: bytes.
        kind: what it is to a block.
        what: what it is for.
        destination: the register that it writes, see FLOATS.
        jumps: whether it always goes elsewhere.
        access: the access that it makes, if it makes one.
        target: where it goes, as a distance from itself, if the word names that.
        indirect: register and displacement of where it goes, if that is in a register.
        address: the address that it computes, as a distance from itself, if that is all it does.
    """

    length: int
    kind: Kind
    what: InstructionClass = InstructionClass.OTHER
    destination: int = 0
    jumps: bool = False
    access: Access | None = None
    target: int | None = None
    indirect: tuple[int, int] | None = None
    address: int | None = None

    def target_from(self, pc: int) -> int | None:
        """The address that an instruction at `pc` names as its target."""
        return None if self.target is None else pc + self.target & (1 << 64) - 1


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

    def length(self, low_half: int) -> int:
        """Bytes of the instruction whose first 16 bits are given."""

    def decode(self, word: int) -> "Decoded | None":
        """Take an instruction apart; None if the table has none."""

    def facts(self, word: int) -> Facts:
        """What is known of an instruction, also of one that the table lacks."""

    def disassemble(self, code: bytes, address: int) -> list[tuple[int, int, str]]:
        """Text of a run of instructions: (address, length in bytes, text) each."""

    def missing(self, word: int, extensions: Iterable[str]) -> Missing | None:
        """The instruction that a hart with these extensions lacks; None if nobody knows one."""
