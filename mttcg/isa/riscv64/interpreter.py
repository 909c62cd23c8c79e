"""The definition: an interpreter over the instruction table, in plain Python.

It gives the words of Operations their meaning on ints, one instruction at a time, and does
nothing to be fast. Translators are tested against it.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from mttcg.isa.operations import Binary, Bits, Compare, Shift
from mttcg.isa.riscv64.float_operations import evaluate
from mttcg.isa.riscv64.floats import Rounding
from mttcg.isa.riscv64.interpreted_memory import (
    Interpretation,
    InterpretedMemory,
    Left,
    Stopped,
    signed,
    unsigned,
)
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.table.decode import decode
from mttcg.isa.riscv64.table.floating import DYNAMIC
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Trap
from mttcg.state.words import MASK

ROUNDING_SHIFT = 5
"""Where frm lies in fcsr (Unprivileged ISA 20.2)."""


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
class Interpreter(InterpretedMemory):
    """One hart and its memory.

    `float_on` says whether mstatus.FS lets floating-point instructions run.
    """

    x: list[int] = field(default_factory=lambda: [0] * 32)
    f: list[int] = field(default_factory=lambda: [0] * 32)
    fcsr: int = 0
    float_on: bool = True
    _next: int = 0

    def step(self, word: int) -> Trap | Left | None:
        """Run one instruction as if it lay at pc; 16-bit ones are the low half of `word`.

        None if it completed. On a Trap or Left the registers and pc are those before it.
        """
        instruction = decode(word)
        try:
            if instruction is None:
                self.illegal(word if word & 3 == 3 else word & 0xFFFF)
                return None
            self._next = self.pc + instruction.length
            instruction.row.semantics(self, instruction, self.pc)
        except Stopped as stop:
            return stop.outcome
        self.pc = self._next & MASK
        return None

    def constant(self, value: int) -> int:
        """See Operations."""
        return value & MASK

    def read_x(self, register: int) -> int:
        """See Operations."""
        return self.x[register]

    def write_x(self, register: int, value: int) -> None:
        """See Operations."""
        if register:
            self.x[register] = value

    def read_f(self, register: int) -> int:
        """See Operations."""
        return self.f[register]

    def write_f(self, register: int, value: int) -> None:
        """See Operations."""
        self.f[register] = value

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

    def zero_extend(self, value: int, bits: int) -> int:
        """See Operations."""
        return unsigned(value, bits)

    def count(self, what: Literal["leading", "trailing", "ones"], value: int, bits: Bits) -> int:
        """See Operations."""
        return _COUNT[what](unsigned(value, bits), bits)

    def byte_swap(self, value: int) -> int:
        """See Operations."""
        return int.from_bytes(value.to_bytes(8, "little"), "big")

    def jump(self, target: int) -> None:
        """See Operations."""
        self._next = target

    def branch(self, condition: int, target: int) -> None:
        """See Operations."""
        if condition:
            self._next = target

    def leave(self, word: int) -> None:
        """See Operations."""
        raise Stopped(Left(word))

    def illegal(self, word: int) -> None:
        """See Operations."""
        raise Stopped(Trap(Cause.ILLEGAL_INSTRUCTION, self.pc, word))

    def float(self, operation: str, rounding: int, *operands: int) -> int:
        """See Operations."""
        mode = self.fcsr >> ROUNDING_SHIFT if rounding == DYNAMIC else rounding
        bits, flags = evaluate(operation, mode, *operands)
        self.fcsr |= int(flags)
        return bits

    def require_float(self, word: int) -> None:
        """See Operations."""
        if not self.float_on:
            self.illegal(word)

    def require_rounding(self, word: int) -> None:
        """See Operations."""
        if self.fcsr >> ROUNDING_SHIFT > max(Rounding):
            self.illegal(word)

    def read_float_control(self) -> int:
        """See Operations."""
        return self.fcsr

    def write_float_control(self, value: int) -> None:
        """See Operations."""
        self.fcsr = value


def compute(hart: Hart, word: int) -> int:
    """Run an instruction at hart.pc that computes with registers alone; the pc behind it.

    What it writes is in the hart's state then; pc is left as it is.
    """
    by = Interpreter(pc=hart.pc, x=list(hart.x), f=list(hart.f), fcsr=hart.fcsr)
    stopped = by.step(word)
    assert stopped is None, "what computes with registers alone can't stop"
    for register in range(32):
        hart.write_x(register, by.x[register])
        hart.f[register] = by.f[register]
    hart.fcsr = by.fcsr
    return by.pc
