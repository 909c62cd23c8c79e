"""The C extension with F and D (Unprivileged ISA, chapter "C", 26.8: instruction set listings).

And Zcb, which has more of them.

Every compressed instruction stands for a 32-bit one and does the same; its layout supplies the
registers that are implied. Hints are included: they do what their expansion does, which is
nothing but to an x0. Reserved encodings are excluded, as are those of another row.
"""

from mttcg.isa.riscv64.table import bitmanip, floating_rows, integer, multiply, system
from mttcg.isa.riscv64.table.row import instruction_row
from mttcg.isa.table.row import Pattern

_FAMILIES = (integer, multiply, bitmanip, floating_rows, system)
_EXPANSIONS = {row.name: row for family in _FAMILIES for row in family.ROWS}

RD, RS2 = 0x1F << 7, 0x1F << 2
IMMEDIATE = 0x107C
SP = 2 << 7
WIDE_IMMEDIATE = 0x1FE0
"""The bits of c.addi4spn's."""


def _zero(mask: int) -> Pattern:
    return (mask, 0)


_ROWS: tuple[tuple[str, str, str, str, int, tuple[Pattern, ...]], ...] = (
    # name, expansion, layout, syntax, match, excluded
    # quadrant 0
    ("c.addi4spn", "addi", "CIW", "rd, rs1, immediate", 0x0000, (_zero(WIDE_IMMEDIATE),)),
    ("c.fld", "fld", "CL-8", "fd, immediate(rs1)", 0x2000, ()),
    ("c.lw", "lw", "CL-4", "rd, immediate(rs1)", 0x4000, ()),
    ("c.ld", "ld", "CL-8", "rd, immediate(rs1)", 0x6000, ()),
    ("c.fsd", "fsd", "CS-8", "fs2, immediate(rs1)", 0xA000, ()),
    ("c.sw", "sw", "CS-4", "rs2, immediate(rs1)", 0xC000, ()),
    ("c.sd", "sd", "CS-8", "rs2, immediate(rs1)", 0xE000, ()),
    # quadrant 1
    ("c.nop", "addi", "C-nop", "", 0x0001, ()),
    ("c.addi", "addi", "CI", "rd, immediate", 0x0001, (_zero(RD),)),
    ("c.addiw", "addiw", "CI", "rd, immediate", 0x2001, (_zero(RD),)),
    ("c.li", "addi", "CI-load", "rd, immediate", 0x4001, ()),
    ("c.addi16sp", "addi", "CI-stack", "rd, immediate", 0x6101, (_zero(IMMEDIATE),)),
    ("c.lui", "lui", "CI-upper", "rd, upper", 0x6001, (_zero(IMMEDIATE), (RD, SP))),
    ("c.srli", "srli", "CB-shift", "rd, immediate", 0x8001, ()),
    ("c.srai", "srai", "CB-shift", "rd, immediate", 0x8401, ()),
    ("c.andi", "andi", "CB-and", "rd, immediate", 0x8801, ()),
    ("c.sub", "sub", "CA", "rd, rs2", 0x8C01, ()),
    ("c.xor", "xor", "CA", "rd, rs2", 0x8C21, ()),
    ("c.or", "or", "CA", "rd, rs2", 0x8C41, ()),
    ("c.and", "and", "CA", "rd, rs2", 0x8C61, ()),
    ("c.subw", "subw", "CA", "rd, rs2", 0x9C01, ()),
    ("c.addw", "addw", "CA", "rd, rs2", 0x9C21, ()),
    ("c.j", "jal", "CJ", "immediate", 0xA001, ()),
    ("c.beqz", "beq", "CB", "rs1, immediate", 0xC001, ()),
    ("c.bnez", "bne", "CB", "rs1, immediate", 0xE001, ()),
    # quadrant 2
    ("c.slli", "slli", "CI-shift", "rd, immediate", 0x0002, ()),
    ("c.fldsp", "fld", "CI-pop-8", "fd, immediate(rs1)", 0x2002, ()),
    ("c.lwsp", "lw", "CI-pop-4", "rd, immediate(rs1)", 0x4002, (_zero(RD),)),
    ("c.ldsp", "ld", "CI-pop-8", "rd, immediate(rs1)", 0x6002, (_zero(RD),)),
    ("c.jr", "jalr", "CR-jump", "rs1", 0x8002, (_zero(RD),)),
    ("c.mv", "add", "CR-move", "rd, rs2", 0x8002, (_zero(RS2),)),
    ("c.ebreak", "ebreak", "C-none", "", 0x9002, ()),
    ("c.jalr", "jalr", "CR-call", "rs1", 0x9002, (_zero(RD),)),
    ("c.add", "add", "CR", "rd, rs2", 0x9002, (_zero(RS2),)),
    ("c.fsdsp", "fsd", "CSS-8", "fs2, immediate(rs1)", 0xA002, ()),
    ("c.swsp", "sw", "CSS-4", "rs2, immediate(rs1)", 0xC002, ()),
    ("c.sdsp", "sd", "CSS-8", "rs2, immediate(rs1)", 0xE002, ()),
)

_MORE: tuple[tuple[str, str, str, str, int, tuple[Pattern, ...]], ...] = (
    ("c.lbu", "lbu", "CL-1", "rd, immediate(rs1)", 0x8000, ()),
    ("c.lhu", "lhu", "CL-2", "rd, immediate(rs1)", 0x8400, ()),
    ("c.lh", "lh", "CL-2", "rd, immediate(rs1)", 0x8440, ()),
    ("c.sb", "sb", "CS-1", "rs2, immediate(rs1)", 0x8800, ()),
    ("c.sh", "sh", "CS-2", "rs2, immediate(rs1)", 0x8C00, ()),
    ("c.zext.b", "andi", "CU-byte", "rd", 0x9C61, ()),
    ("c.sext.b", "sext.b", "CU", "rd", 0x9C65, ()),
    ("c.zext.h", "zext.h", "CU", "rd", 0x9C69, ()),
    ("c.sext.h", "sext.h", "CU", "rd", 0x9C6D, ()),
    ("c.zext.w", "add.uw", "CU", "rd", 0x9C71, ()),
    ("c.not", "xori", "CU-ones", "rd", 0x9C75, ()),
    ("c.mul", "mul", "CA", "rd, rs2", 0x9C41, ()),
)
"""Those of Zcb."""

ROWS = tuple(
    instruction_row(name, of, layout, syntax, match, _EXPANSIONS[does].behaviour, excluded, does)
    for of, rows in (("C", _ROWS), ("Zcb", _MORE))
    for name, does, layout, syntax, match, excluded in rows
)
"""Compressed instructions."""
