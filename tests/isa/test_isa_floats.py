"""Exact floating point: beside the host's for round-to-nearest, beside rationals for all modes."""

import random
import struct
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, trunc
from typing import Any

import numpy as np
import pytest
from rational import Exact, rounded, value_of

from mttcg.isa.riscv64.float_operations import OPERATIONS, evaluate
from mttcg.isa.riscv64.floats import DOUBLE, HALF, SINGLE, Flags, Format, Rounding

CASES = 150
WIDTHS = {"s": SINGLE, "d": DOUBLE, "h": HALF}
NUMPY: dict[str, Any] = {"s": np.float32, "d": np.float64, "h": np.float16}
BITS: dict[str, Any] = {"s": np.uint32, "d": np.uint64, "h": np.uint16}
ARITHMETIC: dict[str, tuple[int, Callable[..., Any]]] = {
    "add": (2, np.add),
    "sub": (2, np.subtract),
    "mul": (2, np.multiply),
    "div": (2, np.divide),
    "sqrt": (1, np.sqrt),
}
EXACT: dict[str, tuple[int, Callable[..., Fraction]]] = {
    "add": (2, lambda a, b: a + b),
    "sub": (2, lambda a, b: a - b),
    "mul": (2, lambda a, b: a * b),
    "div": (2, lambda a, b: a / b),
    "fma": (3, lambda a, b, c: a * b + c),
}


def special(form: Format) -> list[int]:
    one = (form.sign >> 1) - (1 << form.fraction_bits)
    least_normal = 1 << form.fraction_bits
    positive = [
        0,
        1,
        2,
        least_normal - 1,
        least_normal,
        least_normal + 1,
        one,
        one + 1,
        one - 1,
        form.infinity - 1,
    ]
    return [sign | bits for bits in positive for sign in (0, form.sign)]


def not_numbers(form: Format) -> list[int]:
    return [form.infinity, form.infinity | form.sign, form.canonical_nan, form.infinity | 1]


def draw(form: Format, source: random.Random, finite: bool = False) -> int:
    """Bits: special, close to 1, or anything."""
    choice = source.random()
    if choice < 0.3:
        return source.choice(special(form) + ([] if finite else not_numbers(form)))
    bits = source.getrandbits(form.bits)
    if choice < 0.7:
        bias = (form.sign >> 1) - (1 << form.fraction_bits)
        reach = min(30, (bias >> form.fraction_bits) - 1)
        exponent = bias + (source.randrange(-reach, reach) << form.fraction_bits)
        return bits & ~form.infinity & ~form.sign | exponent | bits & form.sign
    return bits if not finite or form.infinity & ~bits else bits & ~(1 << form.fraction_bits)


