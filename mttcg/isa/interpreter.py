"""What the words of Operations mean on ints, as far as they are of no ISA.

An ISA's interpreter is its definition, and does nothing to be fast. Translators are tested against
it.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

from mttcg.isa.code import Code
from mttcg.isa.interpreted_memory import (
    Faulted,
    Interpretation,
    InterpretedMemory,
    LeftInstruction,
    Stopped,
    signed,
    unsigned,
)
from mttcg.isa.operations import Binary, Bits, Compare, Operations, Shift, StateFields, SystemWords
from mttcg.isa.system import MemoryFault, Trap
from mttcg.memory.address import Virtual
from mttcg.state.words import MASK


def _quotient(a: int, b: int) -> int:
    """Division that rounds towards zero."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_BINARY: dict[Binary, tuple[Interpretation, Callable[[int, int], int]]] = {
    "add": (unsigned, operator.add),
    "sub": (unsigned, operator.sub),
    "mul": (unsigned, operator.mul),
    "and": (unsigned, operator.and_),
    "or": (unsigned, operator.or_),
    "xor": (unsigned, operator.xor),
    "udiv": (unsigned, operator.floordiv),
    "sdiv": (signed, _quotient),
    "urem": (unsigned, operator.mod),
    "srem": (signed, lambda a, b: a - b * _quotient(a, b)),
}
_SHIFT: dict[Shift, tuple[Interpretation, Callable[[int, int], int]]] = {
    "shl": (unsigned, operator.lshift),
    "lshr": (unsigned, operator.rshift),
    "ashr": (signed, operator.rshift),
}
_COMPARE: dict[Compare, tuple[Interpretation, Callable[[int, int], bool]]] = {
    "eq": (unsigned, operator.eq),
    "ne": (unsigned, operator.ne),
    "ult": (unsigned, operator.lt),
    "ule": (unsigned, operator.le),
    "slt": (signed, operator.lt),
    "sle": (signed, operator.le),
}
_COUNT: dict[str, Callable[[int, int], int]] = {
    "leading": lambda value, bits: bits - value.bit_length(),
    "trailing": lambda value, bits: (value & -value).bit_length() - 1 if value else bits,
    "ones": lambda value, _: value.bit_count(),
}


@dataclass
class IntegerInterpreter(InterpretedMemory, ABC):
    """The integer registers of one hart, and its memory; `pc` is that of the instruction."""

    code: ClassVar[Code]
    """The ISA's instructions."""
    zero_extend = staticmethod(unsigned)
    """See Operations."""
    causes: ClassVar[Mapping[MemoryFault, int]]
    """The codes of the ISA's traps for accesses that can't be made."""
    pc: Virtual = Virtual(0)
    x: list[int] = field(default_factory=lambda: [0] * 32)
    _next: int = field(default=0, init=False)

    @abstractmethod
    def illegal(
        self, word: int, unless: Callable[[Operations[int], StateFields[int]], int] | None = None
    ) -> None:
        """See Operations."""

    def step(self, word: int) -> Trap | LeftInstruction | None:
        """Run one instruction as if it lay at pc; of shorter ones the low bits count.

        None if it completed. On a Trap or LeftInstruction the registers and pc are those before it.
        """
        instruction = self.code.decode(word)
        try:
            if instruction is None:
                self.illegal(word)
                return None
            self._next = self.pc + instruction.length
            # the rows of an ISA use such words alone as its interpreter has
            instruction.row.semantics(cast("Operations[int]", self), instruction)
        except Faulted as made:
            return Trap(self.causes[made.fault], self.pc, made.address)
        except Stopped as stop:
            return stop.outcome
        self.pc = Virtual(self._next & MASK)
        return None

    def constant(self, value: int) -> int:
        """See Operations."""
        return value & MASK

    def pc_plus(self, displacement: int) -> int:
        """See Operations."""
        return self.pc + displacement & MASK

    def read_x(self, register: int) -> int:
        """See Operations."""
        return self.x[register]

    def write_x(self, register: int, value: int) -> None:
        """See Operations."""
        if register:
            self.x[register] = value

    def binary(self, operation: Binary, a: int, b: int, bits: Bits = 64) -> int:
        """See Operations."""
        read, function = _BINARY[operation]
        return unsigned(function(read(a, bits), read(b, bits)), bits)

    def shift(self, operation: Shift, value: int, amount: int, bits: Bits = 64) -> int:
        """See Operations."""
        read, function = _SHIFT[operation]
        return unsigned(function(read(value, bits), amount % bits), bits)

    def multiply_high(self, a: int, b: int, signed_a: bool, signed_b: bool) -> int:
        """See Operations."""
        left, right = signed(a, 64) if signed_a else a, signed(b, 64) if signed_b else b
        return left * right >> 64 & MASK

    def compare(self, operation: Compare, a: int, b: int) -> int:
        """See Operations."""
        read, function = _COMPARE[operation]
        return int(function(read(a, 64), read(b, 64)))

    def select(self, condition: int, a: int, b: int) -> int:
        """See Operations."""
        return a if condition else b

    def sign_extend(self, value: int, bits: int) -> int:
        """See Operations."""
        return signed(value, bits) & MASK

    def count(self, what: Literal["leading", "trailing", "ones"], value: int, bits: Bits) -> int:
        """See Operations."""
        return _COUNT[what](unsigned(value, bits), bits)

    def byte_swap(self, value: int) -> int:
        """See Operations."""
        return int.from_bytes(value.to_bytes(8, "little"), "big")

    def jump(self, target: int) -> None:
        """See Operations."""
        self._next = target

    def branch(self, condition: int, displacement: int) -> None:
        """See Operations."""
        if condition:
            self._next = self.pc + displacement

    def system(self, word: int, does: Callable[[SystemWords[int]], None] | None = None) -> None:
        """See Operations."""
        raise Stopped(LeftInstruction(word))
