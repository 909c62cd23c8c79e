"""Random programs under address translation, on each tier, compared with the definition."""

import mmap
import os
import random
from typing import Any

import pytest
from engine_harness import Bare
from translated_programs import (
    BASE,
    CODE,
    HANDLER,
    MSTATUS_MPP,
    PAGE,
    PAGES,
    SEEN_AT,
    Start,
    Translated,
    define,
    go_on,
    program,
    set_up,
    start,
)

from mttcg.engine.llvm.page_code import PageCode
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.state import NO_RESERVATION, Hart
from mttcg.memory.address import physical_of
from mttcg.state.vcpu_state import STATE_BYTES

PROGRAMS = int(os.environ.get("MTTCG_TRANSLATED_PROGRAMS", "3"))
"""Programs for each level; nightly runs more."""
STARTS = 3
"""States from which a program runs, on each tier."""
LEVELS = {"supervisor": SUPERVISOR, "user": USER, "machine": MACHINE}


def run(bare: Bare, begin: Start, end: int) -> Translated:
    """Run a program to its end."""
    hart, found = bare.hart, Translated()
    bare.write(BASE, bytes(begin.memory))
    bare.engine.fetch_again()
    bare.set_registers(begin.registers, [0] * 32, 0)
    set_up(hart, begin)
    hart.reservation = NO_RESERVATION
    bare.engine.fence_translations()
    instructions, blocks = hart.instructions, hart.blocks
    while True:
        left = bare.engine.run(hart.pc)
        hart.pc = left.pc
        if hart.pc != HANDLER:
            bare.handle(left)
        else:  # it came there natively, and began what is there
            hart.instructions -= 1
            hart.blocks -= 1
        if hart.pc == HANDLER:
            found.traps.append((hart.mcause, hart.mepc, hart.mtval))
            if hart.mepc == end:
                break
            go_on(hart, begin)
    found.instructions, found.blocks = hart.instructions - instructions, hart.blocks - blocks
    found.x, found.memory = bare.registers()[0], bare.read(BASE, PAGE * PAGES)
    found.status, found.satp = hart.mstatus & ~MSTATUS_MPP, hart.satp
    return found


def improve(bare: Bare, whole: bool) -> int:
    """Make better code of the pages of a program, for translated addresses; how many have it."""
    llvm: Any = bare.engine.llvm
    code: PageCode = llvm.code
    made = 0
    for page in CODE:
        known = code.version_for_better(bare.cache.page_of(physical_of(BASE + PAGE * page)), True)
        if known is not None:
            llvm.translator.optimise(known, None if whole else 0)
            made += code.meet_better_code(known)
    llvm.jumps.clear()
    return made


@pytest.mark.parametrize("native", [True, False], ids=["native", "seen"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_each_tier_does_what_the_definition_says(seed: int, level: str, native: bool) -> None:
    source = random.Random(f"{seed} {level} {native}")
    words = program(source, LEVELS[level])
    end = SEEN_AT[LEVELS[level]] + 4 * len(words) - 4
    starts = [start(source, words, LEVELS[level]) for _ in range(STARTS)]
    hart = Hart(memoryview(mmap.mmap(-1, STATE_BYTES)), 0)
    expected = [define(hart, begin, end) for begin in starts]
    bare = Bare("llvm", BASE, PAGES * PAGE, native_traps=native)
    for tier in range(3):
        for begin, ending in zip(starts, expected, strict=True):
            compare(run(bare, begin, end), ending)
        if tier < 2:
            assert improve(bare, whole=tier == 1)
    assert sum(len(ending.traps) for ending in expected) > 50
    bare.close()


def compare(found: Translated, expected: Translated) -> None:
    """Part by part, so that a failure says which."""
    for one, other in zip(found.traps, expected.traps, strict=False):
        assert [hex(part) for part in one] == [hex(part) for part in other]
    assert len(found.traps) == len(expected.traps)
    assert list(map(hex, found.x)) == list(map(hex, expected.x))
    assert (found.status, found.satp) == (expected.status, expected.satp)
    assert found.memory == expected.memory
    assert (found.instructions, found.blocks) == (expected.instructions, expected.blocks)
