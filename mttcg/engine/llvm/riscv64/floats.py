"""Floating-point operations; what the host can't do exactly is left to a function.

Operations of the host raise the same flags as the guest's: tininess is found after rounding on
both, and what is out of range of an integer is invalid and not inexact. They differ in NaNs, which
RISC-V makes canonical, and in fmin, fmax and 0 * infinity + a quiet NaN (Unprivileged ISA 20.6).
"""

from collections.abc import Callable

from mttcg.engine.llvm.arithmetic import signed
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I1, I64, Constant, Value
from mttcg.engine.llvm.riscv64.float_conversions import Conversions
from mttcg.engine.llvm.riscv64.float_function import DYNAMIC
from mttcg.engine.llvm.riscv64.float_values import (
    COMPARISONS,
    FRACTION,
    SIZES,
    TYPES,
    FloatValues,
    host_has,
    infinity,
)
from mttcg.engine.llvm.riscv64.halves import Halves
from mttcg.engine.llvm.riscv64.integral import Integral
from mttcg.engine.llvm.riscv64.nearest_away import NEAREST_AWAY, NearestAway
from mttcg.engine.llvm.riscv64.rounding_modes import RoundingModes
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.isa.riscv64.float_constants import constant_of
from mttcg.isa.riscv64.floats import DOUBLE, HALF, SINGLE

ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
FORMATS = {"h": HALF, "s": SINGLE, "d": DOUBLE}
ROUNDED_TO_INTEGERS = {"round": "nearbyint", "roundnx": "rint"}
"""Operations, and what LLVM calls them: without the flag for what is inexact, and with it."""
BY_FMA = {("fma", None), ("fma", NEAREST_AWAY), ("mul", NEAREST_AWAY)}
"""What needs the host's fused operation, in any mode or in one."""


def lacks_instructions(name: str, widths: list[str]) -> bool:
    """Whether the host lacks what an operation is made of, so that the function does it."""
    halves = "h" in widths and name not in ("min", "max", "minm", "maxm", "class", "li")
    integers = name in ROUNDED_TO_INTEGERS
    return (halves and not host_has("f16c")) or (integers and not host_has("sse4.1"))


