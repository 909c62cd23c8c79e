"""The instruction sets that there are: those of mttcg, and those that other packages announce."""

from functools import cache
from importlib import import_module
from typing import Any

from mttcg.errors import MttcgError
from mttcg.isa.base import Isa

NAMES = {"riscv64": 243}
"""Each by name, with the `e_machine` of its ELF files; its package has it, in upper case."""
GROUP = "mttcg.isas"
"""Entry points of other packages: an ISA's name, and where its `Isa` is."""


DEFAULT = "riscv64"
"""What is meant by those who have a word of a guest and do not say of which."""


class UnknownIsaError(MttcgError):
    """No instruction set has that name, or that number in an ELF file."""

    def __init__(self, asked: str | int) -> None:
        super().__init__(f"no instruction set {asked!r}; there is {', '.join(NAMES)}")
        self.asked = asked


def isa_named(name: str) -> Isa:
    """The instruction set with a name; raises UnknownIsaError."""
    if name in NAMES:
        isa: Isa = getattr(import_module(f"mttcg.isa.{name}.isa"), name.upper())
        return isa
    for isa in _isas_of_others():
        if isa.name == name:
            return isa
    raise UnknownIsaError(name)


def isa_of_machine(machine: int) -> Isa:
    """The instruction set of ELF files with this `e_machine`; raises UnknownIsaError."""
    for name, number in NAMES.items():
        if number == machine:
            return isa_named(name)
    for isa in _isas_of_others():
        if isa.elf_machine == machine:
            return isa
    raise UnknownIsaError(machine)


def _isas_of_others() -> list[Isa]:
    return list(announced(GROUP).values())


@cache
def announced(group: str) -> dict[str, Any]:
    """What other packages announce as entry points of a group, loaded, by name."""
    from importlib.metadata import entry_points  # takes long to load, and most runs need none

    return {point.name: point.load() for point in entry_points(group=group)}
