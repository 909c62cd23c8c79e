"""What a plugin gives as a number: checked where it comes in, before anything native has it."""

import operator
from collections.abc import Mapping
from typing import Any

from mttcg.instrument.api.process import ChosenProcess
from mttcg.instrument.errors import BadValueError
from mttcg.isa.context import SPACE_MASK, Scope, scope_of
from mttcg.memory.address import Virtual

WORDS = range(-(1 << 63), 1 << 64)
"""What fits a 64-bit register, signed or unsigned."""
MASK = (1 << 64) - 1
PID_PREFIX = "pid:"
LONGEST_COMM = 15
"""Characters of a process's name, as Linux keeps it."""


def whole_number(what: str, value: Any, expected: str = "a whole number") -> int:
    """A number as Python has it, numpy's and a `Cpu` included; BadValueError for what is none."""
    try:
        return operator.index(value)
    except TypeError:
        raise BadValueError(what, value, expected) from None


def word(what: str, value: Any) -> int:
    """A register's 64 bits; negative ones as two's complement. BadValueError."""
    number = whole_number(what, value)
    if number not in WORDS:
        raise BadValueError(what, number, "64 bits")
    return number & MASK


def code_address(what: str, value: Any) -> Virtual:
    """The address of an instruction, whether there is one or not; BadValueError.

    Instructions lie at even addresses (Unprivileged ISA 1.5).
    """
    address = word(what, whole_number(what, value, "an address, as symbol() gives it"))
    if address % 2:
        raise BadValueError(what, address, "an even address")
    return Virtual(address)


def cpu_index(what: str, value: Any, count: int) -> int:
    """The number of one of `count` vCPUs, given as such or as a `Cpu`; BadValueError."""
    index = whole_number(what, value)
    if not 0 <= index < count:
        raise BadValueError(what, index, f"a vCPU, 0 to {count - 1}")
    return index


def chosen_process(space: Any) -> ChosenProcess | None:
    """The process that a text names, "pid:1" or "init"; None for what is no text. BadValueError."""
    if not isinstance(space, str):
        return None
    number = space.removeprefix(PID_PREFIX)
    if number != space:
        if not (number.isascii() and number.isdecimal() and 0 < int(number) < 1 << 31):
            raise BadValueError("space", space, "pid: and the number of a process")
        return ChosenProcess(pid=int(number))
    if not 0 < len(space.encode()) <= LONGEST_COMM:
        expected = f"a process's name, of up to {LONGEST_COMM} bytes"
        raise BadValueError("space", space, expected)
    return ChosenProcess(comm=space)


def scope(space: Any, mode: Any, levels: Mapping[str, int]) -> Scope:
    """The contexts of an address space, as `cpu.space` has it, and a mode; BadValueError.

    levels: of the guest's ISA, by their names.
    """
    if space is not None and whole_number("space", space) not in range(SPACE_MASK + 1):
        expected = "the number of an address space, as cpu.space has it, or a process"
        raise BadValueError("space", space, expected)
    if mode is not None and mode not in levels:
        raise BadValueError("mode", mode, " or ".join(levels) or "none, as the ISA has no levels")
    level = None if mode is None else levels[mode]
    return scope_of(level, None if space is None else whole_number("space", space))
