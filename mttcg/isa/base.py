"""An instruction set as a value: what the rest of the project may know of one.

Chosen once, by the machine that the guest's ELF file names (`isa.registry`), and handed down.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from mttcg.isa.code import Code
from mttcg.isa.debug_description import DebugDescription
from mttcg.isa.system import System

RegisterFile = str
"""\"x\" for the integer registers, \"f\" for those of floating point, \"pc\"."""


class CallRegisters(NamedTuple):
    """Integer registers of the calling convention, by number.

    Attributes:
        link: where a called function returns to, as it begins.
        stack: the stack pointer, which is the same at a function's first instruction and behind its
            call.
        value: what it returns.
    """

    link: int
    stack: int
    value: int


@dataclass(frozen=True)
class Registers:
    """The registers by name.

    Attributes:
        integer: names of the integer registers, in order, as reports and debuggers show them.
        floating: names of the floating-point registers, in order.
        index: file and number of each name that is accepted.
        calls: those of the calling convention, None if there is none.
    """

    integer: tuple[str, ...]
    floating: tuple[str, ...]
    index: Mapping[str, tuple[RegisterFile, int]]
    calls: CallRegisters | None = None


@dataclass(frozen=True)
class Isa:
    """One instruction set.

    Attributes:
        name: as messages, options and reports have it.
        title: as people write it.
        elf_machine: `e_machine` of its ELF files (System V gABI, chapter 4, "ELF Header").
        registers: by name.
        load_code: loads the instructions, which the supervisor has no use for.
        system: how its harts start, trap and are interrupted; takes the states that it makes.
        load_debug_description: what a debugger is told of its registers; None if it has no
            debugger.
    """

    name: str
    title: str
    elf_machine: int
    registers: Registers
    load_code: Callable[[], Code]
    system: System[Any]
    load_debug_description: Callable[[], DebugDescription] | None = None

    @cached_property
    def code(self) -> Code:
        """The instructions, loaded when they are first asked for."""
        return self.load_code()
