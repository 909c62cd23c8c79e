"""Predecoding, natively and by the instruction table: the same handlers and operands."""

import ctypes
import os
import random
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pytest

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.decoding import (
    EMPTY_NUMBER,
    FIRST_HANDLER,
    LEFT_NUMBER,
    decoding_table,
)
from mttcg.engine.llvm.interpreter.keys import Key, key_of, samples_of
from mttcg.engine.llvm.interpreter.native import compile_functions, load, load_code
from mttcg.engine.llvm.interpreter.observed_layout import (
    BYTES_SHIFT,
    EXTENT,
    INSTRUCTION,
    INSTRUCTIONS_BITS,
    OBSERVED_BYTES,
)
from mttcg.engine.llvm.interpreter.observed_native import source
from mttcg.engine.llvm.interpreter.observed_predecode import PREDECODE_OBSERVED
from mttcg.engine.llvm.interpreter.predecode import discarded_register
from mttcg.engine.llvm.riscv64.interpreted import INTERPRETED
from mttcg.isa.riscv64.table.decode import ROWS
from mttcg.isa.table.layout import NOTHING
from mttcg.memory.host import address_of_array
from mttcg.tbcache.decode import decode_block
from mttcg.tbcache.layout import SLOT
from mttcg.tbcache.predecoded import (
    HANDLERS_AT,
    OPERANDS,
    OWN_HANDLERS,
    PAGE_BYTES,
    PLACES,
    RECORD_BYTES,
    SLOT_AT,
)

PAGE, HALVES = 4096, 2048
WORDS = int(os.environ.get("MTTCG_RANDOM_INSTRUCTIONS", "50000"))
CALL = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)
Taken = tuple[int, dict[str, int]]
"""Number of the handler, and the operands."""


class PageOfWords:
    """A page in slot 1 of a block cache, whose handlers are their own numbers."""

    size = PAGE_BYTES

    def __init__(self, uncovered: frozenset[str] = frozenset()) -> None:
        self.frame = np.zeros(Word.WORDS, dtype=np.uint64)
        self.content = np.zeros(2 * PAGE, dtype="u1")
        self.slots = np.zeros(2, dtype=SLOT)
        self.records = np.zeros(self.size, dtype="u1")
        self.numbers = np.arange(FIRST_HANDLER + len(samples_of(INTERPRETED)), dtype="<u8")
        self.table = np.frombuffer(decoding_table(INTERPRETED, uncovered), dtype="u1")
        self.records[HANDLERS_AT:].view("<u8")[0] = address_of_array(self.numbers)
        self.records[SLOT_AT:].view("<u8")[0] = 1
        for word, array in (
            (Word.CODE, self.content),
            (Word.SLOTS, self.slots),
            (Word.DECODING, self.table),
        ):
            self.frame[word] = address_of_array(array)
        self.native = CALL(load(INTERPRETED).predecode)

    def begin(self, content: bytes, tail: int = 0) -> None:
        """Have other content, and no records."""
        self.content[PAGE : PAGE + len(content)] = np.frombuffer(content, dtype="u1")
        self.slots["tail"][1] = tail
        self.records[: HALVES * RECORD_BYTES] = 0

    def predecode(self, offset: int) -> None:
        """Fill records from an offset."""
        self.native(address_of_array(self.records), offset, address_of_array(self.frame))

    def at(self, offset: int) -> Taken:
        """The record at an offset."""
        record = self.records[8 * offset : 8 * offset + RECORD_BYTES].tobytes()
        operands = {name: record[place] for name, place in PLACES.items() if place < 12}
        operands["immediate"] = int.from_bytes(record[12:], "little", signed=True)
        return int.from_bytes(record[:OPERANDS], "little"), operands


NUMBERS = {key: number for number, key in enumerate(samples_of(INTERPRETED), FIRST_HANDLER)}
NO_OPERANDS = dict.fromkeys(PLACES, 0)


def by_table(word: int, offset: int) -> Taken:
    """What the table says of an instruction at an offset in a page."""
    found = INTERPRETED.code.decode(word)
    if found is None:
        return LEFT_NUMBER, NO_OPERANDS
    target = INTERPRETED.code.facts(word).target
    far = target is not None and not 0 <= offset + target < PAGE
    key: Key = key_of(INTERPRETED, found, far)
    operands = {name: getattr(found, name) for name in ("rd", "rs1", "rs2", "rs3", "immediate")}
    if found.row.behaviour.writes == "x" and not found.rd:
        operands["rd"] = discarded_register(INTERPRETED)
    if found.row.format.rounding is not NOTHING:
        operands["immediate"] = found.rounding
    return NUMBERS[key], operands


def pages_of(words: Iterable[int]) -> Iterator[list[int]]:
    some: list[int] = []
    for word in words:
        some.append(word)
        if len(some) == PAGE // 4:
            yield some
            some = []
    yield some


