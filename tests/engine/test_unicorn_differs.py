"""Where Unicorn is wrong, the unicorn engine is right, or says so."""

from collections.abc import Iterator

import numpy as np
import pytest
from engine_harness import PAGE, Bare, fill

from mttcg.engine.unicorn.riscv64.left_to_host import LEFT_TO_HOST, MISREAD, is_extreme
from mttcg.engine.unicorn.riscv64.limits import NOT_INVALID, TAKEN_FOR_NOPS, UNBOXED, UnicornLimits
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.table.decode import BY_NAME, ROWS, decode

BASE = 0x8000_0000
BOX = 0xFFFF_FFFF << 32
ECALL = 0x73
RESERVED = [0x9D79, 0x9D7D, 0x8C40, 0x9C7D]


@pytest.fixture(params=["unicorn", "llvm"])
def bare(request: pytest.FixtureRequest) -> Iterator[Bare]:
    made = Bare(request.param, BASE, 4 * PAGE)
    yield made
    made.close()


@pytest.mark.parametrize("word", RESERVED, ids=hex)
def test_reserved_words_are_illegal(bare: Bare, word: int) -> None:
    assert decode(word) is None
    fill([(BASE, 0x0001), (BASE + 2, word), (BASE + 4, ECALL)], bare.write)
    list(bare.run_to_trap(BASE))
    assert (bare.hart.mcause, bare.hart.mepc, bare.hart.mtval) == (2, BASE + 2, word)
    assert bare.hart.instructions == 1


SINGLES = (0x7F80_0001, 0xFFC1_2345, 0x7FC0_0000, 0x3F80_0000, 0xBF80_0000, 0, 1 << 31, 0x7F80_0000)
DOUBLES = ((0x7FF0 << 48) + 1, 0x7FF8 << 48, 0x3FF0 << 48, 0xBFF0 << 48, 0, 1 << 63, 0x7FF0 << 48)


def test_extremes_are_classified() -> None:
    names = {row.name for row in ROWS if facts(row.match).kind is Kind.ALONE}
    assert names == {"fmin.s", "fmax.s", "fmin.d", "fmax.d"}
    assert names == {row.name for row in ROWS if is_extreme(row.match)}
    assert facts(BY_NAME["fmin.d"].match | 2 << 12).kind is Kind.PLAIN, "fminm.d is none"


def test_what_unicorn_misreads_is_left_to_the_host_or_told_of() -> None:
    for half in range(1 << 16):
        if any(half & mask == value for mask, value in MISREAD):
            told: list[str] = []
            UnicornLimits(told.append).look(np.array([half], dtype=np.uint32))
            assert told == [TAKEN_FOR_NOPS]
            row = decode(half)
            left = facts(half).kind in LEFT_TO_HOST.kinds
            assert left if row is None else row.row.extension == "Zcb", hex(half)


@pytest.mark.parametrize("name", ["fmin.s", "fmax.s", "fmin.d", "fmax.d"])
def test_extremes_are_those_of_the_definition(bare: Bare, name: str) -> None:
    word = BY_NAME[name].match | 3 << 7 | 1 << 15 | 2 << 20
    fill([(BASE, 0x0001), (BASE + 2, word), (BASE + 6, ECALL)], bare.write)
    single = name.endswith(".s")
    values = SINGLES if single else DOUBLES
    for a in values:
        for b in values:
            f = [0, *((BOX | n) if single else n for n in (a, b)), *range(29)]
            wanted = Interpreter(f=list(f))
            assert wanted.step(word) is None
            bare.set_registers([0] * 32, f, 0)
            count = bare.hart.instructions
            list(bare.run_to_trap(BASE))
            assert bare.hart.mcause == 11
            assert bare.hart.instructions == count + 2
            assert bare.registers()[1:] == (wanted.f, wanted.fcsr), (hex(a), hex(b))


def test_extremes_take_singles_as_unicorn_leaves_them() -> None:
    """fmv.w.x does not box there; what it moved is a number all the same, and stays as it was."""
    bare = Bare("unicorn", BASE, 4 * PAGE)
    word = BY_NAME["fmax.s"].match | 3 << 7 | 1 << 15 | 2 << 20
    fill([(BASE, word), (BASE + 4, ECALL)], bare.write)
    bare.set_registers([0] * 32, [0, 0x7F80_0001, 0x3F80_0000, *range(29)], 0)
    list(bare.run_to_trap(BASE))
    _, f, fcsr = bare.registers()
    assert (f[1:4], fcsr) == ([0x7F80_0001, 0x3F80_0000, BOX | 0x3F80_0000], 0x10)
    bare.close()


def test_extremes_with_the_unit_off_are_illegal(bare: Bare) -> None:
    word = BY_NAME["fmin.d"].match
    fill([(BASE, word), (BASE + 4, ECALL)], bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0, float_on=False)
    list(bare.run_to_trap(BASE))
    assert (bare.hart.mcause, bare.hart.mepc, bare.hart.mtval) == (2, BASE, word)


def test_limits_are_told_of_once_and_only_if_they_concern_the_guest() -> None:
    told: list[str] = []
    limits = UnicornLimits(told.append)

    def look(*names: str) -> list[str]:
        limits.look(np.array([BY_NAME[name].match for name in names], dtype=np.uint32))
        return told

    assert look("add", "c.add", "fld", "flw", "fadd.d", "fmin.d", "fsqrt.d") == []
    assert look("add", "fadd.s") == [UNBOXED]
    assert look("fmv.w.x", "fdiv.s") == [UNBOXED]
    assert look("fnmadd.d") == [UNBOXED, NOT_INVALID]
    assert look("fmadd.s") == [UNBOXED, NOT_INVALID]
