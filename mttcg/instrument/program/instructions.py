"""What an instruction is for, by its bits, for aggregators and plugins."""

from mttcg.instrument.program.guest_isa import guest_isa
from mttcg.isa.context import level_of
from mttcg.isa.facts import FLOATS
from mttcg.isa.instruction_class import InstructionClass

__all__ = [
    "InstructionClass",
    "instruction_class",
    "instruction_length",
    "is_interprocessor",
    "mode_name",
    "register_name",
    "returns_from_trap",
]


def instruction_class(word: int) -> InstructionClass:
    """The class of an instruction, from its 16 or 32 bits."""
    return guest_isa().code.facts(word).what


def instruction_length(word: int) -> int:
    """The length of an instruction in bytes, from its first bits on."""
    return guest_isa().code.length(word)


def returns_from_trap(word: int) -> bool:
    """Whether an instruction goes back to where a trap was taken."""
    return guest_isa().code.returns_from_trap(word)


def is_interprocessor(cause: int) -> bool:
    """Whether the interrupt with a cause, as `plugin_trap` has it, is one vCPU's at another."""
    return cause == guest_isa().system.interprocessor_cause


def register_name(register: int) -> str:
    """The name of a register by its number in `events.RETIRED`; "" for 0, which is none.

    A number that no register has, as in a record that was not made here, is shown as it is.
    """
    if not register:
        return ""
    registers = guest_isa().registers
    names = registers.floating if register >= FLOATS else registers.integer
    number = register % FLOATS
    return names[number] if register < 2 * FLOATS and number < len(names) else f"?{register}"


def mode_name(context: int) -> str:
    """The mode in a record's `context`, as `cpu.mode` has it; see also `events.space_of`."""
    levels = guest_isa().system.levels
    return next((name for name, level in levels.items() if level == level_of(context)), "")
