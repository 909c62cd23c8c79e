"""Quadruple precision, with what Zfa has of it, and conversions of BF16.

Unprivileged ISA, chapters "Q", "Zfa" and BF16 (Zfbfmin).
"""

from mttcg.isa.riscv64.absent.row import (
    FUSED,
    LOAD_FP,
    OP_FP,
    ROUNDED,
    ROUNDED_UNARY,
    STORE_FP,
    Absent,
    registers,
    unary,
)

QUAD = 3
"""The value of fmt."""
_FUSED = (("fmadd", 0x43), ("fmsub", 0x47), ("fnmsub", 0x4B), ("fnmadd", 0x4F))
_ROUNDED = (("fadd", 0x00), ("fsub", 0x01), ("fmul", 0x02), ("fdiv", 0x03))
_EXACT = (
    # name, funct5, funct3
    ("fsgnj", 0x04, 0),
    ("fsgnjn", 0x04, 1),
    ("fsgnjx", 0x04, 2),
    ("fmin", 0x05, 0),
    ("fmax", 0x05, 1),
    ("fle", 0x14, 0),
    ("flt", 0x14, 1),
    ("feq", 0x14, 2),
)
_INTEGERS = ("w", "wu", "l", "lu")
"""In the order of rs2."""
_WIDTHS = (("s", 0), ("d", 1), ("h", 2), ("q", 3))
"""Suffix and fmt."""
ANY_BASE = 0x0000_707F
"""Fixed bits of a load or store."""


def _arithmetic(extension: str, suffix: str, fmt: int) -> tuple[Absent, ...]:
    """What one width has as F and D have it."""
    return (
        *registers(
            extension,
            *((f"{name}.{suffix}", opcode, 0, fmt) for name, opcode in _FUSED),
            mask=FUSED,
        ),
        *registers(
            extension,
            *((f"{name}.{suffix}", OP_FP, 0, funct5 << 2 | fmt) for name, funct5 in _ROUNDED),
            mask=ROUNDED,
        ),
        *registers(
            extension,
            *((f"{n}.{suffix}", OP_FP, funct3, funct5 << 2 | fmt) for n, funct5, funct3 in _EXACT),
        ),
        *unary(extension, (f"fclass.{suffix}", OP_FP, 1, 0x1C << 2 | fmt, 0)),
        *unary(
            extension,
            (f"fsqrt.{suffix}", OP_FP, 0, 0x0B << 2 | fmt, 0),
            *((f"fcvt.{of}.{suffix}", OP_FP, 0, 0x60 | fmt, n) for n, of in enumerate(_INTEGERS)),
            *((f"fcvt.{suffix}.{of}", OP_FP, 0, 0x68 | fmt, n) for n, of in enumerate(_INTEGERS)),
            mask=ROUNDED_UNARY,
        ),
    )


def _conversion(extension: str, to: str, source: str) -> tuple[Absent, ...]:
    fmt = dict(_WIDTHS)
    name = f"fcvt.{to}.{source}"
    return unary(extension, (name, OP_FP, 0, 0x20 | fmt[to], fmt[source]), mask=ROUNDED_UNARY)


BRAIN_FLOATS = unary(
    "Zfbfmin",
    ("fcvt.s.bf16", OP_FP, 0, 0x20, 6),
    ("fcvt.bf16.s", OP_FP, 0, 0x22, 8),
    mask=ROUNDED_UNARY,
)
QUAD_PRECISION = (
    *_arithmetic("Q", "q", QUAD),
    *registers("Q", ("flq", LOAD_FP, 4, 0), ("fsq", STORE_FP, 4, 0), mask=ANY_BASE),
    *(row for other in "sdh" for row in _conversion("Q", "q", other)),
    *(row for other in "sdh" for row in _conversion("Q", other, "q")),
)


def _additional(suffix: str, fmt: int) -> tuple[Absent, ...]:
    """What Zfa adds to one width."""
    return (
        *unary("Zfa", (f"fli.{suffix}", OP_FP, 0, 0x78 | fmt, 1)),
        *registers(
            "Zfa",
            (f"fminm.{suffix}", OP_FP, 2, 0x14 | fmt),
            (f"fmaxm.{suffix}", OP_FP, 3, 0x14 | fmt),
            (f"fleq.{suffix}", OP_FP, 4, 0x50 | fmt),
            (f"fltq.{suffix}", OP_FP, 5, 0x50 | fmt),
        ),
        *unary(
            "Zfa",
            (f"fround.{suffix}", OP_FP, 0, 0x20 | fmt, 4),
            (f"froundnx.{suffix}", OP_FP, 0, 0x20 | fmt, 5),
            mask=ROUNDED_UNARY,
        ),
    )


ROWS: tuple[Absent, ...] = (*BRAIN_FLOATS, *QUAD_PRECISION, *_additional("q", QUAD))
