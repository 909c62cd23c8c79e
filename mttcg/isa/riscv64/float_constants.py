"""The constants of fli (Unprivileged ISA, "Zfa": table of load-immediate instructions)."""

from mttcg.isa.riscv64.floats import FloatKind, Format, Number, Rounding, pack

MINIMUM, INFINITY, NAN = 1, 30, 31
"""Numbers of those that depend on the format."""
_SIXTEENTHS: tuple[float, ...] = (
    *(-16, 0, 2**-12, 2**-11, 2**-4, 2**-3, 1, 2, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28),
    *(32, 40, 48, 64, 128, 256, 2048, 4096, 1 << 19, 1 << 20),
)
"""The others, in sixteenths."""
CONSTANT_NAMES = (*(repr(value / 16) for value in _SIXTEENTHS), "inf", "nan")
CONSTANT_NAMES = (CONSTANT_NAMES[0], "min", *CONSTANT_NAMES[2:])
"""As assemblers spell them."""


def constant_of(form: Format, number: int) -> int:
    """The bits of a constant; what is too large is infinity."""
    if number == NAN:
        return form.canonical_nan
    if number == INFINITY:
        return form.infinity
    if number == MINIMUM:
        return 1 << form.fraction_bits
    value = _SIXTEENTHS[number]
    significand = int(abs(value) * (1 << 12))
    exact = Number(FloatKind.FINITE, value < 0, significand, -16)
    return pack(form, exact, Rounding.NEAREST_EVEN)[0]
