"""An instruction, as plugins see it."""

from typing import NamedTuple

from mttcg.isa.instruction_class import InstructionClass


class GuestInstruction(NamedTuple):
    """An instruction of the guest's code.

    Attributes:
        pc: its guest-virtual address.
        word: its bits as a number.
        length: bytes.
        text: as assembly, with a target as an absolute address and, if there is one, its symbol.
        kind: what it is for.
        name: its mnemonic.
        operands: texts of its operands, in order.
        target: the address that it names as the place where it may go; None if it names none.
        symbol: where it lies, as `main+0x4`; "" where there is no symbol.
    """

    pc: int
    word: int
    length: int
    text: str
    kind: InstructionClass
    name: str
    operands: tuple[str, ...]
    target: int | None
    symbol: str
