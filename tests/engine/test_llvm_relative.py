"""One translation serves a page wherever the guest sees it."""

import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from engine_harness import PAGE, Bare, fill
from golden_texts import BASE as GOLDEN_BASE
from golden_texts import CORPUS, text_of

from mttcg.engine.llvm.frame import Reason, Word

sys.path.append(str(Path(__file__).parents[1] / "replay"))

import texts

BASE, SIZE = 0x8000_0000, 8 * PAGE
ELSEWHERE = (BASE + 3 * PAGE, 0x7FFF_FFFF_F000, -PAGE % 2**64, 0)
"""Other pages at which the guest may see the code: of RAM, and of an address space."""
RA, T0, A0, A1, A2, A3 = 1, 5, 10, 11, 12, 13
AUIPC, JAL, ECALL, LOAD, JALR = 0x17, 0x6F, 0x73, 0x3003, 0x67
DATA, FAR = 0x40, 2 * PAGE


def auipc(register: int, pages: int) -> int:
    return pages << 12 | register << 7 | AUIPC


def jal(register: int, distance: int) -> int:
    field = (distance >> 20 & 1) << 31 | (distance >> 1 & 0x3FF) << 21
    return field | (distance >> 11 & 1) << 20 | (distance >> 12 & 0xFF) << 12 | register << 7 | JAL


def jalr(link: int, base: int, number: int) -> int:
    return number << 20 | base << 15 | link << 7 | JALR


PROGRAM = [
    auipc(A0, 5),
    jal(RA, 12),  # to the auipc behind the next two
    jal(0, FAR - 8),  # out of the page
    ECALL,
    auipc(T0, 0),
    jalr(A1, T0, 12),  # to what comes two behind it
    ECALL,
    auipc(A2, 0xFFFFF),
    jalr(A3, RA, 0),  # back, by a register
]
LEFT = {A0: 5 * PAGE, RA: 8, T0: 16, A1: 24, A2: 28 - PAGE, A3: 36}
"""What is left in registers, from the page's start on."""


class Placed:
    """Code of the page at BASE, as native code that can be called for any page."""

    def __init__(self, words: list[int]) -> None:
        self.bare = Bare("llvm", BASE, SIZE)
        fill([(BASE + 4 * number, word) for number, word in enumerate(words)], self.bare.write)
        self.llvm: Any = self.bare.engine.llvm
        page, slot = self.llvm.code.enter(BASE)
        self.bare.cache.block(page, BASE)
        version = self.llvm.code.version(page, slot)
        self.llvm.translator.optimise(version)
        self.found = self.llvm.arena.find(version.key(0))

    def run(self, pc: int) -> Reason:
        """Run from a pc until the page is left; why it was."""
        self.llvm.frame[Word.EXIT] = 0
        self.bare.hart.pc = pc
        self.llvm.frame[Word.FIRST] = self.found
        self.llvm.native(*self.llvm.arguments)
        return Reason(int(self.llvm.frame[Word.EXIT]))


@pytest.fixture
def placed() -> Iterator[Any]:
    made: list[Placed] = []

    def place(words: list[int]) -> Placed:
        made.append(Placed(words))
        return made[-1]

    yield place
    for each in made:
        each.bare.close()


@pytest.mark.parametrize("start", [BASE, *ELSEWHERE], ids=hex)
def test_links_and_addresses_are_those_of_where_the_page_is(placed: Any, start: int) -> None:
    page = placed(PROGRAM)
    hart = page.bare.hart
    assert page.run(start) is Reason.MISS
    assert hart.pc == (start + FAR) % 2**64
    left = {register: (start + distance) % 2**64 for register, distance in LEFT.items()}
    assert {register: hart.x[register] for register in LEFT} == left


@pytest.mark.parametrize("start", ELSEWHERE, ids=hex)
def test_an_exit_says_where_it_is(placed: Any, start: int) -> None:
    page = placed([0x13, ECALL])
    assert page.run(start) is Reason.UNPREPARED  # the interpreter knows no page yet
    assert (page.bare.hart.pc, page.bare.hart.block_pc) == (start + 4, start)


def test_data_beside_the_code_are_those_of_where_the_page_is(placed: Any) -> None:
    page = placed([auipc(A0, 0), DATA << 20 | A0 << 15 | A1 << 7 | LOAD, ECALL])
    hart = page.bare.hart
    for number, start in enumerate([BASE, ELSEWHERE[0]], 100):
        page.bare.write(start + DATA, number.to_bytes(8, "little"))
        assert page.run(start) is Reason.UNPREPARED
        assert (hart.x[A1], hart.pc) == (number, start + 8)
    for start in ELSEWHERE[1:]:  # which is no RAM
        assert page.run(start) is Reason.UNPREPARED
        assert hart.pc == start + 4


def test_text_has_no_address_of_its_page() -> None:
    """Of pages of a guest, the first of which lies where RAM begins."""
    number = 3 * len(texts.PLANS)
    starts = set()
    for name, text in islice(texts.texts(texts.GUESTS / "calls.elf"), number):
        start = int(name.split(".")[1], 16)
        assert addresses(text, start) == set(), name
        starts.add(start)
    assert len(starts) > 1


@pytest.mark.parametrize("name", CORPUS)
def test_golden_text_has_no_address_of_its_page(name: str) -> None:
    assert addresses(text_of(CORPUS[name]), GOLDEN_BASE) == set()


def addresses(text: str, start: int) -> set[int]:
    """The numbers in a text that are addresses of a page, but for RAM's own."""
    numbers = {int(number) for number in re.findall(r"(?<![-\w.%])\d{5,}", text)}
    return {number for number in numbers if start <= number < start + PAGE} - {texts.RAM_BASE}
