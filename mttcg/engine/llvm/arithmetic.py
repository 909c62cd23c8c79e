"""Arithmetic on integers."""

from collections.abc import Callable
from functools import lru_cache

from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I1, I64, I128, INTEGERS, Constant, Relative, constant
from mttcg.engine.llvm.pieces import Pieces
from mttcg.engine.llvm.ram import Spans
from mttcg.engine.llvm.relative import relative
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.widths import narrow, widen
from mttcg.isa.operations import Binary, Bits, Compare, Shift
from mttcg.memory.page import PAGE

FOLDED: dict[Binary, Callable[[int, int], int]] = {"add": int.__add__, "and": int.__and__}
"""What a jump to a known address is computed with."""
LOW_BITS = PAGE - 1
COUNTS = {"leading": "ctlz", "trailing": "cttz", "ones": "ctpop"}


class Arithmetic:
    """The part of `Operations` that computes with integers.

    Args:
        builder: of the function.
        segment: that is being emitted.
        spans: told of addresses that differ by constants.
        pieces: divides what LLVM would take long for.
    """

    def __init__(self, builder: Builder, segment: Segment, spans: Spans, pieces: Pieces) -> None:
        self.builder, self.segment = builder, segment
        self.spans, self.pieces = spans, pieces

    def constant(self, value: int) -> I64:
        """A 64-bit constant."""
        return signed(value)

    def pc_plus(self, displacement: int) -> I64:
        """The address at a displacement from the instruction's own."""
        return relative(self.builder, self.segment.place.offset + displacement)

    def binary(self, operation: Binary, a: I64, b: I64, bits: Bits = 64) -> I64:
        """Arithmetic modulo 2^bits; 32-bit results come zero-extended."""
        build = self.builder
        if bits != 64:
            low = narrow(build, a, bits), narrow(build, b, bits)
            return widen(build, build.binary(operation, *low))
        if isinstance(b, Constant):
            if operation in FOLDED and isinstance(a, Constant):
                return self.constant(FOLDED[operation](a.number, b.number))
            if isinstance(a, Relative) and stays_relative(operation, b.number):
                return relative(build, FOLDED[operation](a.distance, b.number))
            total = build.binary(operation, a, b)
            if operation == "add":
                self.spans.add(total, a, b.number)
            return total
        return build.binary(operation, a, b)

    def shift(self, operation: Shift, value: I64, amount: I64, bits: Bits = 64) -> I64:
        """Shift by amount modulo bits; 32-bit results come zero-extended."""
        build = self.builder
        low, distance = narrow(build, value, bits), narrow(build, amount, bits)
        distance = build.binary("and", distance, bits - 1)
        return widen(build, build.binary(operation, low, distance))

    def multiply_high(self, a: I64, b: I64, signed_a: bool, signed_b: bool) -> I64:
        """Upper 64 bits of the 128-bit product.

        LLVM's instruction selection takes twice as long for each product of products that it sees.
        """
        self.pieces.divide_block()
        build = self.builder
        wide = [
            build.cast("sext" if signed else "zext", value, I128)
            for value, signed in ((a, signed_a), (b, signed_b))
        ]
        upper = build.binary("lshr", build.binary("mul", wide[0], wide[1]), 64)
        return build.cast("trunc", upper, I64)

    def compare(self, operation: Compare, a: I64, b: I64) -> I64:
        """1 or 0, of two 64-bit values."""
        return self.builder.cast("zext", self.builder.compare(operation, a, b), I64)

    def select(self, condition: I64, a: I64, b: I64) -> I64:
        """a if condition is not 0, else b."""
        return self.builder.select(self.builder.compare("ne", condition, 0), a, b, I64)

    def sign_extend(self, value: I64, bits: int) -> I64:
        """The low `bits` bits as a signed number."""
        return self.builder.cast("sext", narrow(self.builder, value, bits), I64)

    def zero_extend(self, value: I64, bits: int) -> I64:
        """The low `bits` bits as an unsigned number."""
        return widen(self.builder, narrow(self.builder, value, bits))

    def count(self, what: str, value: I64, bits: Bits) -> I64:
        """Zeros in front, zeros behind, or ones."""
        build, name = self.builder, f"@llvm.{COUNTS[what]}.i{bits}"
        flag = () if what == "ones" else (I1("false"),)
        low = narrow(build, value, bits)
        return widen(build, build.call(INTEGERS[bits], name, low, *flag))

    def byte_swap(self, value: I64) -> I64:
        """The eight bytes in reverse."""
        return self.builder.call(I64, "@llvm.bswap.i64", value)


def stays_relative(operation: Binary, number: int) -> bool:
    """Whether an address and a number give what is as far from any page's start."""
    return operation == "add" or (operation == "and" and number | LOW_BITS == -1)


@lru_cache(maxsize=1 << 12)
def signed(value: int) -> I64:
    """The constant with the low 64 bits of a number, as LLVM spells it."""
    value &= (1 << 64) - 1
    return constant(value - (value >> 63 << 64))
