"""The rows of F, D and Zfh (Unprivileged ISA, chapters 20 and 21, "Zfh"), and of Zfa.

`floating` says what they do.
"""

from dataclasses import replace
from itertools import permutations

from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.table.floating import (
    DOUBLE,
    HALF,
    SINGLE,
    Width,
    compute,
    examine,
    from_integer,
    fused,
    inject_sign,
    load,
    load_immediate,
    move_from_integer,
    move_to_integer,
    store,
)
from mttcg.isa.riscv64.table.row import encoding, instruction_row
from mttcg.isa.table.row import Behaviour, Pattern, Row

OP_FP, LOAD_FP, STORE_FP = 0x53, 0x07, 0x27
RESERVED_ROUNDING: tuple[Pattern, ...] = ((0x7000, 0x5000), (0x7000, 0x6000))
"""Values 5 and 6 of rm (20.2, table "Rounding mode encoding")."""

_ROUNDED = (("add", 0x00), ("sub", 0x01), ("mul", 0x02), ("div", 0x03))
_FUSED = (
    # name, opcode, product negated, addend negated
    ("fmadd", 0x43, False, False),
    ("fmsub", 0x47, False, True),
    ("fnmsub", 0x4B, True, False),
    ("fnmadd", 0x4F, True, True),
)
_SIGNS = (("fsgnj", 0, False, False), ("fsgnjn", 1, True, False), ("fsgnjx", 2, False, True))
_EXTREMES = (("min", 0), ("max", 1))
_COMPARISONS = (("le", 0), ("lt", 1), ("eq", 2))
_EXACT = ("fcvt.d.w", "fcvt.d.wu", "fcvt.d.s", "fcvt.s.h", "fcvt.d.h")
_INTEGERS = (("w", 0), ("wu", 1), ("l", 2), ("lu", 3))


def _rounded(width: Width, name: str, layout: str, syntax: str, match: int, does: Behaviour) -> Row:
    shown = "exact" if name in _EXACT else "rounding"
    operands = f"{syntax}, {shown}"
    return instruction_row(name, width.extension, layout, operands, match, does, RESERVED_ROUNDING)


def _plain(width: Width, name: str, syntax: str, match: int, does: Behaviour) -> Row:
    layout = "R" if syntax.count(",") == 2 else "R-unary"
    return instruction_row(name, width.extension, layout, syntax, match, does)


def _operation(funct5: int, width: Width, funct3: int = 0, rs2: int = 0) -> int:
    return encoding(OP_FP, funct3, funct5 << 2 | width.fmt, rs2)


def _arithmetic(width: Width) -> tuple[Row, ...]:
    end = f".{width.suffix}"
    return (
        *(
            _rounded(
                width,
                f"f{name}{end}",
                "R-float",
                "fd, fs1, fs2",
                _operation(funct5, width),
                compute(name + end, width, 2, width),
            )
            for name, funct5 in _ROUNDED
        ),
        _rounded(
            width,
            f"fsqrt{end}",
            "R-float-unary",
            "fd, fs1",
            _operation(0x0B, width),
            compute(f"sqrt{end}", width, 1, width),
        ),
        *(
            _rounded(
                width,
                name + end,
                "R4",
                "fd, fs1, fs2, fs3",
                encoding(opcode, funct7=width.fmt),
                fused(width, product, addend),
            )
            for name, opcode, product, addend in _FUSED
        ),
    )


def _kind_of_extreme(width: Width) -> Kind:
    return Kind.PLAIN if width is HALF else Kind.ALONE


def _choices(width: Width) -> tuple[Row, ...]:
    end = f".{width.suffix}"
    return (
        *(
            _plain(
                width,
                f"f{name}{end}",
                "fd, fs1, fs2",
                _operation(0x05, width, funct3),
                replace(compute(name + end, width, 2, width), kind=_kind_of_extreme(width)),
            )
            for name, funct3 in _EXTREMES
        ),
        *(
            _plain(
                width,
                name + end,
                "fd, fs1, fs2",
                _operation(0x04, width, funct3),
                inject_sign(width, invert, combine),
            )
            for name, funct3, invert, combine in _SIGNS
        ),
        *(
            _plain(
                width,
                f"f{name}{end}",
                "rd, fs1, fs2",
                _operation(0x14, width, funct3),
                examine(name + end, width, 2),
            )
            for name, funct3 in _COMPARISONS
        ),
    )


