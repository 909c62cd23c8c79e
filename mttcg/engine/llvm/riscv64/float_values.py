"""Numbers of the guest in translated code: their bits, and the host's operations on them.

The constrained intrinsics keep LLVM from moving, folding or dropping what raises flags.
"""

from collections.abc import Callable
from functools import cache

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, INTEGERS, Double, Pointer, Single, Value
from mttcg.engine.llvm.places import FLOAT_CONTROL, FRAME
from mttcg.engine.llvm.riscv64.float_function import NUMBERS
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.engine.llvm.widths import narrow, widen
from mttcg.isa.riscv64.floats import Flags

STRICT = 'metadata !"round.dynamic", metadata !"fpexcept.strict"'
QUIET = 'metadata !"fpexcept.strict"'
INTRINSIC = "@llvm.experimental.constrained"
TYPES: dict[str, tuple[type[Value], str, int]] = {
    "s": (Single, "f32", 32),
    "d": (Double, "f64", 64),
}
"""LLVM's type, its name in intrinsics, bits."""
SIZES = {"h": 16, "s": 32, "d": 64}
"""Bits."""
FRACTION = {16: 10, 32: 23, 64: 52}
COMPARISONS = {
    "eq": ("fcmp", "oeq"),
    "lt": ("fcmps", "olt"),
    "le": ("fcmps", "ole"),
    "ltq": ("fcmp", "olt"),
    "leq": ("fcmp", "ole"),
}
"""Those of quiet NaNs are valid for `fcmp`, and are not for `fcmps`."""
INVALID = int(Flags.NV)


def infinity(size: int) -> int:
    """The bits of +infinity in a format of so many bits (IEEE 754-2019, 3.4)."""
    return (1 << size - FRACTION[size] - 1) - 1 << FRACTION[size]


@cache
def host_has(feature: str) -> bool:
    """Whether the host's processor has something, by LLVM's name."""
    import llvmlite.binding as llvm

    return bool(llvm.get_host_cpu_features().get(feature))


class FloatValues:
    """Emits what operations consist of.

    Args:
        builder: of the function.
        host: keeps its floating-point control.
    """

    def __init__(self, builder: Builder, host: HostFloat) -> None:
        self.builder, self.host = builder, host

    def call(self, operation: str, rounding: int | I64, operands: tuple[I64, ...]) -> I64:
        """An operation by the function that defines it, out of reach of MXCSR."""
        build = self.builder
        self.host.leave(build)
        function = build.load(build.offset(FRAME, 8 * Word.FLOAT), COUNTER, Pointer)
        given: list[I64 | int] = [NUMBERS[operation], rounding, len(operands), *operands]
        result = build.call(I64, function, *given, *[0] * (6 - len(given)))
        self.host.enter(build)
        return result

    def number(self, bits: I64, width: str) -> Value:
        """The number that bits stand for."""
        kind, _, size = TYPES[width]
        return self.builder.cast("bitcast", narrow(self.builder, bits, size), kind)

    def bits(self, number: Value, width: str) -> I64:
        """A number's bits."""
        bits = self.builder.cast("bitcast", number, INTEGERS[TYPES[width][2]])
        return widen(self.builder, bits)

    def magnitude(self, bits: I64, size: int) -> I64:
        """The bits without the sign."""
        return self.builder.binary("and", bits, (1 << size - 1) - 1)

    def constrained(self, name: str, width: str, *numbers: Value) -> Value:
        """The host's operation of this name, in the mode that it is in."""
        kind, short, _ = TYPES[width]
        return self.builder.call(kind, f"{INTRINSIC}.{name}.{short}", *numbers, options=STRICT)

    def compare(self, name: str, width: str, x: Value, y: Value) -> I1:
        """Whether eq, lt or le holds."""
        intrinsic, predicate = COMPARISONS[name]
        callee = f"{INTRINSIC}.{intrinsic}.{TYPES[width][1]}"
        options = f'metadata !"{predicate}", {QUIET}'
        return self.builder.call(I1, callee, x, y, options=options)

    def widened(self, number: Value) -> Double:
        """A single as a double."""
        if isinstance(number, Double):
            return number
        callee = f"{INTRINSIC}.fpext.f64.f32"
        return self.builder.call(Double, callee, number, options=QUIET)

    def canonical(
        self,
        number: Value,
        width: str,
        when_nan: Callable[[], None] = lambda: None,
        bits: I64 | None = None,
    ) -> I64:
        """The bits of a number, those of the canonical NaN for every NaN.

        `at` tells a NaN, which goes by way of `nan` and `from`, from a number; `on` has the bits,
        which may be given if they are others than the number's.
        """
        build, (_, name, size) = self.builder, TYPES[width]
        bits = self.bits(number, width) if bits is None else bits
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

    def raise_invalid(self, bit: I1) -> None:
        """Raise the flag NV if a bit is set."""
        build = self.builder
        old = build.load(FLOAT_CONTROL, COUNTER, I64)
        flag = build.select(bit, INVALID, 0, I64)
        build.store(build.binary("or", old, flag), FLOAT_CONTROL, COUNTER)

    def either(self, bit: I1, rare: Callable[[], I64], usual: Callable[[], I64]) -> I64:
        """What one of two gives: the rare one if a bit is set."""
        build = self.builder
        words = ("rare", "usual", "rarely", "usually", "either")
        first, second, first_end, second_end, end = (build.new_block(word) for word in words)
        build.branch(build.binary("xor", bit, I1("true")), second, first, UNLIKELY)
        found = []
        for block, last, give in ((second, second_end, usual), (first, first_end, rare)):
            build.begin(block)
            found.append(give())
            build.goto(last)
            build.begin(last)
            build.goto(end)
        build.begin(end)
        return build.phi(I64, (found[0], second_end), (found[1], first_end))
