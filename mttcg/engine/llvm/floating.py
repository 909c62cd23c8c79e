"""Floating-point operations as LLVM text; what the host can't do exactly is left to a function.

Operations of the host raise the same flags as the guest's: tininess is found after rounding on
both, and what is out of range of an integer is invalid and not inexact. They differ in NaNs, which
RISC-V makes canonical, and in fmin, fmax and 0 * infinity + a quiet NaN (Unprivileged ISA 20.6).
The constrained intrinsics keep LLVM from moving, folding or dropping what raises flags.
"""

import ctypes
from collections.abc import Callable
from functools import cache

import llvmlite.binding as llvm

from mttcg.engine.llvm import rounding as mxcsr
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.text import COUNTER, UNLIKELY, Text
from mttcg.isa.riscv64.float_operations import OPERATIONS, evaluate
from mttcg.isa.riscv64.floats import Flags
from mttcg.isa.riscv64.state import Hart

NAMES = tuple(sorted(OPERATIONS))
NUMBERS = {name: number for number, name in enumerate(NAMES)}
"""The same in every process, as translated code has them in it."""
TOWARDS_ZERO = 1
DYNAMIC = 7
"""The rounding mode that stands for fcsr.frm (Unprivileged ISA 20.2)."""
FRM_SHIFT = 5

FUNCTION = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * 6)
STRICT = 'metadata !"round.dynamic", metadata !"fpexcept.strict"'
QUIET = 'metadata !"fpexcept.strict"'
TYPES = {"s": ("float", "f32", 32), "d": ("double", "f64", 64)}
"""LLVM's name, its name in intrinsics, bits."""
FRACTION = {32: 23, 64: 52}
ARITHMETIC = {"add": ("fadd", 2), "sub": ("fsub", 2), "mul": ("fmul", 2), "div": ("fdiv", 2)}
COMPARISONS = {"eq": ("fcmp", "oeq"), "lt": ("fcmps", "olt"), "le": ("fcmps", "ole")}
INVALID = int(Flags.NV)


class FloatFunction:
    """The function that translated code of one vCPU calls; it raises the flags in fcsr.

    It takes the operation's number, the rounding mode, how many operands there are, and three.
    """

    def __init__(self, hart: Hart) -> None:
        self.hart = hart
        self.entry = FUNCTION(self._call)
        self.address = ctypes.cast(self.entry, ctypes.c_void_p).value or 0

    def _call(self, number: int, rounding: int, count: int, *operands: int) -> int:
        mode = self.hart.fcsr >> FRM_SHIFT if rounding == DYNAMIC else rounding
        bits, flags = evaluate(NAMES[number], mode, *operands[:count])
        self.hart.fcsr |= flags
        return bits


@cache
def host_has(feature: str) -> bool:
    """Whether the host's processor has something, by LLVM's name."""
    return bool(llvm.get_host_cpu_features().get(feature))


