"""Floating-point operations; what the host can't do exactly is left to a function.

Operations of the host raise the same flags as the guest's: tininess is found after rounding on
both, and what is out of range of an integer is invalid and not inexact. They differ in NaNs, which
RISC-V makes canonical, and in fmin, fmax and 0 * infinity + a quiet NaN (Unprivileged ISA 20.6).
The constrained intrinsics keep LLVM from moving, folding or dropping what raises flags.
"""

from collections.abc import Callable
from functools import cache

import llvmlite.binding as llvm

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I32, I64, INTEGERS, Double, Pointer, Single, T, Value
from mttcg.engine.llvm.places import FLOAT_CONTROL, FRAME
from mttcg.engine.llvm.riscv64.float_function import DYNAMIC, NUMBERS
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.engine.llvm.widths import narrow, widen
from mttcg.isa.riscv64.floats import Flags

TOWARDS_ZERO = 1
STRICT = 'metadata !"round.dynamic", metadata !"fpexcept.strict"'
QUIET = 'metadata !"fpexcept.strict"'
INTRINSIC = "@llvm.experimental.constrained"
TYPES: dict[str, tuple[type[Value], str, int]] = {
    "s": (Single, "f32", 32),
    "d": (Double, "f64", 64),
}
"""LLVM's type, its name in intrinsics, bits."""
FRACTION = {32: 23, 64: 52}
ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
COMPARISONS = {"eq": ("fcmp", "oeq"), "lt": ("fcmps", "olt"), "le": ("fcmps", "ole")}
INVALID = int(Flags.NV)


def infinity(size: int) -> int:
    """The bits of +infinity in a format of so many bits (IEEE 754-2019, 3.4)."""
    return (1 << size - FRACTION[size] - 1) - 1 << FRACTION[size]


@cache
def host_has(feature: str) -> bool:
    """Whether the host's processor has something, by LLVM's name."""
    return bool(llvm.get_host_cpu_features().get(feature))


