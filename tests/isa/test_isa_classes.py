"""Classes and destinations of instructions, one by one and against what the definition writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mttcg.isa.facts import FLOATS
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Amo
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.table.decode import ROWS, decode
from mttcg.isa.table.row import Row

ONE_BY_ONE = {
    "add a0, a1, a2": (0x00C58533, "ALU", 10),
    "lui t0": (0x000002B7, "ALU", 5),
    "mulw a0, a1, a2": (0x02C5853B, "MULTIPLY", 10),
    "remu a0, a1, a2": (0x02C5F533, "DIVIDE", 10),
    "ld a0, 0(a1)": (0x0005B503, "LOAD", 10),
    "fld fa0, 0(a1)": (0x0005B507, "FLOAT_LOAD", FLOATS + 10),
    "sd a0, 0(a1)": (0x00A5B023, "STORE", 0),
    "fsd fa0, 0(a1)": (0x00A5B027, "FLOAT_STORE", 0),
    "beq a0, a1": (0x00B50063, "BRANCH", 0),
    "jal zero": (0x0000006F, "JUMP", 0),
    "jal ra": (0x000000EF, "CALL", 1),
    "jal t0": (0x000002EF, "CALL", 5),
    "jal a0": (0x0000056F, "JUMP", 10),
    "jalr zero, 0(ra)": (0x00008067, "RETURN", 0),
    "jalr zero, 0(t0)": (0x00028067, "RETURN", 0),
    "jalr zero, 0(a0)": (0x00050067, "JUMP", 0),
    "jalr ra, 0(a0)": (0x000500E7, "CALL", 1),
    "jalr ra, 0(ra)": (0x000080E7, "CALL", 1),
    "jalr ra, 0(t0)": (0x000280E7, "SWITCH", 1),
    "jalr t0, 0(ra)": (0x000082E7, "SWITCH", 5),
    "amoadd.w a0, a1, (a2)": (0x00B6252F, "ATOMIC", 10),
    "fence": (0x0FF0000F, "FENCE", 0),
    "fence.i": (0x0000100F, "FENCE", 0),
    "csrrs a0, mcause": (0x34202573, "CSR", 10),
    "ecall": (0x00000073, "SYSTEM", 0),
    "mret": (0x30200073, "SYSTEM", 0),
    "fadd.d fa0, fa1, fa2": (0x02C5F553, "FLOAT", FLOATS + 10),
    "fmadd.s fa0": (0x68C5F543, "FLOAT", FLOATS + 10),
    "feq.d a0, fa1, fa2": (0xA2C5A553, "FLOAT", 10),
    "fcvt.w.d a0, fa1": (0xC2059553, "FLOAT", 10),
    "fcvt.d.w fa0, a1": (0xD2058553, "FLOAT", FLOATS + 10),
    "fmv.x.d a0, fa1": (0xE2058553, "FLOAT", 10),
    "fmv.d.x fa0, a1": (0xF2058553, "FLOAT", FLOATS + 10),
    "c.jr ra": (0x8082, "RETURN", 0),
    "c.jr a0": (0x8502, "JUMP", 0),
    "c.jalr a0": (0x9502, "CALL", 1),
    "c.jalr ra": (0x9082, "CALL", 1),
    "c.jalr t0": (0x9282, "SWITCH", 1),
    "c.ebreak": (0x9002, "SYSTEM", 0),
    "c.mv a0, a1": (0x852E, "ALU", 10),
    "c.j": (0xA001, "JUMP", 0),
    "c.beqz a0": (0xC101, "BRANCH", 0),
    "c.ld a0, 0(a1)": (0x6188, "LOAD", 10),
    "c.fld fa0, 0(a1)": (0x2188, "FLOAT_LOAD", FLOATS + 10),
    "zeros": (0x0000, "OTHER", 0),
    "reserved major": (0x0000006B, "OTHER", 0),
}


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_one_by_one(name: str) -> None:
    word, kind, destination = ONE_BY_ONE[name]
    found = facts(word)
    assert (found.what.name, found.destination) == (kind, destination)


class Written(Interpreter):
    """Notes the register that an instruction writes; memory is there everywhere, and reads 0."""

    destination = 0

    def write_x(self, register: int, value: int) -> None:
        self.destination = register

    def write_f(self, register: int, value: int) -> None:
        self.destination = FLOATS + register

    def load(self, address: int, size: int) -> int:
        return 0

    def store(self, address: int, size: int, value: int) -> None:
        pass

    def store_conditional(self, address: int, size: int, value: int) -> int:
        return 0

    def amo(self, operation: Amo, address: int, size: int, value: int) -> int:
        return 0


def written_by(word: int) -> int | None:
    """The register that the definition writes, None if the host runs the instruction."""
    interpreter = Written(pc=0x8000_0000)
    return interpreter.destination if interpreter.step(word) is None else None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.extension}")
@given(free=some.integers(0, 0xFFFF_FFFF))
def test_every_instruction_of_the_table(row: Row, free: int) -> None:
    word = row.match | (free & ~row.mask & (1 << 8 * row.length) - 1)
    found = decode(word)
    if found is None or found.row is not row:
        return
    written = written_by(word)
    if written is not None:
        assert facts(word).destination == written
    access, what = facts(word).access, facts(word).what
    if access is not None and facts(word).kind is not Kind.ATOMIC:
        named = f"{'FLOAT_' if access.floating else ''}{'STORE' if access.stores else 'LOAD'}"
        assert what.name == named
    else:
        assert what.name.partition("_")[2] not in ("LOAD", "STORE")
