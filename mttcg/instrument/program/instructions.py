"""What an instruction is for, by its bits, for aggregators and plugins."""

from mttcg.isa.riscv64.classes import MACHINE_RETURN, InstructionClass, class_of
from mttcg.isa.riscv64.encoding import length
from mttcg.isa.riscv64.registers import FLOAT, INTEGER

__all__ = [
    "InstructionClass",
    "instruction_class",
    "instruction_length",
    "register_name",
    "returns_from_trap",
]


def instruction_class(word: int) -> InstructionClass:
    """The class of an instruction, from its 16 or 32 bits."""
    return InstructionClass(class_of(word))


def instruction_length(word: int) -> int:
    """The length of an instruction in bytes, from its first bits on."""
    return length(word)


def returns_from_trap(word: int) -> bool:
    """Whether an instruction goes back to where a trap was taken."""
    return word == MACHINE_RETURN


def register_name(register: int) -> str:
    """The name of a register by its number in `events.RETIRED`; "" for 0, which is none."""
    return REGISTERS[register] if register else ""


REGISTERS = (*INTEGER, *FLOAT)
