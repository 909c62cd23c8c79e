"""What an instruction is for, by its bits, for aggregators and plugins."""

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.registry import DEFAULT, isa_named

__all__ = ["InstructionClass", "instruction_class"]


def instruction_class(word: int) -> InstructionClass:
    """The class of an instruction, from its 16 or 32 bits."""
    return isa_named(DEFAULT).code.facts(word).what
