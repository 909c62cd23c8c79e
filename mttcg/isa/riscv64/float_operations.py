"""The floating-point operations, on bits (Unprivileged ISA 20.6 to 20.9, 21.4 to 21.7, Zfh, Zfa).

`evaluate` is what the word `float` of Operations means. Names are the operation, then the width
of the result and of the operands where they differ: "add.d", "fma.s", "cvt.w.d", "cvt.s.lu".
Half-precision operands and results are 16 bits, single-precision ones 32; integers are 64, and
32-bit integers come out sign-extended, as registers hold them.
"""

from collections.abc import Callable
from functools import partial
from itertools import permutations
from math import isqrt

from mttcg.isa.riscv64.float_constants import constant_of
from mttcg.isa.riscv64.floats import (
    DOUBLE,
    HALF,
    SINGLE,
    Flags,
    FloatKind,
    Format,
    Number,
    Result,
    Rounding,
    pack,
    round_to_integer,
)

REGISTER = (1 << 64) - 1


def _nan(form: Format, *operands: Number, invalid: bool = False) -> Result:
    """The canonical NaN; invalid if an operand signals."""
    signals = invalid or any(operand.kind is FloatKind.SIGNALLING for operand in operands)
    return form.canonical_nan, Flags.NV if signals else Flags.NONE


def _any_nan(*operands: Number) -> bool:
    return any(operand.is_nan for operand in operands)


def _sum(form: Format, rounding: Rounding, a: Number, b: Number) -> Result:
    """a + b of numbers that are no NaNs."""
    if a.is_infinite and b.is_infinite and a.negative != b.negative:
        return _nan(form, invalid=True)
    if a.is_infinite or b.is_infinite:
        infinite = a if a.is_infinite else b
        return form.signed(infinite.negative, form.infinity), Flags.NONE
    exponent = min(a.exponent, b.exponent)
    total = sum(
        (-n.significand if n.negative else n.significand) << n.exponent - exponent for n in (a, b)
    )
    # an exact zero of opposite signs is +0, or -0 when rounding down (IEEE 754-2019, 6.3)
    same_sign = a.negative if a.negative == b.negative else rounding is Rounding.DOWN
    negative = total < 0 if total else same_sign
    return pack(form, Number(FloatKind.FINITE, negative, abs(total), exponent), rounding)


def _product(a: Number, b: Number) -> Number | None:
    """a * b, exactly; None for 0 * infinity."""
    negative = a.negative != b.negative
    if a.is_infinite or b.is_infinite:
        return None if a.is_zero or b.is_zero else Number(FloatKind.INFINITE, negative)
    significand, exponent = a.significand * b.significand, a.exponent + b.exponent
    return Number(FloatKind.FINITE, negative, significand, exponent)


def add(form: Format, rounding: Rounding, x: int, y: int) -> Result:
    """x + y."""
    a, b = form.unpack(x), form.unpack(y)
    return _nan(form, a, b) if _any_nan(a, b) else _sum(form, rounding, a, b)


def subtract(form: Format, rounding: Rounding, x: int, y: int) -> Result:
    """x - y."""
    return add(form, rounding, x, y ^ form.sign)


def multiply(form: Format, rounding: Rounding, x: int, y: int) -> Result:
    """x * y."""
    a, b = form.unpack(x), form.unpack(y)
    if _any_nan(a, b):
        return _nan(form, a, b)
    product = _product(a, b)
    if product is None:
        return _nan(form, invalid=True)
    if product.is_infinite:
        return form.signed(product.negative, form.infinity), Flags.NONE
    return pack(form, product, rounding)


def fuse(form: Format, rounding: Rounding, x: int, y: int, z: int) -> Result:
    """x * y + z, rounded once; 0 * infinity is invalid even if z is a quiet NaN (20.6)."""
    a, b, c = form.unpack(x), form.unpack(y), form.unpack(z)
    if _any_nan(a, b):
        return _nan(form, a, b, c)
    product = _product(a, b)
    if product is None or c.is_nan:
        return _nan(form, c, invalid=product is None)
    return _sum(form, rounding, product, c)


