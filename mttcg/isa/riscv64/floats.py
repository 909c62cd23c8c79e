"""IEEE 754 numbers in Python integers: taking apart, rounding, packing.

A finite number is significand * 2**exponent with unbounded integers, so that every operation is
exact and rounds once, at the end (IEEE 754-2019, 4.3 and 7; Unprivileged ISA 20.2 to 20.4).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, IntEnum, IntFlag


class Rounding(IntEnum):
    """Rounding modes, as in the field rm (20.2)."""

    NEAREST_EVEN = 0
    TOWARDS_ZERO = 1
    DOWN = 2
    UP = 3
    NEAREST_AWAY = 4


class Flags(IntFlag):
    """Accrued exceptions, as in fflags (20.2)."""

    NONE = 0
    NX = 1
    UF = 2
    OF = 4
    DZ = 8
    NV = 16


class FloatKind(Enum):
    """What a bit pattern stands for."""

    FINITE = "finite"
    INFINITE = "infinite"
    QUIET = "quiet NaN"
    SIGNALLING = "signalling NaN"


@dataclass(frozen=True)
class Number:
    """A number: (-1)**negative * significand * 2**exponent if it is finite; 0 keeps its sign."""

    kind: FloatKind
    negative: bool
    significand: int = 0
    exponent: int = 0

    @property
    def is_nan(self) -> bool:
        """Whether it is a NaN of either kind."""
        return self.kind in (FloatKind.QUIET, FloatKind.SIGNALLING)

    @property
    def is_zero(self) -> bool:
        """Whether it is 0 or -0."""
        return self.kind is FloatKind.FINITE and not self.significand

    @property
    def is_infinite(self) -> bool:
        """Whether it is an infinity."""
        return self.kind is FloatKind.INFINITE

    def negated(self) -> "Number":
        """The number with the other sign."""
        return replace(self, negative=not self.negative)


@dataclass(frozen=True)
class Format:
    """A binary interchange format (IEEE 754-2019, 3.6).

    `bits` in all, `precision` of a significand with its hidden bit.
    """

    bits: int
    precision: int

    @property
    def fraction_bits(self) -> int:
        """Stored bits of the significand."""
        return self.precision - 1

    @property
    def sign(self) -> int:
        """The sign bit."""
        return 1 << self.bits - 1

    @property
    def infinity(self) -> int:
        """Bits of +infinity; also the mask of the exponent field."""
        return self.sign - (1 << self.fraction_bits)

    @property
    def canonical_nan(self) -> int:
        """The quiet NaN that operations return (20.3)."""
        return self.infinity | self.quiet_bit

    @property
    def quiet_bit(self) -> int:
        """The bit that tells quiet from signalling NaNs."""
        return 1 << self.fraction_bits - 1

    @property
    def least_normal(self) -> int:
        """The exponent of the least normal number, emin."""
        return 2 - (1 << self.bits - self.precision - 1)

    @property
    def quantum(self) -> int:
        """The exponent of the least subnormal number."""
        return self.least_normal - self.fraction_bits

    def unpack(self, bits: int) -> Number:
        """What a bit pattern stands for; only the low `bits` count."""
        negative = bool(bits & self.sign)
        field = (bits & self.infinity) >> self.fraction_bits
        fraction = bits & (1 << self.fraction_bits) - 1
        if field == self.infinity >> self.fraction_bits:
            if not fraction:
                return Number(FloatKind.INFINITE, negative)
            quiet = fraction & self.quiet_bit
            return Number(FloatKind.QUIET if quiet else FloatKind.SIGNALLING, negative)
        if field == 0:
            return Number(FloatKind.FINITE, negative, fraction, self.quantum)
        significand = fraction | 1 << self.fraction_bits
        return Number(FloatKind.FINITE, negative, significand, self.quantum + field - 1)

    def signed(self, negative: bool, magnitude: int) -> int:
        """Bits of a magnitude with a sign."""
        return magnitude | self.sign if negative else magnitude


HALF, SINGLE, DOUBLE = Format(16, 11), Format(32, 24), Format(64, 53)

Result = tuple[int, Flags]
"""Bits and the exceptions that were raised."""

_ROUNDS_UP: dict[Rounding, Callable[[bool, int, int, int], bool]] = {
    # of sign, integer part, rest, half a unit: whether the magnitude grows
    Rounding.NEAREST_EVEN: lambda _, whole, rest, half: rest + (whole & 1) > half,
    Rounding.TOWARDS_ZERO: lambda _, whole, rest, half: False,
    Rounding.DOWN: lambda negative, whole, rest, half: negative and rest > 0,
    Rounding.UP: lambda negative, whole, rest, half: not negative and rest > 0,
    Rounding.NEAREST_AWAY: lambda _, whole, rest, half: rest >= half,
}


def round_to_integer(
    negative: bool, significand: int, exponent: int, rounding: Rounding
) -> tuple[int, bool]:
    """The magnitude of significand * 2**exponent as an integer, and whether that is inexact."""
    if exponent >= 0:
        return significand << exponent, False
    whole, rest = significand >> -exponent, significand & (1 << -exponent) - 1
    up = rest and _ROUNDS_UP[rounding](negative, whole, rest, 1 << -exponent - 1)
    return whole + bool(up), rest != 0


def _is_tiny(form: Format, number: Number, leading: int, rounding: Rounding) -> bool:
    """Whether it is below the least normal number, rounded as if exponents had no bounds (20.2)."""
    if leading >= form.least_normal:
        return False
    unbounded = leading - form.fraction_bits
    rounded, _ = round_to_integer(
        number.negative, number.significand, number.exponent - unbounded, rounding
    )
    return rounded.bit_length() - 1 + unbounded < form.least_normal


def pack(form: Format, number: Number, rounding: Rounding) -> Result:
    """Round a finite number to a format.

    The significand may hold a sticky bit for what lies below it, if it has at least two bits more
    than the format's precision.
    """
    if number.is_zero:
        return form.signed(number.negative, 0), Flags.NONE
    leading = number.significand.bit_length() - 1 + number.exponent
    quantum = max(leading - form.fraction_bits, form.quantum)
    rounded, inexact = round_to_integer(
        number.negative, number.significand, number.exponent - quantum, rounding
    )
    # the hidden bit of a normal number, and a carry out of rounding, add to the exponent field
    magnitude = rounded + (quantum - form.quantum << form.fraction_bits)
    if magnitude >= form.infinity:
        return _overflow(form, number.negative, rounding)
    flags = Flags.NX if inexact else Flags.NONE
    if inexact and _is_tiny(form, number, leading, rounding):
        flags |= Flags.UF
    return form.signed(number.negative, magnitude), flags


def _overflow(form: Format, negative: bool, rounding: Rounding) -> Result:
    """Infinity, or the greatest finite number if rounding goes the other way (7.4)."""
    inward = (Rounding.TOWARDS_ZERO, Rounding.UP if negative else Rounding.DOWN)
    magnitude = form.infinity - 1 if rounding in inward else form.infinity
    return form.signed(negative, magnitude), Flags.OF | Flags.NX