class RiscvFloats:
    """Emits floating-point operations on raw bits.

    Args:
        builder: of the function.
        host: keeps its floating-point control.
    """

    def __init__(self, builder: Builder, host: HostFloat) -> None:
        self.builder, self.host = builder, host

    def emit(self, operation: str, rounding: int, operands: tuple[I64, ...]) -> I64:
        """An operation's result, as `Operations.float` has it; frm is a mode the host has."""
        name, *widths = operation.split(".")
        if name in COMPARISONS:
            return self._compare(name, widths[0], *operands)
        if name in ("min", "max"):
            return self._choose(name, widths[0], *operands)
        if name == "cvt" and widths[0] in TYPES:
            return self._to_float(operation, widths[0], widths[1], rounding, operands)
        if name == "cvt":
            return self._to_integer(operation, widths[0], widths[1], rounding, operands[0])
        if rounding != DYNAMIC or name == "class" or (name == "fma" and not host_has("fma")):
            return self.call(operation, rounding, operands)
        if name == "fma":
            return self._fused(widths[0], *operands)
        return self._arithmetic(name, widths[0], operands)

    def call(self, operation: str, rounding: int, operands: tuple[I64, ...]) -> I64:
        """An operation by the function that defines it, out of reach of MXCSR."""
        build = self.builder
        self.host.leave(build)
        function = build.load(build.offset(FRAME, 8 * Word.FLOAT), COUNTER, Pointer)
        given: list[I64 | int] = [NUMBERS[operation], rounding, len(operands), *operands]
        result = build.call(I64, function, *given, *[0] * (6 - len(given)))
        self.host.enter(build)
        return result

    # between bits and numbers

    def _number(self, bits: I64, width: str) -> Value:
        kind, _, size = TYPES[width]
        return self.builder.cast("bitcast", narrow(self.builder, bits, size), kind)

    def _bits(self, number: Value, width: str) -> I64:
        bits = self.builder.cast("bitcast", number, INTEGERS[TYPES[width][2]])
        return widen(self.builder, bits)

    def _canonical(self, number: Value, width: str, when_nan: Callable[[], None]) -> I64:
        """The bits of a number, those of the canonical NaN for every NaN.

        `at` tells a NaN, which goes by way of `nan` and `from`, from a number; `on` has the bits.
        """
        build, (_, name, size) = self.builder, TYPES[width]
        bits = self._bits(number, width)
        options = f'metadata !"ord", {QUIET}'
        ordered = build.call(I1, f"{INTRINSIC}.fcmp.{name}", number, number, options=options)
        at, nan, origin, on = (build.new_block(word) for word in ("at", "nan", "from", "on"))
        build.goto(at)
        build.begin(at)
        build.branch(ordered, on, nan, UNLIKELY)
        build.begin(nan)
        when_nan()
        build.goto(origin)
        build.begin(origin)
        build.goto(on)
        build.begin(on)
        canonical = ((1 << size - FRACTION[size]) - 1 << FRACTION[size] - 1) & ~(1 << size - 1)
        return build.phi(I64, (bits, at), (canonical, origin))

    def _constrained(self, name: str, width: str, *numbers: Value) -> Value:
        kind, short, _ = TYPES[width]
        return self.builder.call(kind, f"{INTRINSIC}.{name}.{short}", *numbers, options=STRICT)

    # the operations

    def _arithmetic(self, name: str, width: str, operands: tuple[I64, ...]) -> I64:
        numbers = [self._number(bits, width) for bits in operands]
        result = self._constrained(ARITHMETIC.get(name, name), width, *numbers)
        return self._canonical(result, width, lambda: None)

    def _fused(self, width: str, x: I64, y: I64, z: I64) -> I64:
        numbers = [self._number(bits, width) for bits in (x, y, z)]
        result = self._constrained("fma", width, *numbers)

        def product_is_invalid() -> None:
            """0 * infinity is invalid, which the host does not say if z is a quiet NaN."""
            build, size = self.builder, TYPES[width][2]
            magnitudes = [self._magnitude(bits, size) for bits in (x, y)]
            zero = [build.compare("eq", magnitude, 0) for magnitude in magnitudes]
            infinite = [build.compare("eq", magnitude, infinity(size)) for magnitude in magnitudes]
            one = build.binary("and", zero[0], infinite[1])
            other = build.binary("and", zero[1], infinite[0])
            self._raise(build.binary("or", one, other))

        return self._canonical(result, width, product_is_invalid)

    def _magnitude(self, bits: I64, size: int) -> I64:
        """The bits without the sign."""
        return self.builder.binary("and", bits, (1 << size - 1) - 1)

    def _raise(self, bit: I1) -> None:
        """Raise the flag NV if a bit is set."""
        build = self.builder
        old = build.load(FLOAT_CONTROL, COUNTER, I64)
        flag = build.select(bit, INVALID, 0, I64)
        build.store(build.binary("or", old, flag), FLOAT_CONTROL, COUNTER)

    def _compare(self, name: str, width: str, x: I64, y: I64) -> I64:
        intrinsic, predicate = COMPARISONS[name]
        numbers = self._number(x, width), self._number(y, width)
        callee = f"{INTRINSIC}.{intrinsic}.{TYPES[width][1]}"
        options = f'metadata !"{predicate}", {QUIET}'
        bit = self.builder.call(I1, callee, *numbers, options=options)
        return self.builder.cast("zext", bit, I64)

    def _choose(self, name: str, width: str, x: I64, y: I64) -> I64:
        """Fmin and fmax on bits: a NaN yields to a number, -0 is less than +0."""
        build, size = self.builder, TYPES[width][2]
        quiet = 1 << FRACTION[size] - 1
        nans: list[I1] = []
        keys: list[I64] = []
        signalling: list[I1] = []
        for bits in (x, y):
            magnitude = self._magnitude(bits, size)
            nans.append(build.compare("ugt", magnitude, infinity(size)))
            loud = build.compare("eq", build.binary("and", bits, quiet), 0)
            signalling.append(build.binary("and", nans[-1], loud))
            negative = build.compare("ne", bits, magnitude)
            below = build.binary("xor", magnitude, -1)
            keys.append(build.select(negative, below, magnitude, I64))
        self._raise(build.binary("or", signalling[0], signalling[1]))
        first = build.compare("slt" if name == "min" else "sgt", keys[0], keys[1])
        number = build.select(first, x, y, I64)
        number = build.select(nans[1], x, number, I64)
        number = build.select(nans[0], y, number, I64)
        both = build.binary("and", nans[0], nans[1])
        return build.select(both, infinity(size) | quiet, number, I64)

    # conversions

    def _to_float(
        self, operation: str, width: str, origin: str, rounding: int, operands: tuple[I64, ...]
    ) -> I64:
        exact = width == "d" and origin in ("w", "wu", "s")
        if rounding != DYNAMIC and not exact:
            return self.call(operation, rounding, operands)
        if origin in TYPES:
            return self._from_other_width(width, origin, operands[0])
        build, integer = self.builder, operands[0]
        if origin in ("w", "wu"):
            low = build.cast("trunc", integer, I32)
            integer = build.cast("sext" if origin == "w" else "zext", low, I64)
        if origin == "lu":
            return self._from_unsigned(width, integer)
        return self._bits(self._from_signed(width, integer), width)

    def _from_other_width(self, width: str, origin: str, x: I64) -> I64:
        """From a number in the other format."""
        kind, short, _ = TYPES[width]
        number, other = self._number(x, origin), TYPES[origin][1]
        name, options = ("fpext", QUIET) if width == "d" else ("fptrunc", STRICT)
        callee = f"{INTRINSIC}.{name}.{short}.{other}"
        result = self.builder.call(kind, callee, number, options=options)
        return self._canonical(result, width, lambda: None)

    def _from_signed(self, width: str, integer: I64) -> Value:
        kind, short, _ = TYPES[width]
        callee = f"{INTRINSIC}.sitofp.{short}.i64"
        return self.builder.call(kind, callee, integer, options=STRICT)

    def _from_unsigned(self, width: str, integer: I64) -> I64:
        """From 64 unsigned bits: of large ones the half, whose lowest bit stands for two."""
        build, kind = self.builder, TYPES[width][0]
        large = build.compare("slt", integer, 0)
        half = build.binary("lshr", integer, 1)
        half = build.binary("or", half, build.binary("and", integer, 1))
        number = self._from_signed(width, build.select(large, half, integer, I64))
        factor = build.select(large, kind("2.0"), kind("1.0"), kind)
        return self._bits(self._constrained("fmul", width, number, factor), width)

    def _to_integer(self, operation: str, kind: str, width: str, rounding: int, x: I64) -> I64:
        """To an integer in the dynamic mode, or towards zero: the host's instructions."""
        if rounding not in (DYNAMIC, TOWARDS_ZERO):
            return self.call(operation, rounding, (x,))
        if kind in ("wu", "lu"):
            return self._to_unsigned(operation, width, rounding, x)
        return self._to_signed(width, rounding, x, 32 if kind == "w" else 64)

    def _convert(self, width: str, rounding: int, number: Value, kind: type[T]) -> T:
        """The host's conversion; LLVM may neither drop nor move it."""
        how = "cvttsX2si" if rounding == TOWARDS_ZERO else "cvtsX2si"
        suffix, name = ("q" if kind is I64 else "l"), how.replace("X", width)
        assembly = f'asm sideeffect "{name}{suffix} $1, $0", "=r,x"'
        return self.builder.call(kind, assembly, number)

    def _to_signed(self, width: str, rounding: int, x: I64, bits: int) -> I64:
        """The host gives the least integer for all that is out of range, and says that it is."""
        build, size = self.builder, TYPES[width][2]
        found = self._convert(width, rounding, self._number(x, width), INTEGERS[bits])
        least = -1 << bits - 1
        odd = build.compare("eq", found, least)
        magnitude = self._magnitude(x, size)
        nan = build.compare("ugt", magnitude, infinity(size))
        positive = build.compare("eq", x, magnitude)
        greatest = build.binary("or", nan, positive)
        above = build.binary("and", odd, greatest)
        value = build.select(above, -least - 1, found, INTEGERS[bits])
        return value if isinstance(value, I64) else build.cast("sext", value, I64)

    def _to_unsigned(self, operation: str, width: str, rounding: int, x: I64) -> I64:
        """From 0 to below 2^31 as signed, in `in`; in `out` the rest is left to the function."""
        build, size = self.builder, TYPES[width][2]
        limit = 31 + (1 << size - FRACTION[size] - 2) - 1 << FRACTION[size]
        words = ("in", "out", "inside", "outside", "end")
        within, out, inside, outside, end = (build.new_block(word) for word in words)
        build.branch(build.compare("ult", x, limit), within, out)
        build.begin(out)
        defined = self.call(operation, rounding, (x,))
        build.goto(outside)
        build.begin(outside)
        build.goto(end)
        build.begin(within)
        found = self._convert(width, rounding, self._number(x, width), I64)
        if operation.startswith("cvt.wu"):
            found = build.cast("sext", build.cast("trunc", found, I32), I64)
        build.goto(inside)
        build.begin(inside)
        build.goto(end)
        build.begin(end)
        return build.phi(I64, (found, inside), (defined, outside))