def _conversions(width: Width) -> tuple[Row, ...]:
    end = f".{width.suffix}"
    return (
        *(
            _rounded(
                width,
                f"fcvt.{integer}{end}",
                "R-float-unary",
                "rd, fs1",
                _operation(0x18, width, rs2=rs2),
                examine(f"cvt.{integer}{end}", width, 1),
            )
            for integer, rs2 in _INTEGERS
        ),
        *(
            _rounded(
                width,
                f"fcvt{end}.{integer}",
                "R-float-unary",
                "fd, rs1",
                _operation(0x1A, width, rs2=rs2),
                from_integer(f"cvt{end}.{integer}", width),
            )
            for integer, rs2 in _INTEGERS
        ),
    )


def _between(width: Width, origin: Width) -> Row:
    name = f"cvt.{width.suffix}.{origin.suffix}"
    has_half = HALF in (width, origin)
    return _rounded(
        MINIMAL if has_half else DOUBLE,  # both directions belong to D
        f"f{name}",
        "R-float-unary",
        "fd, fs1",
        _operation(0x08, width, rs2=origin.fmt),
        compute(name, width, 1, origin),
    )


MINIMAL = replace(HALF, extension="Zfhmin")
"""Half precision in memory and conversions."""


def _moves(width: Width, letter: str, funct3: int) -> tuple[Row, ...]:
    width = MINIMAL if width is HALF else width
    extension = width.extension
    at = "immediate(rs1)"
    return (
        instruction_row(
            f"fl{letter}", extension, "I", f"fd, {at}", encoding(LOAD_FP, funct3), load(width)
        ),
        instruction_row(
            f"fs{letter}", extension, "S", f"fs2, {at}", encoding(STORE_FP, funct3), store(width)
        ),
        _plain(
            width, f"fmv.x.{letter}", "rd, fs1", _operation(0x1C, width), move_to_integer(width)
        ),
        _plain(
            width, f"fmv.{letter}.x", "fd, rs1", _operation(0x1E, width), move_from_integer(width)
        ),
    )


def _classify(width: Width) -> Row:
    does = examine(f"class.{width.suffix}", width, 1)
    return _plain(width, f"fclass.{width.suffix}", "rd, fs1", _operation(0x1C, width, 1), does)


def _additional(width: Width) -> tuple[Row, ...]:
    """What Zfa has of a width."""
    end, own = f".{width.suffix}", replace(width, extension="Zfa")
    immediate = _operation(0x1E, width, rs2=1)
    return (
        _plain(own, f"fli{end}", "fd, constant", immediate, load_immediate(width)),
        *(
            _plain(
                own,
                f"f{name}{end}",
                "fd, fs1, fs2",
                _operation(0x05, width, funct3),
                compute(name + end, width, 2, width),
            )
            for name, funct3 in (("minm", 2), ("maxm", 3))
        ),
        *(
            _plain(
                own,
                f"f{name}{end}",
                "rd, fs1, fs2",
                _operation(0x14, width, funct3),
                examine(name + end, width, 2),
            )
            for name, funct3 in (("leq", 4), ("ltq", 5))
        ),
        *(
            _rounded(
                own,
                f"f{name}{end}",
                "R-float-unary",
                "fd, fs1",
                _operation(0x08, width, rs2=rs2),
                compute(name + end, width, 1, width),
            )
            for name, rs2 in (("round", 4), ("roundnx", 5))
        ),
    )


WIDTHS = (SINGLE, DOUBLE, HALF)
ROWS: tuple[Row, ...] = (
    *_moves(SINGLE, "w", 2),
    *_moves(DOUBLE, "d", 3),
    *_moves(HALF, "h", 1),
    *(_classify(width) for width in WIDTHS),
    *(
        row
        for width in WIDTHS
        for row in (*_arithmetic(width), *_choices(width), *_conversions(width))
    ),
    *(_between(width, origin) for width, origin in permutations(WIDTHS, 2)),
    *(row for width in WIDTHS for row in _additional(width)),
    _plain(
        replace(DOUBLE, extension="Zfa"),
        "fcvtmod.w.d",
        "rd, fs1",
        _operation(0x18, DOUBLE, 1, 8),
        examine("cvtmod.w.d", DOUBLE, 1),
    ),
)
"""Floating point."""
