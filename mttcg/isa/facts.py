"""What can be said of an instruction without running it."""

from typing import Literal, NamedTuple

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.memory.address import Virtual

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

    def target_from(self, pc: Virtual) -> Virtual | None:
        """The address that an instruction at `pc` names as its target."""
        return None if self.target is None else Virtual(pc + self.target & (1 << 64) - 1)
