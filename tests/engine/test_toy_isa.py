"""Another instruction set goes through decoding, the block cache, an interpreter and LLVM."""

from collections.abc import Iterator

import numpy as np
import pytest
from engine_harness import PAGE, Bare
from recorded import Recorded
from toy_isa import BY_NAME, ROWS, ToyCode, ToyInterpreter, word_of

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm.discovery import Discovery
from mttcg.isa.facts import Access
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.interpreted_memory import Left
from mttcg.isa.kind import Kind
from mttcg.tbcache.decode import decode_block

BASE, DATA = 0x8000_0000, 0x8000_1000
TIMES, HALT = 5, 9
PROGRAM = [
    word_of("addn", rd=1, rs1=0, last=TIMES),
    word_of("xor", rd=2, rs1=2, last=2),
    word_of("call", last=8),  # here the loop begins
    word_of("add", rd=2, rs1=2, last=3),
    word_of("addn", rd=1, rs1=1, last=-1),
    word_of("bnz", rs1=1, last=-3),
    word_of("store", rd=2, rs1=4, last=4),
    word_of("load", rd=5, rs1=4, last=4),
    word_of("sub", rd=6, rs1=5, last=2),
    word_of("halt"),
    word_of("add", rd=3, rs1=1, last=1),  # twice r1
    word_of("goto", rs1=15),
]
"""Sums twice r1 over r1 from TIMES to 1, by a function, and puts the sum at r4 + 4."""
TOTAL = TIMES * (TIMES + 1)
RETIRED = 2 + 6 * TIMES + 4
ACCESSES = [(BASE + 12, DATA + 4, 4, TOTAL, 1), (BASE + 14, DATA + 4, 4, TOTAL, 0)]


def half_at(offset: int) -> int:
    """The program, and zeros behind it."""
    return PROGRAM[offset // 2] if offset < 2 * len(PROGRAM) else 0


def test_there_are_ten_instructions_and_each_is_decoded_as_itself() -> None:
    assert len(ROWS) == 10
    code = ToyCode()
    for row in ROWS:
        found = code.decode(row.match | 0xFFFF_0000)
        assert found is not None
        assert found.row is row
    assert code.decode(0) is None


def test_facts_follow_from_the_rows() -> None:
    code = ToyCode()
    load, store = code.facts(PROGRAM[7]), code.facts(PROGRAM[6])
    assert load.access == Access(4, 4, 4, True, False, 5, False, "sign")
    assert store.access == Access(4, 4, 4, False, True, 2)
    assert (load.destination, store.destination) == (5, 0)
    assert (code.facts(PROGRAM[2]).what, code.facts(PROGRAM[2]).destination) == (
        InstructionClass.CALL,
        15,
    )
    assert code.facts(PROGRAM[5]).target_from(BASE + 10) == BASE + 4
    assert code.facts(PROGRAM[11]).indirect == (15, 0)


def test_blocks_end_where_the_kinds_say() -> None:
    block = decode_block(ToyCode(), 0, half_at)
    assert block["offset"].tolist() == [0, 2, 4]
    assert Kind(block["kind"][-1]) is Kind.JUMP
    rest = decode_block(ToyCode(), 12, half_at)
    assert [Kind(kind) for kind in rest["kind"]][-1] is Kind.SYSTEM
    assert rest["access"].tolist() == [4, 4, 0, 0]


def test_discovery_follows_branches_and_calls() -> None:
    found = Discovery(ToyCode(), half_at, [0])
    assert found.leaders == {0, 4, 6, 12, 20}
    assert found.called() == {20}


def test_the_interpreter_runs_it() -> None:
    definition = ToyInterpreter(memory=bytearray(16), base=DATA, pc=BASE)
    definition.x[4] = DATA
    left, steps = None, 0
    while left is None:
        left = definition.step(half_at(definition.pc - BASE))
        steps += 1
    assert (left, definition.pc) == (Left(PROGRAM[HALT]), BASE + 2 * HALT)
    assert (steps, definition.x[2], definition.x[5], definition.x[6]) == (RETIRED, TOTAL, TOTAL, 0)
    assert int.from_bytes(definition.memory[4:8], "little") == TOTAL


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    made = Recorded(("executed", "accesses"))
    yield made
    made.close()


@pytest.mark.parametrize("optimised", [False, True])
def test_the_llvm_engine_runs_it(recorded: Recorded, optimised: bool) -> None:
    bare = Bare("llvm", BASE, 2 * PAGE, recorded.plan)
    bare.cache.code = ToyCode()
    bare.write(BASE, np.array(PROGRAM, dtype="<u2").tobytes())
    bare.hart.x[4] = DATA
    engine = bare.engine.llvm
    if optimised:
        bare.cache.enter_page(0)
        bare.cache.block(0, BASE)
        bare.improve(BASE)
    left = engine.run(BASE)
    assert (left.kind, left.pc, left.word) == (ExitKind.SYSTEM, BASE + 2 * HALT, PROGRAM[HALT])
    assert (bare.hart.x[2], bare.hart.x[5], bare.hart.x[6]) == (TOTAL, TOTAL, 0)
    assert bare.hart.instructions == RETIRED
    assert bool(bare.hart.cache_translated) is not optimised
    executed, accesses = recorded.take("executed"), recorded.take("accesses")
    assert len(executed) == RETIRED
    fields = ("pc", "address", "size", "value", "write")
    assert [tuple(int(access[name]) for name in fields) for access in accesses] == ACCESSES
    bare.close()


def test_names_are_those_of_the_rows() -> None:
    text = ToyCode().disassemble(PROGRAM[HALT].to_bytes(2, "little"), BASE)
    assert text == [(BASE, 2, BY_NAME["halt"].name)]