def divide(form: Format, rounding: Rounding, x: int, y: int) -> Result:
    """x / y."""
    a, b = form.unpack(x), form.unpack(y)
    negative = a.negative != b.negative
    if _any_nan(a, b):
        return _nan(form, a, b)
    if (a.is_infinite and b.is_infinite) or (a.is_zero and b.is_zero):
        return _nan(form, invalid=True)
    if a.is_infinite or b.is_zero:
        flags = Flags.NONE if a.is_infinite else Flags.DZ
        return form.signed(negative, form.infinity), flags
    if b.is_infinite or a.is_zero:
        return form.signed(negative, 0), Flags.NONE
    shift = 2 * form.precision + 3
    quotient, rest = divmod(a.significand << shift, b.significand)
    significand = quotient << 1 | (rest != 0)
    exponent = a.exponent - b.exponent - shift - 1
    return pack(form, Number(FloatKind.FINITE, negative, significand, exponent), rounding)


def square_root(form: Format, rounding: Rounding, x: int) -> Result:
    """The square root; that of -0 is -0."""
    a = form.unpack(x)
    if a.is_nan:
        return _nan(form, a)
    if a.is_zero:
        return x & (form.sign | form.sign - 1), Flags.NONE
    if a.negative:
        return _nan(form, invalid=True)
    if a.is_infinite:
        return form.infinity, Flags.NONE
    shift = 2 * form.precision + 4 + (a.exponent & 1)
    square = a.significand << shift
    root = isqrt(square)
    significand = root << 1 | (root * root != square)
    exponent = (a.exponent - shift >> 1) - 1
    return pack(form, Number(FloatKind.FINITE, False, significand, exponent), rounding)


def _key(form: Format, bits: int) -> int:
    """An integer that orders as the number does, -0 just below 0."""
    magnitude = bits & form.sign - 1
    return ~magnitude if bits & form.sign else magnitude


def _choose(greater: bool, form: Format, rounding: Rounding, x: int, y: int) -> Result:
    """minimumNumber or maximumNumber of IEEE 754-2019 (20.6): a NaN yields to a number."""
    a, b = form.unpack(x), form.unpack(y)
    canonical, flags = _nan(form, a, b)
    if a.is_nan:
        return (canonical if b.is_nan else y), flags
    if b.is_nan:
        return x, flags
    pair = sorted((x, y), key=partial(_key, form))
    return pair[greater], flags


def _choose_number(greater: bool, form: Format, rounding: Rounding, x: int, y: int) -> Result:
    """Minimum or maximum of IEEE 754-2019 (Zfa): a NaN wins."""
    a, b = form.unpack(x), form.unpack(y)
    return _nan(form, a, b) if _any_nan(a, b) else _choose(greater, form, rounding, x, y)


def _compare(
    holds: Callable[[int, int], bool], quiet: bool, form: Format, rounding: Rounding, x: int, y: int
) -> Result:
    """1 or 0; NaNs compare false, and are invalid unless the comparison is quiet (20.8)."""
    a, b = form.unpack(x), form.unpack(y)
    if _any_nan(a, b):
        return 0, _nan(form, a, b, invalid=not quiet)[1]
    zeros = a.is_zero and b.is_zero
    keys = (0, 0) if zeros else (_key(form, x), _key(form, y))
    return int(holds(*keys)), Flags.NONE


def classify(form: Format, rounding: Rounding, x: int) -> Result:
    """The mask of fclass (20.9)."""
    a = form.unpack(x)
    if a.is_nan:
        return 1 << (8 if a.kind is FloatKind.SIGNALLING else 9), Flags.NONE
    steps = (1, 1 << form.fraction_bits, form.infinity)  # least subnormal, normal, infinity
    rank = sum(x & form.sign - 1 >= step for step in steps)
    return 1 << (3 - rank if a.negative else 4 + rank), Flags.NONE


def to_integer(bits: int, is_signed: bool, form: Format, rounding: Rounding, x: int) -> Result:
    """Conversion to an integer: out of range saturates and is invalid, not inexact (20.7)."""
    a = form.unpack(x)
    least = -1 << bits - 1 if is_signed else 0
    greatest = least + (1 << bits) - 1
    if a.kind is not FloatKind.FINITE:
        limit = least if a.is_infinite and a.negative else greatest
        return _register(limit, bits), Flags.NV
    magnitude, inexact = round_to_integer(a.negative, a.significand, a.exponent, rounding)
    value = -magnitude if a.negative else magnitude
    if least <= value <= greatest:
        return _register(value, bits), Flags.NX if inexact else Flags.NONE
    return _register(least if a.negative else greatest, bits), Flags.NV


