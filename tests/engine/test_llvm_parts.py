"""Long pages, which are translated in parts, and straight lines, which are divided into pieces."""

import re
import struct
from collections.abc import Iterator

import pytest
from engine_harness import PAGE, Bare, fill
from random_engines import INSTRUCTIONS, Watch, Watched, compare
from random_programs import PLAIN

from mttcg.engine.base import Exit
from mttcg.engine.llvm import page
from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.engine import LlvmEngine
from mttcg.engine.llvm.page import LONGEST_PIECE, MOST_LINES, PageFunction
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.riscv64.llvm_isa import LLVM
from mttcg.engine.llvm.weave import OperationRow, Sites
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.memory.address import Virtual

BASE, SIZE = 0x8000_0000, 4 * PAGE
DEVICE = 0x1000_0000
ADD, ADD_WORD, PRODUCT, STORE = 0x0505, 0x0015_0513, 0x02B5_1533, 0x00B6_3023
"""c.addi a0, 1; addi a0, a0, 1; mulh a0, a0, a1; sd a1, 0(a2)."""
JUMP, ECALL, RETURN = 0x6F, 0x73, 0x8082
A0, A1, A2 = 10, 11, 12
LINES_OF_A_WINDOW = 10
"""Of text, where one piece ends and another begins."""
PLANS = {
    "nothing": Sites(),
    "count": Sites(every_block=(OperationRow(0, "count"),)),
    "table": Sites(every_block=(OperationRow(0, "table"),)),
    "once": Sites(every_block=(OperationRow(0, "once_table"),)),
    "retired": Sites(every_retired=(OperationRow(0, "retired", emitter=0),)),
    "accesses": Sites(every_access=(OperationRow(0, "record", emitter=0),)),
    "call": Sites(every_instruction=(OperationRow(0, "call"),)),
    "python": Sites(every_instruction=(OperationRow(0, "python", python=True),)),
    "table, once, retired": Sites(
        every_block=(OperationRow(0, "table"), OperationRow(1, "once_table")),
        every_retired=(OperationRow(2, "retired", emitter=2),),
    ),
}


def line_of(word: int, number: int) -> bytes:
    """A page that begins with so many times an instruction, and a return."""
    size = 4 if word & 3 == 3 else 2
    code = word.to_bytes(size, "little") * number + struct.pack("<H", RETURN)
    return code.ljust(PAGE, b"\0")


def discovered(code: bytes) -> Discovery:
    return Discovery(
        RISCV64.code,
        lambda offset: int.from_bytes(code[offset : offset + 2], "little"),
        [0],
    )


def pieces_of(source: str) -> list[int]:
    """How many lines there are from each label or end of a jump to the next."""
    ends = re.compile(r"^\S+:$|^(?:br|switch|callbr|ret|unreachable)\b")
    found, length = [], 0
    for line in source.splitlines():
        if ends.match(line):
            found.append(length)
            length = 0
        length += 1
    return found


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("word", [ADD, PRODUCT, STORE], ids=["add", "product", "store"])
def test_what_llvm_sees_as_one_is_bounded_and_the_text_is_linear(word: int, plan: str) -> None:
    sources = {}
    for number in (LONGEST_PIECE, 250, 500, 1000):
        discovery = discovered(line_of(word, number))
        sources[number] = PageFunction(LLVM, discovery, Ram(BASE, SIZE), PLANS[plan]).source()
    short = sources.pop(LONGEST_PIECE)
    for number, source in sources.items():
        assert max(pieces_of(source)) <= max(pieces_of(short)) + LINES_OF_A_WINDOW
        assert source.count("\n") < MOST_LINES + 2 * short.count("\n")
        assert source.count("\n") / number < short.count("\n") / LONGEST_PIECE


