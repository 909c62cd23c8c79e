"""Another instruction set goes through decoding, the block cache, its definition and LLVM."""

from collections.abc import Iterator

import pytest
from recorded import Recorded
from toy_isa import ROWS, ToyCode, ToyInterpreter, assemble
from toy_machine import BASE, DATA, ToyMachine

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm.discovery import Discovery
from mttcg.isa.facts import Access
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.interpreted_memory import LeftInstruction
from mttcg.isa.kind import Kind
from mttcg.tbcache.decode import decode_block

TIMES, HALT = 5, 9
CODE = [
    assemble("set", 1, immediate=TIMES),
    assemble("set", 2, immediate=0),
    assemble("jump", 5, immediate=32),  # here the loop begins
    assemble("add", 2, 2, 3),
    assemble("set", 1, 1, immediate=-1),
    assemble("bnz", rs1=1, immediate=-12),
    assemble("store", rs1=4, rs2=2, immediate=4),
    assemble("load", 6, 4, immediate=4),
    assemble("sub", 7, 6, 2),
    assemble("sys"),
    assemble("add", 3, 1, 1),
    assemble("go", rs1=5),
]
"""Sums twice r1 over r1 from TIMES to 1, by a function, and puts the sum at r4 + 4."""
PROGRAM = [int.from_bytes(one, "little") for one in CODE]
BYTES = b"".join(CODE)
TOTAL = TIMES * (TIMES + 1)
RETIRED = 2 + 6 * TIMES + 4
ACCESSES = [(BASE + 24, DATA + 4, 4, TOTAL, 1), (BASE + 28, DATA + 4, 4, TOTAL, 0)]


def half_at(offset: int) -> int:
    """The program, and zeros behind it."""
    return int.from_bytes(BYTES[offset : offset + 2], "little")


def test_there_are_ten_instructions_and_each_is_decoded_as_itself() -> None:
    assert len(ROWS) == 10
    code = ToyCode()
    for row in ROWS:
        found = code.decode(row.match)
        assert found is not None
        assert found.row is row
    assert code.decode(0) is None


def test_facts_follow_from_the_rows() -> None:
    code = ToyCode()
    load, store = code.facts(PROGRAM[7]), code.facts(PROGRAM[6])
    assert load.access == Access(4, 4, 4, True, False, 6, False, "sign")
    assert store.access == Access(4, 4, 4, False, True, 2)
    assert (load.destination, store.destination) == (6, 0)
    call = code.facts(PROGRAM[2])
    assert (call.what, call.destination) == (InstructionClass.CALL, 5)
    assert code.facts(PROGRAM[5]).target_from(BASE + 20) == BASE + 8
    assert code.facts(PROGRAM[11]).indirect == (5, 0)


def test_blocks_end_where_the_kinds_say() -> None:
    block = decode_block(ToyCode(), 0, half_at)
    assert block["offset"].tolist() == [0, 4, 8]
    assert Kind(block["kind"][-1]) is Kind.JUMP
    rest = decode_block(ToyCode(), 24, half_at)
    assert [Kind(kind) for kind in rest["kind"]][-1] is Kind.SYSTEM
    assert rest["access"].tolist() == [4, 4, 0, 0]


def test_discovery_follows_branches_and_calls() -> None:
    found = Discovery(ToyCode(), half_at, [0])
    assert found.leaders == {0, 8, 12, 24, 40}
    assert found.called() == {40}


def test_the_definition_runs_it() -> None:
    definition = ToyInterpreter(memory=bytearray(16), base=DATA, pc=BASE)
    definition.x[4] = DATA
    left, steps = None, 0
    while left is None:
        left = definition.step(PROGRAM[(definition.pc - BASE) // 4])
        steps += 1
    assert (left, definition.pc) == (LeftInstruction(PROGRAM[HALT]), BASE + 4 * HALT)
    assert (steps, definition.x[2], definition.x[6], definition.x[7]) == (RETIRED, TOTAL, TOTAL, 0)
    assert int.from_bytes(definition.memory[4:8], "little") == TOTAL


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    made = Recorded(("executed", "accesses"))
    yield made
    made.close()


@pytest.mark.parametrize("optimised", [False, True])
def test_the_llvm_engine_runs_it(recorded: Recorded, optimised: bool) -> None:
    toy = ToyMachine("llvm", recorded.plan)
    toy.vcpu.follow_plan()
    toy.put(BASE, *CODE)
    toy.hart.r[4] = DATA
    if optimised:
        assert toy.improve(BASE)
    left = toy.llvm.run(BASE)
    assert (left.kind, left.pc, left.word) == (ExitKind.SYSTEM, BASE + 4 * HALT, PROGRAM[HALT])
    assert (toy.hart.r[2], toy.hart.r[6], toy.hart.r[7]) == (TOTAL, TOTAL, 0)
    assert toy.hart.instructions == RETIRED
    executed, accesses = recorded.take("executed"), recorded.take("accesses")
    assert len(executed) == RETIRED
    fields = ("pc", "address", "size", "value", "write")
    assert [tuple(int(access[name]) for name in fields) for access in accesses] == ACCESSES
    toy.close()


def test_names_are_those_of_the_rows() -> None:
    text = ToyCode().disassemble(CODE[0] + CODE[HALT] + bytes(4), BASE)
    assert text == [(BASE, 4, "set"), (BASE + 4, 4, "sys"), (BASE + 8, 4, "?")]
