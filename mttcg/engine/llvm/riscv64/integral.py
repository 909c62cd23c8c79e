"""Rounding to integers that stay numbers (Zfa)."""

from mttcg.engine.llvm.ir.values import I64, Single, Value
from mttcg.engine.llvm.riscv64.float_values import (
    FRACTION,
    INTRINSIC,
    STRICT,
    TYPES,
    FloatValues,
)
from mttcg.engine.llvm.riscv64.halves import Halves
from mttcg.engine.llvm.riscv64.nearest_away import HALF

SIGN = -1 << 63
ONE = 0x3FF << 52


class Integral:
    """Emits it, in the mode that the host is in.

    Args:
        values: emits what operations consist of.
        halves: emits conversions of halves.
    """

    def __init__(self, values: FloatValues, halves: Halves) -> None:
        self.values, self.builder, self.halves = values, values.builder, halves

    def emit(self, name: str, width: str, is_away: bool, x: I64) -> I64:
        """A number's integer; `name` is that of LLVM's operation."""
        values = self.values
        number: Value = self.halves.single(x) if width == "h" else values.number(x, width)
        by = "s" if width == "h" else width
        found = values.constrained(name, by, number)
        bits = self._away(by, number, found) if is_away else None
        whole = values.canonical(found, by, bits=bits)
        if width != "h":
            return whole
        return self.halves.rounded(values.number(whole, "s"), is_away=False)

    def _away(self, width: str, number: Value, found: Value) -> I64:
        """The next integer if the number lies in the middle between it and this one."""
        build, values, size = self.builder, self.values, TYPES[width][2]
        bits = values.bits(found, width)
        bias = (1 << size - FRACTION[size] - 2) - 1
        magnitude = values.magnitude(values.bits(number, width), size)
        # from there on all numbers are integers
        large = build.compare("ugt", magnitude, (FRACTION[size] + bias << FRACTION[size]) - 1)

        def correct() -> I64:
            given, near = values.widened(number), values.widened(found)
            left_off = values.bits(values.constrained("fsub", "d", given, near), "d")
            sign = build.binary("and", values.bits(given, "d"), SIGN)
            middle = build.compare("eq", left_off, build.binary("or", sign, HALF))
            step = build.binary("or", sign, build.select(middle, ONE, 0, I64))
            # a zero of the same sign leaves a zero as it is
            total = values.constrained("fadd", "d", near, values.number(step, "d"))
            return values.bits(self._narrowed(width, total), width)

        return values.either(large, lambda: bits, correct)

    def _narrowed(self, width: str, number: Value) -> Value:
        """A double that is a number of the width."""
        if width == "d":
            return number
        return self.builder.call(Single, f"{INTRINSIC}.fptrunc.f32.f64", number, options=STRICT)
