"""Rounding by the definition, on rationals: the oracle for the exact float operations.

The bit patterns of positive numbers are ordered as the numbers are, so the neighbours of an exact
value are found by bisection; nothing here looks into a significand. Magnitudes are integers, in
halves of a format's least subnormal number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from mttcg.isa.riscv64.floats import Flags, Format, Rounding

NEAREST = (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY)


def halves(form: Format, bits: int) -> int:
    """The number of a positive bit pattern; infinity is the power of two in its place."""
    field, fraction = divmod(bits, 1 << form.fraction_bits)
    hidden = 1 << form.fraction_bits if field else 0
    return fraction + hidden << max(field, 1)


def value_of(form: Format, bits: int) -> Fraction:
    """The number of a positive bit pattern."""
    return Fraction(halves(form, bits), 1 << 1 - form.quantum)


@dataclass(frozen=True)
class Exact:
    """A positive rational, or the square root of one."""

    number: Fraction
    is_root: bool = False

    def scaled(self, power: int) -> "Exact":
        """2**power times it."""
        factor = Fraction(2) ** (2 * power if self.is_root else power)
        return Exact(self.number * factor, self.is_root)

    def magnitude(self) -> int:
        """About its base-2 logarithm."""
        bits = self.number.numerator.bit_length() - self.number.denominator.bit_length()
        return bits // 2 if self.is_root else bits

    def comparison(self, form: Format) -> Callable[[int], int]:
        """A function that gives the sign of a magnitude minus this."""
        scaled = self.scaled(1 - form.quantum).number
        over, under, is_root = scaled.numerator, scaled.denominator, self.is_root

        def compare(magnitude: int) -> int:
            power = magnitude * magnitude if is_root else magnitude
            return (power * under > over) - (power * under < over)

        return compare


def _below(form: Format, compare: Callable[[int], int]) -> int:
    """The greatest bit pattern up to infinity whose number is not above the exact one."""
    low, high = 0, form.infinity
    while low < high:
        middle = (low + high + 1) // 2
        if compare(halves(form, middle)) <= 0:
            low = middle
        else:
            high = middle - 1
    return low


def _round(form: Format, negative: bool, exact: Exact, rounding: Rounding) -> tuple[int, bool]:
    compare = exact.comparison(form)
    low = _below(form, compare)
    if low >= form.infinity:
        return low + (rounding in (*NEAREST, _outward(negative))), True
    if compare(halves(form, low)) == 0:
        return low, False
    if rounding not in NEAREST:
        return low + (rounding is _outward(negative)), True
    middle = compare((halves(form, low) + halves(form, low + 1)) // 2)
    if middle:
        return low + (middle < 0), True
    return low + (1 if rounding is Rounding.NEAREST_AWAY else low % 2), True


def _outward(negative: bool) -> Rounding:
    return Rounding.DOWN if negative else Rounding.UP


def rounded(form: Format, negative: bool, exact: Exact, rounding: Rounding) -> tuple[int, Flags]:
    """Bits and flags of an exact number that is not 0."""
    bits, inexact = _round(form, negative, exact, rounding)
    if bits >= form.infinity:
        away = rounding in (*NEAREST, _outward(negative))
        magnitude = form.infinity if away else form.infinity - 1
        return form.signed(negative, magnitude), Flags.OF | Flags.NX
    flags = Flags.NX if inexact else Flags.NONE
    if inexact and _is_tiny(form, negative, exact, rounding):
        flags |= Flags.UF
    return form.signed(negative, bits), flags


def _is_tiny(form: Format, negative: bool, exact: Exact, rounding: Rounding) -> bool:
    """Whether it is below the least normal number, rounded as if exponents had no bounds.

    That is: brought close to 1 by a power of two, rounded there, and brought back.
    """
    power = -exact.magnitude()
    bits, _ = _round(form, negative, exact.scaled(power), rounding)
    return value_of(form, bits) < Fraction(2) ** (form.least_normal + power)
