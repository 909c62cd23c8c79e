"""Half precision, by way of double precision: the host converts, and computes with doubles.

Two roundings, to double and then to half, give what one gives: sums and products of halves are
doubles themselves, quotients and roots are too far from the middle between two halves, and where a
fused sum is no double it is next to a half. On the way to a half a double becomes a single whose
lowest bit says whether anything was cut off (rounding to odd), so nothing is lost twice.
"""

from mttcg.engine.llvm.ir.values import I32, I64, Double, Single, Value
from mttcg.engine.llvm.riscv64.float_values import INTRINSIC, STRICT, FloatValues
from mttcg.engine.llvm.widths import widen

KEPT = 20
"""Bits of a double's significand that are kept; half precision has 11, and 2 more are needed."""
CUT = 52 - KEPT
INFINITY, CANONICAL = 0x7C00, 0x7E00
FROM_HALF = (
    'asm sideeffect "vmovd $1, %%xmm15\\0Avcvtph2ps %%xmm15, %%xmm15\\0Avmovd %%xmm15, $0", '
    '"=r,r,~{xmm15}"'
)
TO_HALF = FROM_HALF.replace("vcvtph2ps %%xmm15", "vcvtps2ph $$4, %%xmm15")
"""The upper parts of the register are zero, so that nothing is raised for them; 4 is MXCSR's mode.
LLVM may neither drop nor move them."""


class Halves:
    """Emits conversions between halves and doubles.

    Args:
        values: emits what operations consist of.
    """

    def __init__(self, values: FloatValues) -> None:
        self.values, self.builder = values, values.builder

    def single(self, half: I64) -> Single:
        """The number in 16 bits, exactly."""
        build = self.builder
        bits = build.call(I32, FROM_HALF, build.cast("trunc", half, I32))
        return build.cast("bitcast", bits, Single)

    def double(self, half: I64) -> Double:
        """The same as a double."""
        return self.values.widened(self.single(half))

    def rounded(self, number: Value, is_away: bool) -> I64:
        """A double's 16 bits, in the host's mode, or in the one that it lacks."""
        build = self.builder
        double = self.values.widened(number)
        bits = self.values.bits(double, "d")
        rest = build.compare("ne", build.binary("and", bits, (1 << CUT) - 1), 0)
        high = build.binary("and", bits, -1 << CUT)
        odd = build.binary("or", high, build.select(rest, 1 << CUT, 0, I64))
        whole = self.values.number(odd, "d")
        single = build.call(Single, f"{INTRINSIC}.fptrunc.f32.f64", whole, options=STRICT)
        half = widen(build, build.call(I32, TO_HALF, build.cast("bitcast", single, I32)))
        half = build.binary("and", half, 0xFFFF)
        magnitude = build.binary("and", half, 0x7FFF)
        if is_away:
            half = self.values.either(
                build.compare("ugt", magnitude, INFINITY - 1),
                lambda: half,
                lambda: self._away(whole, half),
            )
        nan = build.compare("ugt", magnitude, INFINITY)
        return build.select(nan, CANONICAL, half, I64)

    def _away(self, number: Value, half: I64) -> I64:
        """The next half if the number lies in the middle between it and this one."""
        values, build = self.values, self.builder
        near, following = self.double(half), self.double(build.binary("add", half, 1))
        left_off = values.constrained("fsub", "d", number, near)
        twice = values.constrained("fadd", "d", left_off, left_off)
        unit = values.constrained("fsub", "d", following, near)
        tie = values.compare("eq", "d", twice, unit)
        return build.binary("add", half, build.cast("zext", tie, I64))
