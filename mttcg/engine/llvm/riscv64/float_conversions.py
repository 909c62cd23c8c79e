"""Conversions between numbers of different widths, and from and to integers."""

from typing import TypeVar

from mttcg.engine.llvm.ir.values import I32, I64, INTEGERS, Value
from mttcg.engine.llvm.riscv64.float_values import (
    FRACTION,
    INTRINSIC,
    QUIET,
    STRICT,
    TYPES,
    FloatValues,
    infinity,
)
from mttcg.engine.llvm.riscv64.halves import Halves
from mttcg.engine.llvm.riscv64.nearest_away import NEAREST_AWAY, NearestAway

T = TypeVar("T", bound=Value)
TOWARDS_ZERO = 1
INTEGER_BITS = {"w": 32, "wu": 32, "l": 64, "lu": 64}
EXACT = {("d", "w"), ("d", "wu"), ("d", "s"), ("d", "h"), ("s", "h")}
"""Result and operand of those that never round."""
BELOW_LEAST_WORD = -0x3E1F_FFFF_FFF0_0000
"""Bits of -(2**31 + 0.5), which is out of range of a word in one mode to nearest alone."""


class Conversions:
    """Emits them, in the mode that the host is in.

    Args:
        values: emits what operations consist of.
        away: corrects them for the mode that the host lacks.
        halves: emits conversions of halves.
    """

    def __init__(self, values: FloatValues, away: NearestAway, halves: Halves) -> None:
        self.values, self.builder, self.away = values, values.builder, away
        self.halves = halves

    def rounds(self, to: str, origin: str, rounding: int | I64) -> bool:
        """Whether the host's mode matters."""
        truncates = (
            to in INTEGER_BITS and not isinstance(rounding, I64) and rounding == TOWARDS_ZERO
        )
        return not truncates and (to, origin) not in EXACT

    def modular_word(self, _name: str, _to: str, _origin: str, x: I64) -> I64:
        """A double as a word, modulo 2**32 (Zfa); what is no word is left to the function."""
        build = self.builder
        limit = 31 + (1 << 10) - 1 << FRACTION[64]
        outside = build.compare("ugt", self.values.magnitude(x, 64), limit - 1)

        def convert() -> I64:
            number = self.values.number(x, "d")
            return build.cast("sext", self._convert("d", TOWARDS_ZERO, number, I32), I64)

        return self.values.either(
            outside, lambda: self.values.call("cvtmod.w.d", TOWARDS_ZERO, (x,)), convert
        )

    def emit(self, to: str, origin: str, rounding: int | I64, x: I64) -> I64:
        """A conversion; `rounding` is a mode that the host has to be in already."""
        mode = -1 if isinstance(rounding, I64) else rounding
        if to == "h":
            return self._to_half(origin, mode == NEAREST_AWAY, x)
        if origin == "h":
            origin, x = "s", self.values.bits(self.halves.single(x), "s")
            if to == "s":
                return self.values.canonical(self.values.number(x, "s"), "s")
        if to in INTEGER_BITS:
            if to in ("wu", "lu"):
                return self._to_unsigned(to, origin, rounding, mode, x)
            return self._to_signed(to, origin, mode, x)
        if origin in TYPES:
            return self._from_other_width(to, origin, mode, x)
        return self._from_integer(to, origin, mode, x)

    def _to_half(self, origin: str, is_away: bool, x: I64) -> I64:
        if origin in TYPES:
            return self.halves.rounded(self.values.number(x, origin), is_away)
        # what is no double is too large for a half, and rounds to what any such number rounds to
        number = self.values.number(self._from_integer("d", origin, -1, x), "d")
        return self.halves.rounded(number, is_away)

    def _from_other_width(self, width: str, origin: str, mode: int, x: I64) -> I64:
        """From a number in the other format."""
        kind, short, _ = TYPES[width]
        number, other = self.values.number(x, origin), TYPES[origin][1]
        name, options = ("fpext", QUIET) if width == "d" else ("fptrunc", STRICT)
        callee = f"{INTRINSIC}.{name}.{short}.{other}"
        found = self.builder.call(kind, callee, number, options=options)
        away = width == "s" and mode == NEAREST_AWAY
        bits = self.away.to_single(number, found) if away else None
        return self.values.canonical(found, width, bits=bits)

    def _from_integer(self, width: str, origin: str, mode: int, integer: I64) -> I64:
        build, is_signed = self.builder, origin in ("w", "l")
        if INTEGER_BITS[origin] == 32:
            low = build.cast("trunc", integer, I32)
            integer = build.cast("sext" if is_signed else "zext", low, I64)
        if origin == "lu":
            bits = self._from_unsigned(width, integer)
        else:
            bits = self.values.bits(self._from_signed(width, integer), width)
        if mode != NEAREST_AWAY or (width, origin) in EXACT:
            return bits
        negated = build.binary("sub", I64("0"), integer)
        negative = build.compare("slt", integer, 0)
        magnitude = build.select(negative, negated, integer, I64) if is_signed else integer
        return self.away.from_integer(width, magnitude, bits)

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
        return self.values.bits(self.values.constrained("fmul", width, number, factor), width)

    def _convert(self, width: str, mode: int, number: Value, kind: type[T]) -> T:
        """The host's conversion; LLVM may neither drop nor move it."""
        how = "cvttsX2si" if mode == TOWARDS_ZERO else "cvtsX2si"
        suffix, name = ("q" if kind is I64 else "l"), how.replace("X", width)
        assembly = f'asm sideeffect "{name}{suffix} $1, $0", "=r,x"'
        return self.builder.call(kind, assembly, number)

    def _to_signed(self, to: str, width: str, mode: int, x: I64) -> I64:
        """The host gives the least integer for all that is out of range, and says that it is."""
        build, bits, is_away = self.builder, INTEGER_BITS[to], mode == NEAREST_AWAY
        if is_away and (to, width) == ("w", "d"):
            return self.values.either(
                build.compare("eq", x, BELOW_LEAST_WORD),
                lambda: self.values.call(f"cvt.{to}.{width}", mode, (x,)),
                lambda: self._to_signed_in_range(width, mode, x, bits),
            )
        return self._to_signed_in_range(width, mode, x, bits)

    def _to_signed_in_range(self, width: str, mode: int, x: I64, bits: int) -> I64:
        build, size = self.builder, TYPES[width][2]
        found = self._convert(width, mode, self.values.number(x, width), INTEGERS[bits])
        least = -1 << bits - 1
        odd = build.compare("eq", found, least)
        magnitude = self.values.magnitude(x, size)
        nan = build.compare("ugt", magnitude, infinity(size))
        positive = build.compare("eq", x, magnitude)
        above = build.binary("and", odd, build.binary("or", nan, positive))
        value = build.select(above, -least - 1, found, INTEGERS[bits])
        whole = value if isinstance(value, I64) else build.cast("sext", value, I64)
        if mode != NEAREST_AWAY:
            return whole
        return self.away.to_integer(x, width, whole, 31 if bits == 32 else FRACTION[64])

    def _to_unsigned(self, to: str, width: str, rounding: int | I64, mode: int, x: I64) -> I64:
        """What is in range as signed, from 0 on; the rest is left to the function."""
        build, size = self.builder, TYPES[width][2]
        power = 31 if to == "wu" else 63
        limit = power + (1 << size - FRACTION[size] - 2) - 1 << FRACTION[size]

        def convert() -> I64:
            found = self._convert(width, mode, self.values.number(x, width), I64)
            if mode == NEAREST_AWAY:
                found = self.away.to_integer(x, width, found, min(power, FRACTION[64]))
            if to == "wu":
                return build.cast("sext", build.cast("trunc", found, I32), I64)
            return found

        outside = build.compare("ugt", x, limit - 1)
        return self.values.either(
            outside, lambda: self.values.call(f"cvt.{to}.{width}", rounding, (x,)), convert
        )
