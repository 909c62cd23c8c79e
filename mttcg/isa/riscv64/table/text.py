"""An instruction as RISC-V assemblers spell it.

In a syntax, registers are `rd`, `rs1`.. of the integer file and `fd`, `fs1`.. of the floating-point
file; branch targets are distances from the instruction.
"""

from collections.abc import Callable

from mttcg.isa.riscv64.float_constants import CONSTANT_NAMES
from mttcg.isa.riscv64.registers import FLOAT, INTEGER
from mttcg.isa.riscv64.table.integer import TOTAL_STORE_ORDER
from mttcg.isa.table.row import Decoded
from mttcg.isa.table.text import operands_of

ROUNDING = ("rne", "rtz", "rdn", "rup", "rmm", "", "", "dyn")
_USUAL_ROUNDING = {"rounding": ", dyn", "exact": ", rne"}
"""`exact`: conversions that never round."""
_CSR_NAMES = {1: "fflags", 2: "frm", 3: "fcsr"}
ATOMICS = ("A", "Zacas", "Zabha")
_ORDERING = ("", ".rl", ".aq", ".aqrl")
_WHOLE = {("fence", TOTAL_STORE_ORDER): "fence.tso"}


def _fence_sets(instruction: Decoded) -> str:
    sets = instruction.immediate
    letters = [
        "".join(letter for bit, letter in enumerate("wroi") if half >> bit & 1)[::-1] or "0"
        for half in (sets >> 4 & 15, sets & 15)
    ]
    return ", ".join(letters)


_OPERANDS: dict[str, Callable[[Decoded], str]] = {
    "rd": lambda at: INTEGER[at.rd],
    "rs1": lambda at: INTEGER[at.rs1],
    "rs2": lambda at: INTEGER[at.rs2],
    "fd": lambda at: FLOAT[at.rd],
    "fs1": lambda at: FLOAT[at.rs1],
    "fs2": lambda at: FLOAT[at.rs2],
    "fs3": lambda at: FLOAT[at.rs3],
    "immediate": lambda at: str(at.immediate),
    "upper": lambda at: hex(at.immediate >> 12 & 0xFFFFF),
    "constant": lambda at: CONSTANT_NAMES[at.rs1],
    "number": lambda at: str(at.rs1),
    "csr": lambda at: _CSR_NAMES.get(at.immediate, hex(at.immediate)),
    "rounding": lambda at: ROUNDING[at.rounding],
    "exact": lambda at: ROUNDING[at.rounding],
    "sets": _fence_sets,
}


def text(instruction: Decoded) -> str:
    """Assembler text; a rounding mode is shown unless it is what assemblers take for granted."""
    name = instruction.name
    if (name, instruction.immediate) in _WHOLE:
        return _WHOLE[name, instruction.immediate]
    if instruction.row.extension in ATOMICS:
        name += _ORDERING[instruction.immediate]
    syntax = operands_of(instruction, _OPERANDS)
    for mode, usual in _USUAL_ROUNDING.items():
        if instruction.row.syntax.endswith(mode):
            syntax = syntax.removesuffix(usual)
    return f"{name} {syntax}".strip()
