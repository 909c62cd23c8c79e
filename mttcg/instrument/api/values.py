"""What a plugin gives as a number: checked where it comes in, before anything native has it."""

import operator
from typing import Any

from mttcg.instrument.errors import BadValueError
from mttcg.memory.address import Virtual

WORDS = range(-(1 << 63), 1 << 64)
"""What fits a 64-bit register, signed or unsigned."""
MASK = (1 << 64) - 1


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