class Floats:
    """Emits floating-point operations on raw bits.

    Args:
        text: where to.
    """

    def __init__(self, text: Text) -> None:
        self.text = text

    def emit(self, operation: str, rounding: int, operands: tuple[str, ...]) -> str:
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

    def call(self, operation: str, rounding: int, operands: tuple[str, ...]) -> str:
        """An operation by the function that defines it, out of reach of MXCSR."""
        text = self.text
        label = text.name()[1:]
        text.lines += mxcsr.leave(f"before{label}")
        at = text.value(f"getelementptr i8, ptr %frame, i64 {8 * Word.FLOAT}")
        function = text.value(f"load ptr, ptr {at}, {COUNTER}")
        given = [NUMBERS[operation], rounding, len(operands), *operands]
        arguments = ", ".join(f"i64 {value}" for value in given + [0] * (6 - len(given)))
        result = text.value(f"call i64 {function}({arguments})")
        text.lines += mxcsr.enter(f"after{label}")
        return result

    # between bits and numbers

    def _number(self, bits: str, width: str) -> str:
        kind, _, size = TYPES[width]
        narrow = bits if size == 64 else self.text.value(f"trunc i64 {bits} to i{size}")
        return self.text.value(f"bitcast i{size} {narrow} to {kind}")

    def _bits(self, number: str, width: str) -> str:
        kind, _, size = TYPES[width]
        bits = self.text.value(f"bitcast {kind} {number} to i{size}")
        return bits if size == 64 else self.text.value(f"zext i{size} {bits} to i64")

    def _canonical(self, number: str, width: str, when_nan: Callable[[], None]) -> str:
        """The bits of a number, those of the canonical NaN for every NaN."""
        kind, name, size = TYPES[width]
        text, label = self.text, self.text.name()[1:]
        bits = self._bits(number, width)
        call = f"@llvm.experimental.constrained.fcmp.{name}"
        ordered = text.value(
            f'call i1 {call}({kind} {number}, {kind} {number}, metadata !"ord", {QUIET})'
        )
        before = text.name()[1:]
        text.do(f"br label %at{before}")
        text.do(f"at{before}:")
        text.do(f"br i1 {ordered}, label %on{label}, label %nan{label}, {UNLIKELY}")
        text.do(f"nan{label}:")
        when_nan()
        text.do(f"br label %from{label}")
        text.do(f"from{label}:")
        text.do(f"br label %on{label}")
        text.do(f"on{label}:")
        canonical = ((1 << size - FRACTION[size]) - 1 << FRACTION[size] - 1) & ~(1 << size - 1)
        return text.value(f"phi i64 [ {bits}, %at{before} ], [ {canonical}, %from{label} ]")

    def _constrained(self, name: str, width: str, *numbers: str) -> str:
        kind, short, _ = TYPES[width]
        given = ", ".join(f"{kind} {number}" for number in numbers)
        call = f"@llvm.experimental.constrained.{name}.{short}"
        return self.text.value(f"call {kind} {call}({given}, {STRICT})")

    # the operations

    def _arithmetic(self, name: str, width: str, operands: tuple[str, ...]) -> str:
        numbers = [self._number(bits, width) for bits in operands]
        intrinsic = ARITHMETIC[name][0] if name in ARITHMETIC else name
        return self._canonical(self._constrained(intrinsic, width, *numbers), width, lambda: None)

    def _fused(self, width: str, x: str, y: str, z: str) -> str:
        numbers = [self._number(bits, width) for bits in (x, y, z)]
        result = self._constrained("fma", width, *numbers)

        def product_is_invalid() -> None:
            """0 * infinity is invalid, which the host does not say if z is a quiet NaN."""
            text, size = self.text, TYPES[width][2]
            infinity = (1 << size - FRACTION[size] - 1) - 1 << FRACTION[size]
            magnitudes = [text.value(f"and i64 {bits}, {(1 << size - 1) - 1}") for bits in (x, y)]
            zero = [text.value(f"icmp eq i64 {m}, 0") for m in magnitudes]
            infinite = [text.value(f"icmp eq i64 {m}, {infinity}") for m in magnitudes]
            one = text.value(f"and i1 {zero[0]}, {infinite[1]}")
            other = text.value(f"and i1 {zero[1]}, {infinite[0]}")
            self._raise(text.value(f"or i1 {one}, {other}"))

        return self._canonical(result, width, product_is_invalid)

    def _raise(self, bit: str) -> None:
        """Raise the flag NV if a bit is set."""
        text = self.text
        old = text.value(f"load i64, ptr %fcsr, {COUNTER}")
        flag = text.value(f"select i1 {bit}, i64 {INVALID}, i64 0")
        text.do(f"store i64 {text.value(f'or i64 {old}, {flag}')}, ptr %fcsr, {COUNTER}")

    def _compare(self, name: str, width: str, x: str, y: str) -> str:
        kind, short, _ = TYPES[width]
        intrinsic, predicate = COMPARISONS[name]
        a, b = self._number(x, width), self._number(y, width)
        call = f"@llvm.experimental.constrained.{intrinsic}.{short}"
        given = f'{kind} {a}, {kind} {b}, metadata !"{predicate}", {QUIET}'
        bit = self.text.value(f"call i1 {call}({given})")
        return self.text.value(f"zext i1 {bit} to i64")

    def _choose(self, name: str, width: str, x: str, y: str) -> str:
        """Fmin and fmax on bits: a NaN yields to a number, -0 is less than +0."""
        text, size = self.text, TYPES[width][2]
        infinity = (1 << size - FRACTION[size] - 1) - 1 << FRACTION[size]
        quiet = 1 << FRACTION[size] - 1
        nans, keys, signalling = [], [], []
        for bits in (x, y):
            magnitude = text.value(f"and i64 {bits}, {(1 << size - 1) - 1}")
            nans.append(text.value(f"icmp ugt i64 {magnitude}, {infinity}"))
            loud = text.value(f"icmp eq i64 {text.value(f'and i64 {bits}, {quiet}')}, 0")
            signalling.append(text.value(f"and i1 {nans[-1]}, {loud}"))
            negative = text.value(f"icmp ne i64 {bits}, {magnitude}")
            below = text.value(f"xor i64 {magnitude}, -1")
            keys.append(text.value(f"select i1 {negative}, i64 {below}, i64 {magnitude}"))
        self._raise(text.value(f"or i1 {signalling[0]}, {signalling[1]}"))
        order = "slt" if name == "min" else "sgt"
        first = text.value(f"icmp {order} i64 {keys[0]}, {keys[1]}")
        number = text.value(f"select i1 {first}, i64 {x}, i64 {y}")
        number = text.value(f"select i1 {nans[1]}, i64 {x}, i64 {number}")
        number = text.value(f"select i1 {nans[0]}, i64 {y}, i64 {number}")
        both = text.value(f"and i1 {nans[0]}, {nans[1]}")
        return text.value(f"select i1 {both}, i64 {infinity | quiet}, i64 {number}")

    # conversions

    def _to_float(
        self, operation: str, width: str, origin: str, rounding: int, operands: tuple[str, ...]
    ) -> str:
        text, kind, short = self.text, TYPES[width][0], TYPES[width][1]
        exact = width == "d" and origin in ("w", "wu", "s")
        if rounding != DYNAMIC and not exact:
            return self.call(operation, rounding, operands)
        call = "@llvm.experimental.constrained"
        if origin in TYPES:
            number, other = self._number(operands[0], origin), TYPES[origin]
            if width == "d":
                made = f"{call}.fpext.{short}.{other[1]}({other[0]} {number}, {QUIET})"
            else:
                made = f"{call}.fptrunc.{short}.{other[1]}({other[0]} {number}, {STRICT})"
            return self._canonical(text.value(f"call {kind} {made}"), width, lambda: None)
        integer = operands[0]
        if origin in ("w", "wu"):
            narrow = text.value(f"trunc i64 {integer} to i32")
            integer = text.value(f"{'sext' if origin == 'w' else 'zext'} i32 {narrow} to i64")
        if origin == "lu":
            return self._from_unsigned(width, integer)
        made = f"{call}.sitofp.{short}.i64(i64 {integer}, {STRICT})"
        return self._bits(text.value(f"call {kind} {made}"), width)

    def _from_unsigned(self, width: str, integer: str) -> str:
        """From 64 unsigned bits: of large ones the half, whose lowest bit stands for two."""
        text, kind, short = self.text, TYPES[width][0], TYPES[width][1]
        large = text.value(f"icmp slt i64 {integer}, 0")
        half = text.value(f"lshr i64 {integer}, 1")
        half = text.value(f"or i64 {half}, {text.value(f'and i64 {integer}, 1')}")
        some = text.value(f"select i1 {large}, i64 {half}, i64 {integer}")
        call = f"@llvm.experimental.constrained.sitofp.{short}.i64"
        number = text.value(f"call {kind} {call}(i64 {some}, {STRICT})")
        one = "1.0"
        factor = text.value(f"select i1 {large}, {kind} 2.0, {kind} {one}")
        return self._bits(self._constrained("fmul", width, number, factor), width)

    def _to_integer(self, operation: str, kind: str, width: str, rounding: int, x: str) -> str:
        """To an integer in the dynamic mode, or towards zero: the host's instructions."""
        if rounding not in (DYNAMIC, TOWARDS_ZERO):
            return self.call(operation, rounding, (x,))
        if kind in ("wu", "lu"):
            return self._to_unsigned(operation, width, rounding, x)
        return self._to_signed(width, rounding, x, 32 if kind == "w" else 64)

    def _convert(self, width: str, rounding: int, number: str, bits: int) -> str:
        """The host's conversion; LLVM may neither drop nor move it."""
        how = "cvttsX2si" if rounding == TOWARDS_ZERO else "cvtsX2si"
        suffix, name = ("q" if bits == 64 else "l"), how.replace("X", width)
        kind = TYPES[width][0]
        return self.text.value(
            f'call i{bits} asm sideeffect "{name}{suffix} $1, $0", "=r,x"({kind} {number})'
        )

    def _to_signed(self, width: str, rounding: int, x: str, bits: int) -> str:
        """The host gives the least integer for all that is out of range, and says that it is."""
        text, size = self.text, TYPES[width][2]
        found = self._convert(width, rounding, self._number(x, width), bits)
        least = -1 << bits - 1
        odd = text.value(f"icmp eq i{bits} {found}, {least}")
        magnitude = text.value(f"and i64 {x}, {(1 << size - 1) - 1}")
        infinity = (1 << size - FRACTION[size] - 1) - 1 << FRACTION[size]
        nan = text.value(f"icmp ugt i64 {magnitude}, {infinity}")
        positive = text.value(f"icmp eq i64 {x}, {magnitude}")
        greatest = text.value(f"or i1 {nan}, {positive}")
        above = text.value(f"and i1 {odd}, {greatest}")
        value = text.value(f"select i1 {above}, i{bits} {-least - 1}, i{bits} {found}")
        return value if bits == 64 else text.value(f"sext i32 {value} to i64")

    def _to_unsigned(self, operation: str, width: str, rounding: int, x: str) -> str:
        """From 0 to below 2^31 as signed; the rest is left to the function."""
        text, label = self.text, self.text.name()[1:]
        limit = (31 + (1 << TYPES[width][2] - FRACTION[TYPES[width][2]] - 2) - 1) << FRACTION[
            TYPES[width][2]
        ]
        plain = text.value(f"icmp ult i64 {x}, {limit}")
        text.do(f"br i1 {plain}, label %in{label}, label %out{label}")
        text.do(f"out{label}:")
        defined = self.call(operation, rounding, (x,))
        text.do(f"br label %outside{label}")
        text.do(f"outside{label}:")
        text.do(f"br label %end{label}")
        text.do(f"in{label}:")
        found = self._convert(width, rounding, self._number(x, width), 64)
        if operation.startswith("cvt.wu"):
            found = text.value(f"sext i32 {text.value(f'trunc i64 {found} to i32')} to i64")
        text.do(f"br label %inside{label}")
        text.do(f"inside{label}:")
        text.do(f"br label %end{label}")
        text.do(f"end{label}:")
        pairs = f"[ {found}, %inside{label} ], [ {defined}, %outside{label} ]"
        return text.value(f"phi i64 {pairs}")
