"""The rounding mode to nearest, ties to the larger magnitude (RMM), which the host lacks.

It differs from the host's mode to nearest in one case: the exact result lies in the middle between
two numbers, and the host took the one of smaller magnitude, whose significand is even. Then the
next larger one is meant. It is no infinity and no other flags belong to it, as its significand is
odd. So the host computes to nearest, and what it left off is compared with half a unit.

- A sum leaves off what is a number itself, and exact (Fast2Sum).
- So does a product, if it is not so small that it loses bits at the end of the range.
- A quotient is a tie only where numbers are subnormal, a square root never.
- Of a fused product and sum it is estimated how much was left off; if that is close to half a unit,
  the function decides that defines the operation. It also decides where numbers are very small.
"""

from collections.abc import Callable

from mttcg.engine.llvm.ir.values import I1, I64, Double, Value
from mttcg.engine.llvm.riscv64.float_values import (
    FRACTION,
    INTRINSIC,
    STRICT,
    TYPES,
    FloatValues,
    infinity,
)
from mttcg.engine.llvm.riscv64.rounding_modes import RoundingModes

NEAREST_AWAY = 4
"""Its number in the field rm."""
CLOSE = {"s": "0x3F50000000000000", "d": "0x3EB0000000000000"}
"""How close to half a unit, in halves, an estimate has to be for the function to decide."""
HALF = 0x3FE << 52
"""The bits of a half, as a double."""
SIGN = {32: 1 << 31, 64: 1 << 63}


def smallest_kept(size: int, more: int = 0) -> int:
    """Bits of a number above which a product leaves off a number; `more` powers of two above."""
    return (FRACTION[size] + 3 + more) << FRACTION[size]