class RiscvFloats:
    """Emits floating-point operations on raw bits.

    Args:
        builder: of the function.
        host: keeps its floating-point control.

    Attributes:
        is_away: whether the mode in float control is that which the host lacks, otherwise it is
            another.
    """

    def __init__(self, builder: Builder, host: HostFloat) -> None:
        assert host.control is not None
        self.builder = builder
        self.values = FloatValues(builder, host)
        self.modes = RoundingModes(builder, host.control)
        self.away = NearestAway(self.values, self.modes)
        self.halves = Halves(self.values)
        self.conversions = Conversions(self.values, self.away, self.halves)
        self.integral = Integral(self.values, self.halves)
        self.is_away = False
        self.unrounded: dict[str, Callable[..., I64]] = {
            **dict.fromkeys(COMPARISONS, self._compare),
            **dict.fromkeys(("min", "max", "minm", "maxm"), self._choose),
            "li": self._constant,
            "class": self._classify,
            "cvtmod": self.conversions.modular_word,
        }

    def emit(self, operation: str, rounding: int | I64, operands: tuple[I64, ...]) -> I64:
        """An operation's result, as `Operations.float` has it; float control has a valid mode."""
        name, *widths = operation.split(".")
        if lacks_instructions(name, widths):
            mode = NEAREST_AWAY if self.is_away else rounding
            return self.values.call(operation, mode, operands)
        if name in self.unrounded:
            return self.unrounded[name](name, *widths, *operands)
        if not isinstance(rounding, I64) and rounding == DYNAMIC:
            mode = NEAREST_AWAY if self.is_away else DYNAMIC
            return self._rounded(name, widths, mode, operands)
        if name == "cvt" and not self.conversions.rounds(widths[0], widths[1], rounding):
            return self._rounded(name, widths, rounding, operands)
        meanwhile = self.modes.begin(rounding)
        result = self._rounded(name, widths, rounding, operands)
        self.modes.end(meanwhile)
        return result

    def _rounded(
        self, name: str, widths: list[str], rounding: int | I64, operands: tuple[I64, ...]
    ) -> I64:
        """The result in the host's mode, corrected if the mode is one that the host lacks."""
        if name == "cvt":
            return self.conversions.emit(widths[0], widths[1], rounding, operands[0])
        is_away = not isinstance(rounding, I64) and rounding == NEAREST_AWAY
        width = widths[0]
        if name in ROUNDED_TO_INTEGERS:
            return self.integral.emit(ROUNDED_TO_INTEGERS[name], width, is_away, operands[0])
        if width == "h":
            return self._of_halves(name, is_away, operands)
        if BY_FMA & {(name, None), (name, rounding)} and not host_has("fma"):
            return self.values.call(f"{name}.{width}", rounding, operands)
        numbers = [self.values.number(bits, width) for bits in operands]
        found = self.values.constrained(ARITHMETIC.get(name, name), width, *numbers)
        bits = self.away.corrected(name, width, operands, found) if is_away else None
        if name == "fma":
            return self.values.canonical(
                found, width, lambda: self._check_product(width, operands[0], operands[1]), bits
            )
        return self.values.canonical(found, width, bits=bits)

    def _of_halves(self, name: str, is_away: bool, operands: tuple[I64, ...]) -> I64:
        numbers = [self.halves.double(bits) for bits in operands]
        if name == "fma":  # a product of halves is exact
            product = self.values.constrained("fmul", "d", numbers[0], numbers[1])
            found = self.values.constrained("fadd", "d", product, numbers[2])
        else:
            found = self.values.constrained(ARITHMETIC.get(name, name), "d", *numbers)
        return self.halves.rounded(found, is_away)

    def _check_product(self, width: str, x: I64, y: I64) -> None:
        """0 * infinity is invalid, which the host does not say if the addend is a quiet NaN."""
        build, size = self.builder, TYPES[width][2]
        magnitudes = [self.values.magnitude(bits, size) for bits in (x, y)]
        zero = [build.compare("eq", magnitude, 0) for magnitude in magnitudes]
        infinite = [build.compare("eq", magnitude, infinity(size)) for magnitude in magnitudes]
        one = build.binary("and", zero[0], infinite[1])
        other = build.binary("and", zero[1], infinite[0])
        self.values.raise_invalid(build.binary("or", one, other))

    # what does not round

    def _compare(self, name: str, width: str, x: I64, y: I64) -> I64:
        if width == "h":
            numbers: list[Value] = [self.halves.single(bits) for bits in (x, y)]
            found = self.values.compare(name, "s", *numbers)
        else:
            numbers = [self.values.number(bits, width) for bits in (x, y)]
            found = self.values.compare(name, width, *numbers)
        return self.builder.cast("zext", found, I64)

    def _constant(self, _name: str, width: str, number: I64) -> I64:
        """One of a table, whose number may be known only when code runs."""
        constants = [constant_of(FORMATS[width], place) for place in range(32)]
        if isinstance(number, Constant):
            return signed(constants[number.number])
        found: I64 = signed(constants[0])
        for place, value in enumerate(constants[1:], 1):
            same = self.builder.compare("eq", number, place)
            found = self.builder.select(same, signed(value), found, I64)
        return found

    def _choose(self, name: str, width: str, x: I64, y: I64) -> I64:
        """Fmin and fmax on bits: a NaN yields to a number, -0 is less than +0.

        To fminm and fmaxm it does not yield.
        """
        build, size = self.builder, SIZES[width]
        nans: list[I1] = []
        keys: list[I64] = []
        signalling: list[I1] = []
        for bits in (x, y):
            magnitude = self.values.magnitude(bits, size)
            nans.append(build.compare("ugt", magnitude, infinity(size)))
            signalling.append(build.binary("and", nans[-1], self._is_loud(bits, size)))
            negative = build.compare("ne", bits, magnitude)
            below = build.binary("xor", magnitude, -1)
            keys.append(build.select(negative, below, magnitude, I64))
        self.values.raise_invalid(build.binary("or", signalling[0], signalling[1]))
        first = build.compare("slt" if name.startswith("min") else "sgt", keys[0], keys[1])
        number = build.select(first, x, y, I64)
        if name.endswith("m"):
            none = build.binary("or", nans[0], nans[1])
        else:
            number = build.select(nans[1], x, number, I64)
            number = build.select(nans[0], y, number, I64)
            none = build.binary("and", nans[0], nans[1])
        return build.select(none, infinity(size) | 1 << FRACTION[size] - 1, number, I64)

    def _is_loud(self, bits: I64, size: int) -> I1:
        """Whether a NaN is not a quiet one."""
        quiet = 1 << FRACTION[size] - 1
        return self.builder.compare("eq", self.builder.binary("and", bits, quiet), 0)

    def _classify(self, _name: str, width: str, x: I64) -> I64:
        """The mask of fclass (20.9): from the greatest numbers of a sign to its zero, and NaNs."""
        build, size = self.builder, SIZES[width]
        magnitude = self.values.magnitude(x, size)
        rank: I64 | None = None
        for step in (1, 1 << FRACTION[size], infinity(size)):  # subnormal, normal, infinity
            reached = build.cast("zext", build.compare("ugt", magnitude, step - 1), I64)
            rank = reached if rank is None else build.binary("add", rank, reached)
        assert rank is not None
        negative = build.compare("ne", x, magnitude)
        below = build.binary("sub", I64("3"), rank)
        place = build.select(negative, below, build.binary("add", rank, 4), I64)
        nan = build.compare("ugt", magnitude, infinity(size))
        place = build.select(nan, build.select(self._is_loud(x, size), 8, 9, I64), place, I64)
        return build.binary("shl", I64("1"), place)
