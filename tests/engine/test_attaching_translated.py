"""What is attached, by virtual address, while there is better code for translated addresses."""

import mmap
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from engine_harness import Bare
from test_interpreter import ECALL, word
from test_translated_random import improve, run
from tracked_guest import alone
from translated_programs import BASE, CODE, LARGE, MIDDLE, PAGE, PAGES, SEEN_AT, Start, start

from mttcg.engine.llvm.interpreter.observed_pages import ObservedPage
from mttcg.engine.tracking.layout import tracking_bytes
from mttcg.engine.tracking.tracking import StoreTracking, TrackedHarts
from mttcg.instrument.native import operations
from mttcg.instrument.plan.plan import ChangedSites, Operation, Plan
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR
from mttcg.memory.address import PageOffset, Virtual, physical_of
from mttcg.memory.host import address_of_buffer

HERE = SEEN_AT[SUPERVISOR]
CALLED = Virtual(HERE + PAGE)
ROUNDS = 20
CALLER = [
    word("addi", 5, immediate=ROUNDS),
    word("jal", 1, immediate=PAGE - 4),
    word("addi", 5, 5, immediate=-1),
    word("bne", rs1=5, rs2=0, immediate=-8),
    ECALL,
]
RETURN = word("jalr", 0, 1)


class Calling:
    """A loop that calls a function in another page, both in better code."""

    def __init__(self) -> None:
        self.bare = Bare("llvm", BASE, PAGES * PAGE, native_traps=True)
        self.blocks: dict[Virtual, tuple[Operation, ...]] = {}
        self.instructions: dict[Virtual, tuple[Operation, ...]] = {}
        self._apply()
        self.run()
        assert improve(self.bare, whole=False) == 2
        self.run()

    def attach(self, pc: Virtual) -> Any:
        """Have a counter before the instruction at a pc; its word."""
        words = np.zeros(1, dtype=np.uint64)
        count = Operation(operations.count(in_table=False), words.ctypes.data, "count")
        self.instructions[pc] = (count,)
        self._apply(pc)
        return words

    def _apply(self, *changed: Virtual) -> None:
        sites = ChangedSites(frozenset(), frozenset(changed))
        plan = Plan(blocks=self.blocks, instructions=self.instructions, changed=sites)
        self.bare.engine.apply(plan)

    def run(self, step: int = 1) -> None:
        """Run it, with a function that adds so much."""
        begin = self._start(word("addi", 6, 6, immediate=step))
        run(self.bare, begin, HERE + 4 * len(CALLER) - 4)

    def write(self, step: int) -> None:
        """Have another function there, and the page that has it fetched anew."""
        self.bare.write(BASE, bytes(self._start(word("addi", 6, 6, immediate=step)).memory))
        self.bare.engine.fetch_again()

    def _start(self, called: int) -> Start:
        between = [word("addi")] * (PAGE // 4 - len(CALLER))
        return start(random.Random(1), [*CALLER, *between, called, RETURN], SUPERVISOR)


@pytest.fixture
def calling() -> Iterator[Calling]:
    made = Calling()
    yield made
    made.bare.close()


def test_the_first_thing_at_a_place_is_run_each_time(calling: Calling) -> None:
    words = calling.attach(CALLED)
    calling.run()
    assert words[0] == ROUNDS


def test_a_version_that_comes_back_has_what_was_attached_meanwhile(calling: Calling) -> None:
    calling.run(step=2)
    words = calling.attach(CALLED)
    for step in (2, 1):
        calling.run(step)
    assert words[0] == 2 * ROUNDS


def test_what_is_attached_while_no_version_is_entered_is_run(
    calling: Calling, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = calling.attach(Virtual(CALLED + PAGE))
    calling.run()
    improve(calling.bare, whole=False)
    calling.run()
    calling.write(step=2)
    words = calling.attach(CALLED)
    monkeypatch.setattr(calling.bare.engine, "fence_translations", lambda: None)
    calling.run()
    assert (beside[0], words[0]) == (0, ROUNDS)


STORES = [word("addi", 5, immediate=ROUNDS), word("sd", rs1=20, rs2=6)]
STORES += [word("addi", 5, 5, immediate=-1), word("bne", rs1=5, rs2=0, immediate=-8), ECALL]
OPEN = (0x1F, [(1 << 54) - 1, *[0] * 15])
"""Protection that lets everything through."""
LAST = 4 * len(STORES) - 4
NOTHING = [word("addi")] * (PAGE // 4)
ONE_PAGE = {
    MACHINE: [*STORES, *NOTHING[len(STORES) :]],
    SUPERVISOR: [*NOTHING, *STORES, *NOTHING[len(STORES) :]],
}
"""Code by which both levels have the same in a page, which is the second one for a supervisor."""


def observed_page(bare: Bare, number: int) -> ObservedPage:
    """What a page of RAM is run by, as something is attached."""
    interpreter = bare.engine.llvm.code.interpreter
    row = int(interpreter.table[bare.cache.page_of(physical_of(Virtual(BASE + PAGE * number)))])
    all_pages = [page for pages in interpreter.observed.values() for page in pages.values()]
    (found,) = (page for page in all_pages if page.row == row)
    assert isinstance(found, ObservedPage)
    return found


@pytest.mark.parametrize("turns", [1, 2])
def test_better_code_is_met_by_pages_that_ran_untranslated_before(turns: int) -> None:
    bare = Bare("llvm", BASE, PAGES * PAGE, native_traps=True)
    words = np.zeros(1, dtype=np.uint64)
    count = Operation(operations.count(in_table=False), words.ctypes.data, "count")
    bare.engine.apply(Plan(every_access=(count,)))
    levels = [MACHINE, SUPERVISOR] * turns + [SUPERVISOR]
    for number, level in enumerate(levels, 1):
        begin = start(random.Random(2), ONE_PAGE[level], level)
        begin.registers[20] = BASE + 50 * PAGE if level == MACHINE else 1 << 30
        begin.status = 0
        begin.protection = OPEN
        begin.pc = SEEN_AT[level] + PAGE * (level == SUPERVISOR)
        before = int(words[0])
        found = run(bare, begin, begin.pc + LAST)
        faults = [trap for trap in found.traps if trap[0] < 8 or trap[0] > 11]
        assert int(words[0]) - before == ROUNDS - len(faults)
        if number == len(levels) - 1:
            improve(bare, whole=False)
            page = observed_page(bare, CODE[1])
            assert page.entry(PageOffset(4)) == page.native.translated
    bare.close()


FENCE = word("fence.i")
STORED_AT = {MACHINE: BASE + PAGE * CODE[1], SUPERVISOR: LARGE + PAGE * CODE[1]}
"""Where each level can write to the page that both run."""
TO_FUNCTION = {MACHINE: -PAGE, SUPERVISOR: PAGE}
"""From what calls, in the other page."""


def changing(level: int, steps: tuple[int, int]) -> Start:
    """Calls a function that adds one of two steps, then makes it another that adds the second."""
    called, stored = (word("addi", 6, 6, immediate=step) for step in steps)
    there = TO_FUNCTION[level]
    calls = [word("jal", 1, immediate=there), word("sw", rs1=20, rs2=8), FENCE]
    calls += [word("jal", 1, immediate=there - 12), ECALL]
    function = [called, RETURN]
    pages = [[*part, *NOTHING[len(part) :]] for part in (calls, function)]
    first, second = pages if level == SUPERVISOR else reversed(pages)
    begin = start(random.Random(1), [*first, *second], level)
    begin.memory[PAGE * MIDDLE[0] + 8] = 0xC7  # may be written
    begin.registers[6], begin.registers[8], begin.registers[20] = 0, stored, STORED_AT[level]
    begin.status, begin.protection = 0, OPEN
    begin.pc += PAGE * (level == MACHINE)
    return begin


def run_changing(levels: tuple[int, int]) -> None:
    """Run it at two levels, which see the page at two addresses, and then at the first again."""
    bare = Bare("llvm", BASE, PAGES * PAGE, native_traps=True)
    harts = TrackedHarts.at(address_of_buffer(bare.maps["harts"]), 0, 1)
    shared = memoryview(mmap.mmap(-1, tracking_bytes(PAGES)))
    bare.cache.changes = StoreTracking(shared, bare.cache, address_of_buffer(bare.ram), 0, harts)
    words = np.zeros(1, dtype=np.uint64)
    count = Operation(operations.count(in_table=False), words.ctypes.data, "count")
    bare.engine.apply(Plan(instructions={Virtual(HERE - PAGE): (count,)}))
    for level, steps in zip((*levels, levels[0]), [(1, 1), (1, 2), (2, 2)], strict=True):
        begin = changing(level, steps)
        found = run(bare, begin, begin.pc + 16)
        assert (len(found.traps), found.x[6]) == (1, sum(steps))
    assert bare.cache.changes.native is not None
    bare.close()


@pytest.mark.parametrize("levels", [(MACHINE, SUPERVISOR), (SUPERVISOR, MACHINE)])
def test_a_page_that_two_levels_run_is_fetched_anew_by_both(levels: tuple[int, int]) -> None:
    alone(lambda: run_changing(levels))