def compare(words: Iterable[int]) -> None:
    page = PageOfWords()
    for some in pages_of(words):
        page.begin(b"".join(word.to_bytes(4, "little") for word in some))
        for place, word in enumerate(some):
            offset = 4 * place
            if page.at(offset)[0] == EMPTY_NUMBER:
                page.predecode(offset)
            assert page.at(offset) == by_table(word, offset), hex(word)


def test_every_half_is_taken_apart_as_the_table_says() -> None:
    # a nop behind each, so that it begins at a multiple of four
    compare(half | 1 << 16 for half in range(1 << 16) if half & 3 != 3)


def test_random_words_are_taken_apart_as_the_table_says() -> None:
    source = random.Random(1)
    compare(source.getrandbits(32) | 3 for _ in range(WORDS))


def test_random_instructions_are_taken_apart_as_the_table_says() -> None:
    source = random.Random(2)
    rows = [row for row in ROWS if row.length == 4]
    drawn = ((source.choice(rows), source.getrandbits(32)) for _ in range(WORDS))
    compare(row.match | bits & ~row.mask for row, bits in drawn)


def instruction(name: str) -> int:
    return next(row.match for row in ROWS if row.name == name)


NOP, ECALL, ADD = 0x13, 0x73, 0x3B  # the last is addw


def test_a_block_is_filled_to_its_end_and_no_further() -> None:
    page = PageOfWords()
    page.begin(b"".join(word.to_bytes(4, "little") for word in (NOP, NOP, ECALL, NOP)))
    page.predecode(4)
    numbers = [page.at(offset)[0] for offset in (0, 4, 6, 8, 12)]
    assert [number != EMPTY_NUMBER for number in numbers] == [False, True, False, True, False]


def test_records_that_are_there_stay() -> None:
    page = PageOfWords()
    page.begin(b"".join(word.to_bytes(4, "little") for word in (NOP, NOP, NOP, ECALL)))
    page.records[8 * 4 : 8 * 4 + 8].view("<u8")[0] = other = 12345
    page.predecode(0)
    assert (page.at(4)[0], page.at(8)[0]) == (other, EMPTY_NUMBER)


@pytest.mark.parametrize("tail", [0x0000, 0x0010])
def test_the_last_instruction_may_straddle_the_end(tail: int) -> None:
    page = PageOfWords()
    page.begin(bytes(PAGE - 2) + NOP.to_bytes(2, "little"), tail)
    page.predecode(PAGE - 2)
    handler, operands = by_table(tail << 16 | NOP, PAGE - 2)
    assert page.at(PAGE - 2) == (load(INTERPRETED).straddle, operands)
    own = page.records[OWN_HANDLERS:].view("<u8")[(PAGE - 2) // 2]
    assert own == handler  # which is run once its other half was looked at


def test_an_uncovered_instruction_is_left() -> None:
    page = PageOfWords(frozenset({"addw"}))
    page.begin(b"".join(word.to_bytes(4, "little") for word in (NOP, ADD, NOP)))
    page.predecode(0)
    assert page.at(4) == (LEFT_NUMBER, NO_OPERANDS)
    assert page.at(8) == by_table(NOP, 8)  # its block goes on


class ObservedPageOfWords(PageOfWords):
    """The same with what an observed page has."""

    size = OBSERVED_BYTES

    def __init__(self) -> None:
        super().__init__()
        functions = load_code(
            INTERPRETED, "observed", source, lambda: compile_functions(source(INTERPRETED))
        )
        self.native = CALL(functions[PREDECODE_OBSERVED])

    def half(self, offset: int, distance: int) -> int:
        """32 bits that belong to a record."""
        return int(self.records[8 * offset + distance :][:4].view("<u4")[0])


def random_page(draw: random.Random) -> list[int]:
    """The halves of a page, and one behind it: nops, and in each tenth place anything."""
    halves = [draw.getrandbits(16) for _ in range(HALVES + 1)]
    for place in range(0, HALVES, 2):
        if draw.random() < 0.9:
            halves[place : place + 2] = NOP, 0
    return halves


def half_at(halves: list[int], offset: int) -> int:
    return halves[offset // 2]


def test_blocks_are_as_long_as_the_block_cache_has_them() -> None:
    draw, page = random.Random(3), ObservedPageOfWords()
    for _ in range(20):
        halves = random_page(draw)
        page.begin(b"".join(half.to_bytes(2, "little") for half in halves[:HALVES]), halves[-1])
        page.records[EXTENT:] = 0
        for offset in draw.sample(range(0, PAGE, 2), 60):
            if page.at(offset)[0] != EMPTY_NUMBER:
                continue
            page.predecode(offset)
            block = decode_block(INTERPRETED.code, offset, partial(half_at, halves))
            lengths = [int(length) for length in block["length"]]
            for number, (at, word) in enumerate(block[["offset", "word"]].tolist()):
                count, size = len(lengths) - number, sum(lengths[number:])
                extent = page.half(at, EXTENT)
                assert page.at(at) == by_table(word, at)
                assert page.half(at, INSTRUCTION) == word & (1 << 8 * lengths[number]) - 1
                assert extent & (1 << INSTRUCTIONS_BITS) - 1 == count
                assert extent >> BYTES_SHIFT == size
