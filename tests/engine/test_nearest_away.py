"""The rounding mode that the host lacks, ties to the larger magnitude, with many ties.

Operands are made so that exact results often lie in the middle between two numbers: short
significands, exponents that are close, results at both ends of the range.
"""

import os
import random
from itertools import product

import pytest
from test_llvm_floats import CODE, DYNAMIC, ROUNDED, Loop, check, defined, table, wide, word_of

from mttcg.isa.riscv64.floats import (
    DOUBLE,
    HALF,
    SINGLE,
    FloatKind,
    Format,
    Number,
    Rounding,
    pack,
)
from mttcg.isa.table.row import Row

NEAREST_AWAY = 4
OPERANDS = int(os.environ.get("MTTCG_ROUNDED_OPERANDS", "500"))
AT_ONCE = 3000
Operands = tuple[int, int, int, int]


def number(form: Format, source: random.Random, bits: int, exponent: int) -> int:
    """A number whose significand has so many bits, the lowest of which is 2**exponent."""
    significand = source.getrandbits(bits) | 1 | 1 << bits - 1
    found = Number(FloatKind.FINITE, source.random() < 0.5, significand, exponent)
    return pack(form, found, Rounding.NEAREST_EVEN)[0]


def operands(form: Format, source: random.Random, row: Row) -> Operands:
    """Operands of which the result may be a tie, in registers of both files."""
    precision, least = form.precision, form.quantum
    first = source.randrange(1, precision + 1)
    second = min(max(precision + 1 - first + source.choice((0, 0, 0, -1, 1)), 1), precision)
    low = source.choice((0, 0, 3, -5, least // 2, least // 2 - first, -least // 2, least + 1))
    x = number(form, source, first, low)
    y = number(form, source, second, source.choice((0, low, least - low, low - precision, -low)))
    if row.name.startswith(("fadd", "fsub")):
        y = number(form, source, second, low + source.choice((first - second, -1, first, 1)))
    if row.name.startswith("fdiv") and source.random() < 0.5:
        power = source.randrange(2, 90)
        y, x = number(form, source, 1, power), number(form, source, first, least - 1 + power)
    if row.name in ("fcvt.h.s", "fcvt.h.d"):
        x = number(form, source, HALF.precision + 1, source.randrange(-20, 8))
    elif row.name.startswith(("fcvt", "fround")):
        x = number(form, source, first, source.choice((-1, -1, -2, low, 1, 31 - first, 63 - first)))
    z = number(form, source, source.randrange(1, precision + 1), source.choice((low, 2 * low, -1)))
    middle = source.getrandbits(precision + 1) | 1 | 1 << precision
    integer = middle << source.randrange(64 - precision - 1)
    box = (1 << 64) - (1 << form.bits)
    return x | box, y | box, z | box, (integer * source.choice((1, -1))) & (1 << 64) - 1


def form_of(row: Row) -> Format:
    """The format of what it rounds, or of what it rounds to."""
    if row.name.endswith(".h") or row.name in ("fcvt.h.w", "fcvt.h.wu", "fcvt.h.l", "fcvt.h.lu"):
        return HALF
    return DOUBLE if wide(row) or row.name in ("fcvt.d.l", "fcvt.d.lu") else SINGLE


def many(row: Row) -> list[Operands]:
    source = random.Random(row.name)
    form = form_of(row)
    edges = [given for given in table(row) if source.random() < 0.3]
    return [*edges, *(operands(form, source, row) for _ in range(OPERANDS))]


@pytest.mark.parametrize("tier", ["interpreter", "optimised"])
@pytest.mark.parametrize("row", ROUNDED, ids=lambda row: row.name)
def test_ties_go_away_from_zero(row: Row, tier: str) -> None:
    rows = many(row)
    for rounding, modes in ((NEAREST_AWAY, (0, 1)), (DYNAMIC, (NEAREST_AWAY,))):
        loop = Loop(word_of(row, rounding))
        if tier == "optimised":
            list(loop.run(0, rows[:1]))
            loop.bare.improve(CODE)
        for mode, first in product(modes, range(0, len(rows), AT_ONCE)):
            check(row, rounding, mode << 5, loop, rows[first : first + AT_ONCE])
        loop.bare.close()


def test_the_operands_do_make_ties() -> None:
    """Of every operation that can have some there are a few that the two modes round apart."""
    for row in ROUNDED:
        if row.name.startswith(("fsqrt", "fcvt.d.w", "fcvt.d.s", "fcvt.d.h", "fcvt.s.h")):
            continue
        apart = 0
        for given in many(row):
            away, even = (defined(word_of(row, mode), 0, given) for mode in (NEAREST_AWAY, 0))
            apart += away[:2] != even[:2]
        assert apart > 1, row.name