def test_a_page_of_products_is_translated(bare: Bare) -> None:
    """As one piece it never was: LLVM takes twice as long for a few more."""
    number = 1000
    put(bare, [PRODUCT, PRODUCT ^ (A0 ^ A1) << 7] * (number // 2) + [ECALL])
    a0 = a1 = value = 0x7FFF_FFFF_FFFF_FFFF
    for _ in range(number // 2):
        a0 = a0 * a1 >> 64
        a1 = a0 * a1 >> 64
    for _ in ("interpreter", "optimised"):
        run(bare, BASE, {A0: value, A1: value})
        assert (bare.hart.x[A0], bare.hart.x[A1]) == (a0, a1)
        assert bare.hart.instructions == number
        bare.hart.instructions = 0
        bare.improve(BASE)


@pytest.fixture
def bare() -> Iterator[Bare]:
    made = Bare("llvm", BASE, SIZE)
    yield made
    made.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few instructions."""
    monkeypatch.setattr(page, "MOST_LINES", 60)
    monkeypatch.setattr(page, "LONGEST_PIECE", 2)


def run(bare: Bare, pc: int, registers: dict[int, int] | None = None) -> None:
    """Run up to the first trap."""
    x = [0] * 32
    for register, value in (registers or {}).items():
        x[register] = value
    bare.set_registers(x, [0] * 32, 0)
    for _ in bare.run_to_trap(pc):
        pass


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("watch", ["", "python", "record"])
def test_parts_agree_with_the_definition(watch: Watch) -> None:
    compare(PLAIN, lambda: [Watched("llvm", watch)], INSTRUCTIONS // 60)


@pytest.mark.usefixtures("small")
def test_a_block_in_parts_is_counted_once_and_goes_on_natively(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the part that is translated it is the interpreter's."""
    number, rounds = 40, 5
    put(bare, [ADD] * number + [back(-2 * number), ECALL])
    asked: list[int] = []
    original = LlvmEngine.run

    def spy(engine: LlvmEngine, pc: Virtual) -> Exit:
        asked.append(pc)
        return original(engine, pc)

    monkeypatch.setattr(LlvmEngine, "run", spy)
    for tier in ("interpreter", "optimised"):
        before, blocks = bare.hart.instructions, bare.hart.blocks
        asked.clear()
        run(bare, BASE, {A0: -number * rounds % 2**64})
        assert bare.hart.x[A0] == 0, tier
        assert bare.hart.instructions - before == (number + 1) * rounds
        assert bare.hart.blocks - blocks == rounds + 1
        assert asked == [BASE]
        bare.improve(BASE)
    code = bare.engine.llvm.code
    version = code.version(*code.enter(BASE))
    assert [code.find_best(version, at) is None for at in (0, number)] == [False, True]


def test_an_access_that_is_left_goes_on_in_the_interpreter(bare: Bare) -> None:
    number, sink = 300, Sink()
    bare.vcpu.devices = sink  # type: ignore[assignment]
    put(bare, [ADD_WORD, STORE] * number + [ECALL])
    run(bare, BASE, {A2: BASE + 2 * PAGE})
    bare.improve(BASE)
    before = bare.hart.instructions
    run(bare, BASE, {A2: DEVICE})
    assert (sink.written, bare.hart.instructions - before) == (number, 2 * number)


def put(bare: Bare, words: list[int]) -> None:
    """Put instructions at the start of RAM, one behind the other."""
    at = BASE
    for word in words:
        fill([(at, word)], bare.write)
        at += 4 if word & 3 == 3 else 2


def back(distance: int) -> int:
    """c.bnez a0, by a distance."""
    low = (distance >> 3 & 3) << 10 | (distance >> 1 & 3) << 3 | (distance >> 5 & 1) << 2
    return 0xE001 | (distance >> 8 & 1) << 12 | (A0 - 8) << 7 | (distance >> 6 & 3) << 5 | low


def jump(distance: int) -> int:
    """j, forward."""
    return (distance >> 1 & 0x3FF) << 21 | (distance >> 11 & 1) << 20 | JUMP


class Sink:
    """A device that takes all."""

    name = "sink"

    def __init__(self) -> None:
        self.written = 0

    def find(self, address: int, size: int) -> "tuple[Sink, int] | None":
        """It is all that there is."""
        return (self, address - DEVICE) if (address, size) == (DEVICE, 8) else None

    def write(self, _offset: int, _size: int, _value: int) -> None:
        """Take it."""
        self.written += 1