class NearestAway:
    """Emits results in this mode from those of the host's mode to nearest, which it is in.

    Args:
        values: emits what operations consist of.
        modes: of rounding.
    """

    def __init__(self, values: FloatValues, modes: RoundingModes) -> None:
        self.values, self.builder, self.modes = values, values.builder, modes
        self.rules: dict[str, Callable[[str, tuple[I64, ...], Value], I64]] = {
            "add": self._sum,
            "sub": lambda width, bits, found: self._sum(
                width, (bits[0], self._negated(bits[1], width)), found
            ),
            "mul": self._product,
            "div": self._quotient,
            "fma": self._fused,
            "sqrt": lambda width, bits, found: self.values.bits(found, width),
        }

    def corrected(self, name: str, width: str, operands: tuple[I64, ...], found: Value) -> I64:
        """The bits of an operation's result, given the host's."""
        return self.rules[name](width, operands, found)

    def _negated(self, bits: I64, width: str) -> I64:
        return self.builder.binary("xor", bits, _signed(SIGN[TYPES[width][2]]))

    def _numbers(self, width: str, operands: tuple[I64, ...]) -> list[Value]:
        return [self.values.number(bits, width) for bits in operands]

    def _if_finite(self, width: str, bits: I64, correct: Callable[[], I64]) -> I64:
        """Bits, corrected if they stand for a finite number."""
        size = TYPES[width][2]
        magnitude = self.values.magnitude(bits, size)
        odd = self.builder.compare("ugt", magnitude, infinity(size) - 1)
        return self.values.either(odd, lambda: bits, correct)

    def _larger(self, width: str, bits: I64) -> Value:
        """The number whose magnitude is next."""
        return self.values.number(self.builder.binary("add", bits, 1), width)

    def _add_if(self, bits: I64, tie: I1) -> I64:
        return self.builder.binary("add", bits, self.builder.cast("zext", tie, I64))

    def _is_tie(self, width: str, bits: I64, found: Value, left_off: Value) -> I1:
        """Whether what was left off is half of the distance to the next number; it is exact."""
        values = self.values
        twice = values.constrained("fadd", width, left_off, left_off)
        unit = values.constrained("fsub", width, self._larger(width, bits), found)
        return values.compare("eq", width, twice, unit)

    def _left_off_sum(self, width: str, x: I64, y: I64, found: Value) -> Value:
        """What a sum leaves off: the smaller operand less what was added to the larger."""
        build, size = self.builder, TYPES[width][2]
        first, second = (self.values.magnitude(bits, size) for bits in (x, y))
        swapped = build.compare("ult", first, second)
        large, small = build.select(swapped, y, x, I64), build.select(swapped, x, y, I64)
        numbers = self._numbers(width, (large, small))
        added = self.values.constrained("fsub", width, found, numbers[0])
        return self.values.constrained("fsub", width, numbers[1], added)

    def _sum(self, width: str, operands: tuple[I64, ...], found: Value) -> I64:
        bits = self.values.bits(found, width)

        def correct() -> I64:
            left_off = self._left_off_sum(width, operands[0], operands[1], found)
            return self._add_if(bits, self._is_tie(width, bits, found, left_off))

        return self._if_finite(width, bits, correct)

    def _are_not_zero(self, size: int, operands: tuple[I64, ...]) -> I1:
        build = self.builder
        given = [build.compare("ne", self.values.magnitude(bits, size), 0) for bits in operands]
        return build.binary("and", given[0], given[1])

    def _left_off_product(self, width: str, x: I64, y: I64, found: Value) -> Value:
        values = self.values
        negated = values.number(self._negated(values.bits(found, width), width), width)
        return values.constrained("fma", width, *self._numbers(width, (x, y)), negated)

    def _product(self, width: str, operands: tuple[I64, ...], found: Value) -> I64:
        build, values, size = self.builder, self.values, TYPES[width][2]
        bits = values.bits(found, width)
        small = build.compare("ult", values.magnitude(bits, size), smallest_kept(size))
        unclear = build.binary("and", small, self._are_not_zero(size, operands))

        def correct() -> I64:
            left_off = self._left_off_product(width, operands[0], operands[1], found)
            return self._add_if(bits, self._is_tie(width, bits, found, left_off))

        return values.either(
            unclear,
            lambda: self._defined("mul", width, operands),
            lambda: self._if_finite(width, bits, correct),
        )

    def _quotient(self, width: str, operands: tuple[I64, ...], found: Value) -> I64:
        build, values, size = self.builder, self.values, TYPES[width][2]
        bits = values.bits(found, width)
        dividend, divisor = (values.magnitude(given, size) for given in operands)
        subnormal = build.compare("ult", values.magnitude(bits, size), 1 << FRACTION[size])
        some = build.compare("ne", dividend, 0)
        finite = build.compare("ult", divisor, infinity(size))
        unclear = build.binary("and", subnormal, build.binary("and", some, finite))
        return values.either(unclear, lambda: self._defined("div", width, operands), lambda: bits)

    def _defined(self, name: str, width: str, operands: tuple[I64, ...]) -> I64:
        return self.values.call(f"{name}.{width}", NEAREST_AWAY, operands)

    def _fused(self, width: str, operands: tuple[I64, ...], found: Value) -> I64:
        bits = self.values.bits(found, width)

        def correct() -> I64:
            saved = self.modes.save()
            unclear = self._may_be_tie(width, operands, bits, found)
            self.modes.restore(saved)
            return self.values.either(
                unclear, lambda: self._defined("fma", width, operands), lambda: bits
            )

        return self._if_finite(width, bits, correct)

    def _may_be_tie(self, width: str, operands: tuple[I64, ...], bits: I64, found: Value) -> I1:
        """Whether a fused result may be the wrong one of two."""
        build, values, size = self.builder, self.values, TYPES[width][2]
        x, y, z = operands
        factors = self._numbers(width, (x, y))
        product = values.constrained("fmul", width, *factors)
        product_bits = values.bits(product, width)
        total = values.constrained("fadd", width, product, values.number(z, width))
        rest = self._left_off_sum(width, product_bits, z, total)
        below = self._left_off_product(width, x, y, product)
        left_off = values.constrained(
            "fadd",
            width,
            values.constrained("fsub", width, total, found),
            values.constrained("fadd", width, rest, below),
        )
        unit = values.constrained("fsub", width, self._larger(width, bits), found)
        twice = values.constrained("fadd", width, left_off, left_off)
        differs = values.constrained("fsub", width, twice, unit)
        kind = TYPES[width][0]
        tolerance = values.constrained("fmul", width, unit, kind(CLOSE[width]))
        close = build.compare(
            "ule", self._magnitude(width, differs), self._magnitude(width, tolerance)
        )
        sizes = [values.magnitude(given, size) for given in (product_bits, bits)]
        limit = smallest_kept(size, FRACTION[size] + 4)
        small = build.binary("and", *(build.compare("ult", found, limit) for found in sizes))
        small = build.binary("and", small, self._are_not_zero(size, (x, y)))
        large = build.compare("ugt", sizes[0], infinity(size) - 1)
        return build.binary("or", close, build.binary("or", small, large))

    def _magnitude(self, width: str, number: Value) -> I64:
        return self.values.magnitude(self.values.bits(number, width), TYPES[width][2])

    # conversions

    def from_integer(self, width: str, magnitude: I64, found: I64) -> I64:
        """The bits of an unsigned integer's number, whatever sign it has got, given the host's."""
        build, size = self.builder, TYPES[width][2]
        zeros = build.call(I64, "@llvm.ctlz.i64", magnitude, I1("false"))
        normal = build.binary("shl", magnitude, build.binary("and", zeros, 63))
        below = 63 - FRACTION[size]  # bits that are left off
        middle = build.compare(
            "eq", build.binary("and", normal, _signed((1 << below + 1) - 1)), 1 << below - 1
        )
        return self._add_if(found, middle)

    def to_single(self, number: Value, found: Value) -> I64:
        """The bits of a double as a single, given the host's."""
        bits = self.values.bits(found, "s")

        def correct() -> I64:
            values, near = self.values, self.values.widened(found)
            left_off = values.constrained("fsub", "d", number, near)
            following = values.widened(self._larger("s", bits))
            twice = values.constrained("fadd", "d", left_off, left_off)
            unit = values.constrained("fsub", "d", following, near)
            return self._add_if(bits, values.compare("eq", "d", twice, unit))

        return self._if_finite("s", bits, correct)

    def to_integer(self, x: I64, width: str, found: I64, limit: int) -> I64:
        """A number as an integer, given the host's; from 2**limit on it is one already."""
        build, values, size = self.builder, self.values, TYPES[width][2]
        bias = (1 << size - FRACTION[size] - 2) - 1
        below = (limit + bias << FRACTION[size]) - 1
        large = build.compare("ugt", values.magnitude(x, size), below)

        def correct() -> I64:
            given = values.widened(values.number(x, width))
            callee = f"{INTRINSIC}.sitofp.f64.i64"
            near = build.call(Double, callee, found, options=STRICT)
            left_off = values.bits(values.constrained("fsub", "d", given, near), "d")
            away = build.binary("and", values.bits(given, "d"), _signed(1 << 63))
            middle = build.compare("eq", left_off, build.binary("or", away, HALF))
            step = build.select(build.compare("slt", away, 0), -1, 1, I64)
            return build.binary("add", found, build.select(middle, step, 0, I64))

        return values.either(large, lambda: found, correct)


def _signed(number: int) -> int:
    """A 64-bit number as LLVM spells it."""
    return number - (number >> 63 << 64)