def modular_word(form: Format, rounding: Rounding, x: int) -> Result:
    """Conversion towards zero, modulo 2**32 (Zfa); 0 if there is no integer."""
    a = form.unpack(x)
    if a.kind is not FloatKind.FINITE:
        return 0, Flags.NV
    zero = Rounding.TOWARDS_ZERO
    magnitude, inexact = round_to_integer(a.negative, a.significand, a.exponent, zero)
    value = -magnitude if a.negative else magnitude
    fits = -(1 << 31) <= value < 1 << 31
    flags = Flags.NX if inexact else Flags.NONE
    return _register(value, 32), flags if fits else Flags.NV


def to_integral(tells: bool, form: Format, rounding: Rounding, x: int) -> Result:
    """The integer next to a number, as a number (Zfa); `tells`: whether it may be inexact."""
    a = form.unpack(x)
    if a.is_nan:
        return _nan(form, a)
    if a.is_infinite or a.is_zero:
        return x & (form.sign | form.sign - 1), Flags.NONE
    magnitude, inexact = round_to_integer(a.negative, a.significand, a.exponent, rounding)
    whole = Number(FloatKind.FINITE, a.negative, magnitude)
    flags = Flags.NX if inexact and tells else Flags.NONE
    return pack(form, whole, rounding)[0], flags


def load_constant(form: Format, rounding: Rounding, number: int) -> Result:
    """The constant of a number (Zfa)."""
    return constant_of(form, number), Flags.NONE


def _register(value: int, bits: int) -> int:
    """An integer as a register holds it: 32-bit ones sign-extended, also if unsigned."""
    half = 1 << bits - 1
    return ((value + half & 2 * half - 1) - half) & REGISTER


def from_integer(bits: int, is_signed: bool, form: Format, rounding: Rounding, x: int) -> Result:
    """Conversion of the low `bits` of a register."""
    value = x & (1 << bits) - 1
    if is_signed and value >> bits - 1:
        value -= 1 << bits
    return pack(form, Number(FloatKind.FINITE, value < 0, abs(value)), rounding)


def convert(origin: Format, form: Format, rounding: Rounding, x: int) -> Result:
    """Conversion between formats."""
    a = origin.unpack(x)
    if a.is_nan:
        return _nan(form, a)
    if a.is_infinite:
        return form.signed(a.negative, form.infinity), Flags.NONE
    return pack(form, a, rounding)


_BY_WIDTH: dict[str, Callable[..., Result]] = {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "div": divide,
    "sqrt": square_root,
    "fma": fuse,
    "min": partial(_choose, False),
    "max": partial(_choose, True),
    "eq": partial(_compare, int.__eq__, True),
    "lt": partial(_compare, int.__lt__, False),
    "le": partial(_compare, int.__le__, False),
    "class": classify,
    "minm": partial(_choose_number, False),
    "maxm": partial(_choose_number, True),
    "leq": partial(_compare, int.__le__, True),
    "ltq": partial(_compare, int.__lt__, True),
    "round": partial(to_integral, False),
    "roundnx": partial(to_integral, True),
    "li": load_constant,
}
_WIDTHS = {"s": SINGLE, "d": DOUBLE, "h": HALF}
_INTEGERS = {"w": (32, True), "wu": (32, False), "l": (64, True), "lu": (64, False)}

OPERATIONS: dict[str, Callable[..., Result]] = {
    **{
        f"{name}.{w}": partial(f, form)
        for name, f in _BY_WIDTH.items()
        for w, form in _WIDTHS.items()
    },
    **{
        f"cvt.{integer}.{w}": partial(to_integer, *kind, form)
        for integer, kind in _INTEGERS.items()
        for w, form in _WIDTHS.items()
    },
    **{
        f"cvt.{w}.{integer}": partial(from_integer, *kind, form)
        for integer, kind in _INTEGERS.items()
        for w, form in _WIDTHS.items()
    },
    **{
        f"cvt.{to}.{origin}": partial(convert, _WIDTHS[origin], _WIDTHS[to])
        for to, origin in permutations(_WIDTHS, 2)
    },
    "cvtmod.w.d": partial(modular_word, DOUBLE),
}
"""Every operation by its name."""


def evaluate(operation: str, rounding: int, *operands: int) -> Result:
    """Run an operation of OPERATIONS in one of the five rounding modes."""
    return OPERATIONS[operation](Rounding(rounding), *operands)
