"""The instruction sets that there are."""

from importlib import import_module

from mttcg.errors import MttcgError
from mttcg.isa.base import Isa

NAMES = {"riscv64": 243}
"""Each by name, with the `e_machine` of its ELF files; its package has it, in upper case."""


DEFAULT = "riscv64"
"""What is meant by those who have a word of a guest and do not say of which."""


class UnknownIsaError(MttcgError):
    """No instruction set has that name, or that number in an ELF file."""

    def __init__(self, asked: str | int) -> None:
        super().__init__(f"no instruction set {asked!r}; there is {', '.join(NAMES)}")
        self.asked = asked


def isa_named(name: str) -> Isa:
    """The instruction set with a name; raises UnknownIsaError."""
    if name not in NAMES:
        raise UnknownIsaError(name)
    isa: Isa = getattr(import_module(f"mttcg.isa.{name}.isa"), name.upper())
    return isa


def isa_of_machine(machine: int) -> Isa:
    """The instruction set of ELF files with this `e_machine`; raises UnknownIsaError."""
    for name, number in NAMES.items():
        if number == machine:
            return isa_named(name)
    raise UnknownIsaError(machine)