def fraction_of(form: Format, bits: int) -> Fraction:
    magnitude = value_of(form, bits & ~form.sign)
    return -magnitude if bits & form.sign else magnitude


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_nearest_even_is_what_the_host_computes(name: str, width: str) -> None:
    form, (count, function) = WIDTHS[width], ARITHMETIC[name]
    source = random.Random(name + width)
    operands = [[draw(form, source) for _ in range(count)] for _ in range(2000)]
    columns = [np.array(column, dtype=BITS[width]) for column in zip(*operands, strict=True)]
    with np.errstate(all="ignore"):
        results = function(*(column.view(NUMPY[width]) for column in columns))
    expected = np.where(np.isnan(results), form.canonical_nan, results.view(BITS[width]))
    for row, bits in zip(operands, expected, strict=True):
        assert evaluate(f"{name}.{width}", 0, *row)[0] == int(bits), [hex(n) for n in row]


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", EXACT)
def test_every_mode_rounds_the_exact_result_once(name: str, width: str, rounding: Rounding) -> None:
    form, (count, function) = WIDTHS[width], EXACT[name]
    source = random.Random(f"{name}{width}{rounding}")
    compared = 0
    while compared < CASES // count:
        operands = [draw(form, source, finite=True) for _ in range(count)]
        numbers = [fraction_of(form, bits) for bits in operands]
        if name == "div" and not numbers[1]:
            continue
        exact = function(*numbers)
        if exact:
            expected = rounded(form, exact < 0, Exact(abs(exact)), rounding)
            found = evaluate(f"{name}.{width}", rounding, *operands)
            assert found == expected, [hex(n) for n in operands]
            compared += 1


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("width", WIDTHS)
def test_square_roots_round_in_every_mode(width: str, rounding: Rounding) -> None:
    form, source = WIDTHS[width], random.Random(f"sqrt{width}{rounding}")
    for _ in range(CASES // 5):
        bits = draw(form, source, finite=True) & ~form.sign or 1
        expected = rounded(form, False, Exact(value_of(form, bits), is_root=True), rounding)
        assert evaluate(f"sqrt.{width}", rounding, bits) == expected, hex(bits)


def test_the_neighbourhood_of_the_least_normal_number() -> None:
    """Tininess is found after rounding: what rounds up to the least normal is none."""
    for rounding in Rounding:
        for factor in range(-4, 5):
            a = (1 << 23) + factor & 0xFFFF_FFFF
            for b in (0x3F80_0000, 0x3F7F_FFFF, 0x3F80_0001, 0x3F7F_FFFE, 0x3F00_0000):
                exact = value_of(SINGLE, a) * value_of(SINGLE, b)
                expected = rounded(SINGLE, False, Exact(exact), rounding)
                assert evaluate("mul.s", rounding, a, b) == expected


def round_integer(number: Fraction, rounding: Rounding) -> int:
    nearest = {
        Rounding.NEAREST_EVEN: round,
        Rounding.TOWARDS_ZERO: trunc,
        Rounding.DOWN: floor,
        Rounding.UP: ceil,
        Rounding.NEAREST_AWAY: lambda n: (
            floor(n + Fraction(1, 2)) if n > 0 else ceil(n - Fraction(1, 2))
        ),
    }
    return int(nearest[rounding](number))


RANGES = {
    "w": (-(1 << 31), (1 << 31) - 1),
    "wu": (0, (1 << 32) - 1),
    "l": (-(1 << 63), (1 << 63) - 1),
    "lu": (0, (1 << 64) - 1),
}


def as_register(value: int, integer: str) -> int:
    form = "<i" if integer.startswith("w") else "<q"
    size = struct.calcsize(form)
    raw = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    return int(struct.unpack(form, raw)[0]) & (1 << 64) - 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("integer", RANGES)
def test_conversions_to_integers_saturate(integer: str, width: str) -> None:
    form, (least, greatest) = WIDTHS[width], RANGES[integer]
    source = random.Random(integer + width)
    for _ in range(400):
        bits, rounding = draw(form, source, finite=True), source.choice(list(Rounding))
        number = fraction_of(form, bits)
        value = round_integer(number, rounding)
        flags = Flags.NX if value != number else Flags.NONE
        if not least <= value <= greatest:
            value, flags = (least if value < least else greatest), Flags.NV
        found = evaluate(f"cvt.{integer}.{width}", rounding, bits)
        assert found == (as_register(value, integer), flags), (hex(bits), rounding)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("integer", RANGES)
def test_conversions_from_integers_round(integer: str, width: str) -> None:
    form, (least, greatest) = WIDTHS[width], RANGES[integer]
    source = random.Random(integer + width)
    values = [1, -1, greatest, least, greatest - 1, (1 << 24) + 1, (1 << 53) + 1]
    values += [source.randrange(least, greatest) >> source.randrange(64) for _ in range(40)]
    for value in values:
        value = min(max(value, least), greatest)
        for rounding in Rounding:
            found = evaluate(f"cvt.{width}.{integer}", rounding, as_register(value, integer))
            if value == 0:
                assert found == (0, Flags.NONE)
                continue
            exact = Exact(Fraction(abs(value)))
            assert found == rounded(form, value < 0, exact, rounding), (value, rounding)


@pytest.mark.parametrize("rounding", Rounding)
def test_narrowing_rounds_in_every_mode(rounding: Rounding) -> None:
    source = random.Random(rounding)
    for _ in range(CASES):
        # doubles around a single's range
        exponent = 1023 + source.choice((source.randrange(-155, -120), source.randrange(-20, 130)))
        bits = source.getrandbits(1) << 63 | exponent << 52 | source.getrandbits(52)
        number = fraction_of(DOUBLE, bits)
        expected = rounded(SINGLE, number < 0, Exact(abs(number)), rounding)
        assert evaluate("cvt.s.d", rounding, bits) == expected, hex(bits)


def test_widening_is_exact() -> None:
    source = random.Random(9)
    for _ in range(1000):
        bits = draw(SINGLE, source, finite=True)
        wide, flags = evaluate("cvt.d.s", 0, bits)
        assert flags == Flags.NONE
        assert fraction_of(DOUBLE, wide) == fraction_of(SINGLE, bits)
        assert wide >> 63 == bits >> 31


@pytest.mark.parametrize("width", WIDTHS)
def test_comparisons_order_as_the_host_does(width: str) -> None:
    form, source = WIDTHS[width], random.Random(width)
    for _ in range(2000):
        a, b = draw(form, source), draw(form, source)
        pair = np.array([a, b], dtype=BITS[width]).view(NUMPY[width])
        with np.errstate(all="ignore"):
            expected = [int(pair[0] == pair[1]), int(pair[0] < pair[1]), int(pair[0] <= pair[1])]
        found = [evaluate(f"{name}.{width}", 0, a, b)[0] for name in ("eq", "lt", "le")]
        assert found == expected, (hex(a), hex(b))


def test_every_operation_has_a_name_of_the_vocabulary() -> None:
    simple = "add sub mul div sqrt fma min max eq lt le class".split()
    simple += "minm maxm leq ltq round roundnx li".split()
    assert set(OPERATIONS) == {
        *(f"{name}.{width}" for name in simple for width in "hsd"),
        *(f"cvt.{integer}.{width}" for integer in RANGES for width in "hsd"),
        *(f"cvt.{width}.{integer}" for integer in RANGES for width in "hsd"),
        *(f"cvt.{to}.{origin}" for to in "hsd" for origin in "hsd" if to != origin),
        "cvtmod.w.d",
    }
