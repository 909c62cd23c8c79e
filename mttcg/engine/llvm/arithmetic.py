"""LLVM text for arithmetic on integers."""

from collections.abc import Callable

from mttcg.engine.llvm.piece import Piece
from mttcg.engine.llvm.text import is_literal
from mttcg.isa.operations import Binary, Bits, Compare, Shift

FOLDED: dict[Binary, Callable[[int, int], int]] = {"add": int.__add__, "and": int.__and__}
"""What a jump to a known address is computed with."""
COUNTS = {"leading": "ctlz", "trailing": "cttz", "ones": "ctpop"}


class Arithmetic(Piece):
    """The part of `Operations` that computes with integers."""

    def constant(self, value: int) -> str:
        """A 64-bit constant."""
        value &= (1 << 64) - 1
        return str(value - (value >> 63 << 64))

    def binary(self, operation: Binary, a: str, b: str, bits: Bits = 64) -> str:
        """Arithmetic modulo 2^bits; 32-bit results come zero-extended."""
        if operation in FOLDED and bits == 64 and is_literal(a) and is_literal(b):
            return self.constant(FOLDED[operation](int(a), int(b)))
        a, b = self.text.narrow(a, bits), self.text.narrow(b, bits)
        result = self.text.widen(self.text.value(f"{operation} i{bits} {a}, {b}"), bits)
        if operation == "add" and bits == 64 and is_literal(b):
            self.spans.add(result, a, int(b))
        return result

    def shift(self, operation: Shift, value: str, amount: str, bits: Bits = 64) -> str:
        """Shift by amount modulo bits; 32-bit results come zero-extended."""
        value, amount = self.text.narrow(value, bits), self.text.narrow(amount, bits)
        amount = self.text.value(f"and i{bits} {amount}, {bits - 1}")
        return self.text.widen(self.text.value(f"{operation} i{bits} {value}, {amount}"), bits)

    def multiply_high(self, a: str, b: str, signed_a: bool, signed_b: bool) -> str:
        """Upper 64 bits of the 128-bit product.

        LLVM's instruction selection takes twice as long for each product of products that it sees.
        """
        self._begin_basic_block()
        wide = []
        for value, signed in ((a, signed_a), (b, signed_b)):
            wide.append(self.text.value(f"{'sext' if signed else 'zext'} i64 {value} to i128"))
        product = self.text.value(f"mul i128 {wide[0]}, {wide[1]}")
        upper = self.text.value(f"lshr i128 {product}, 64")
        return self.text.value(f"trunc i128 {upper} to i64")

    def compare(self, operation: Compare, a: str, b: str) -> str:
        """1 or 0, of two 64-bit values."""
        bit = self.text.value(f"icmp {operation} i64 {a}, {b}")
        return self.text.value(f"zext i1 {bit} to i64")

    def select(self, condition: str, a: str, b: str) -> str:
        """a if condition is not 0, else b."""
        return self.text.value(f"select i1 {self.text.bit(condition)}, i64 {a}, i64 {b}")

    def sign_extend(self, value: str, bits: int) -> str:
        """The low `bits` bits as a signed number."""
        return self.text.value(f"sext i{bits} {self.text.narrow(value, bits)} to i64")

    def zero_extend(self, value: str, bits: int) -> str:
        """The low `bits` bits as an unsigned number."""
        return self.text.widen(self.text.narrow(value, bits), bits)

    def count(self, what: str, value: str, bits: Bits) -> str:
        """Zeros in front, zeros behind, or ones."""
        value = self.text.narrow(value, bits)
        flag = "" if what == "ones" else ", i1 false"
        call = f"call i{bits} @llvm.{COUNTS[what]}.i{bits}(i{bits} {value}{flag})"
        return self.text.widen(self.text.value(call), bits)

    def byte_swap(self, value: str) -> str:
        """The eight bytes in reverse."""
        return self.text.value(f"call i64 @llvm.bswap.i64(i64 {value})")
