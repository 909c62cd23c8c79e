"""Long pages, which are translated in parts, and straight lines, which are divided into pieces."""

import re
import struct
from collections.abc import Iterator

import pytest
from engine_harness import PAGE, Bare, fill
from random_engines import INSTRUCTIONS, Watch, Watched, compare
from random_programs import PLAIN

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm import page, translate
from mttcg.engine.llvm.compile import Effort
from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.engine import LlvmEngine
from mttcg.engine.llvm.page import LONGEST_PIECE, MEETING, MOST_LINES, PageFunction
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.riscv64.llvm_isa import LLVM
from mttcg.engine.llvm.weave import OperationRow, Sites
from mttcg.isa.riscv64.isa import RISCV64

BASE, SIZE = 0x8000_0000, 4 * PAGE
DEVICE = 0x1000_0000
ADD, ADD_WORD, PRODUCT, STORE = 0x0505, 0x0015_0513, 0x02B5_1533, 0x00B6_3023
"""c.addi a0, 1; addi a0, a0, 1; mulh a0, a0, a1; sd a1, 0(a2)."""
JUMP, ECALL, RETURN = 0x6F, 0x73, 0x8082
A0, A1, A2 = 10, 11, 12
WRITES_A0 = re.compile(r"^store i64 \S+, ptr %x10$", re.MULTILINE)
"""In text for little effort."""
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


@pytest.mark.parametrize("optimised", [False, True], ids=["fast", "optimised"])
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("word", [ADD, PRODUCT, STORE], ids=["add", "product", "store"])
def test_what_llvm_sees_as_one_is_bounded_and_the_text_is_linear(
    word: int, plan: str, optimised: bool
) -> None:
    sources = {}
    for number in (LONGEST_PIECE, 250, 500, 1000):
        discovery = discovered(line_of(word, number))
        sources[number] = PageFunction(
            LLVM, discovery, Ram(BASE, SIZE), PLANS[plan], 0, optimised
        ).source()
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
    for _ in ("fast", "optimised"):
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
    monkeypatch.setattr(page, "MEETING", 8)


@pytest.fixture
def translated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are translated."""
    texts: list[str] = []
    original = translate.compile_text

    def spy(text: str, effort: Effort) -> bytes:
        texts.append(text)
        return original(text, effort)

    monkeypatch.setattr(translate, "compile_text", spy)
    return texts


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
    bare: Bare, translated: list[str]
) -> None:
    number, rounds = 40, 5
    put(bare, [ADD] * number + [back(-2 * number), ECALL])
    for _ in range(2):
        before, blocks = bare.hart.instructions, bare.hart.blocks
        run(bare, BASE, {A0: -number * rounds % 2**64})
        assert bare.hart.x[A0] == 0
        assert bare.hart.instructions - before == (number + 1) * rounds
        assert bare.hart.blocks - blocks == rounds + 1
        parts = len(translated)
        assert parts > number // MEETING
    assert len(translated) == parts


@pytest.mark.usefixtures("small")
def test_a_part_is_asked_for_once(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    """From then on native code goes on there by itself."""
    number, rounds = 40, 5
    put(bare, [ADD] * number + [back(-2 * number), ECALL])
    asked, original = [], LlvmEngine._go_on

    def spy(engine: LlvmEngine) -> None:
        asked.append(engine.hart.pc)
        original(engine)

    monkeypatch.setattr(LlvmEngine, "_go_on", spy)
    run(bare, BASE, {A0: -number * rounds % 2**64})
    assert len(asked) == len(set(asked)) > number // MEETING
    assert bare.hart.instructions == (number + 1) * rounds


@pytest.mark.usefixtures("small")
def test_a_machine_that_stops_is_left_between_two_parts(bare: Bare, translated: list[str]) -> None:
    number = 40
    put(bare, [ADD] * number + [ECALL])
    llvm, hart = bare.engine.llvm, bare.hart
    llvm.code.is_stopping = lambda: len(translated) == 2
    left = bare.engine.run(BASE)
    ran = hart.instructions
    assert left.kind is ExitKind.REQUEST
    assert 0 < ran < number
    assert left.pc == hart.pc == BASE + 2 * ran
    assert (hart.blocks, bare.engine.unfinished, hart.block_pc) == (1, hart.pc, hart.pc)
    llvm.code.is_stopping = lambda: True
    assert bare.engine.run(hart.pc) == left
    assert (hart.instructions, len(translated)) == (ran, 2)
    llvm.code.is_stopping = lambda: False
    assert bare.engine.run(hart.pc).kind is ExitKind.SYSTEM
    assert (hart.x[A0], hart.instructions, hart.blocks) == (number, number + 1, 1)


def test_code_reached_in_many_ways_is_translated_once(bare: Bare, translated: list[str]) -> None:
    """As the cases of a switch are, one after the other, and what comes behind all of them."""
    cases, shared = 100, 400
    jumps = [jump(4 * (cases - at)) for at in range(cases)]
    put(bare, [*jumps, *[ADD] * shared, ECALL])
    for at in range(cases):
        run(bare, BASE + 4 * at)
        assert bare.hart.x[A0] == shared
    assert len(translated) == cases
    assert sum(len(WRITES_A0.findall(text)) for text in translated) == shared


def test_lines_that_are_resumed_everywhere_meet(translated: list[str]) -> None:
    number, sink = 300, Sink()
    bare = Bare("llvm", BASE, SIZE, devices=sink)
    put(bare, [ADD_WORD, STORE] * number + [ECALL])
    run(bare, BASE, {A2: DEVICE})
    bare.close()
    assert (sink.written, bare.hart.instructions) == (number, 2 * number)
    assert len(translated) == number + 1
    for text in translated[1:]:
        assert len(WRITES_A0.findall(text)) <= MEETING // 8


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
