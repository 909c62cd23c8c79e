"""What an instruction is for, by its bits, for aggregators and plugins."""

from mttcg.isa.riscv64.classes import InstructionClass, class_of

__all__ = ["InstructionClass", "instruction_class"]


def instruction_class(word: int) -> InstructionClass:
    """The class of an instruction, from its 16 or 32 bits."""
    return InstructionClass(class_of(word))
