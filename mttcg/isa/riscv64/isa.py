"""RISC-V of 64 bits, as a value."""

from mttcg.isa.base import Isa, Registers
from mttcg.isa.code import Code
from mttcg.isa.debug_description import DebugDescription
from mttcg.isa.riscv64.registers import CALLS, FLOAT, INDEX, INTEGER
from mttcg.isa.riscv64.system import Rv64System

EM_RISCV = 243
"""RISC-V ELF psABI, "File Header"."""


def _code() -> Code:
    from mttcg.isa.riscv64.code import Rv64Code

    return Rv64Code()


def _debug_description() -> DebugDescription:
    from mttcg.isa.riscv64.debug_description import DESCRIPTION

    return DESCRIPTION


RISCV64 = Isa(
    name="riscv64",
    title="RISC-V",
    elf_machine=EM_RISCV,
    registers=Registers(tuple(INTEGER), tuple(FLOAT), INDEX, CALLS),
    load_code=_code,
    system=Rv64System(),
    load_debug_description=_debug_description,
)
