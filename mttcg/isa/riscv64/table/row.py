"""Rows of the formats of RV64GC."""

from mttcg.isa.riscv64.table.layout import LAYOUTS
from mttcg.isa.table.row import Behaviour, Pattern, Row


def instruction_row(
    name: str,
    extension: str,
    layout: str,
    syntax: str,
    match: int,
    behaviour: Behaviour,
    excluded: tuple[Pattern, ...] = (),
    expands: str = "",
) -> Row:
    """A row whose format has the name `layout`.

    Of what it decodes, `immediate` is for `lui` and `auipc` already shifted up; for Zicsr it is
    the CSR's number, for `fence` fm, pred and succ, for AMO, LR and SC the bits aq and rl.
    """
    format = LAYOUTS[layout]
    return Row(name, extension, format, syntax, match, behaviour, excluded, expands)


def encoding(opcode: int, funct3: int = 0, funct7: int = 0, rs2: int = 0) -> int:
    """The fixed bits of a 32-bit instruction from its fields' values."""
    return opcode | funct3 << 12 | rs2 << 20 | funct7 << 25
