"""What is attached, by virtual address, while there is better code for translated addresses."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from engine_harness import Bare
from test_interpreter import ECALL, word
from test_translated_random import improve, run
from translated_programs import BASE, PAGE, PAGES, SEEN_AT, Start, start

from mttcg.instrument.native import operations
from mttcg.instrument.plan.plan import ChangedSites, Operation, Plan
from mttcg.isa.riscv64.privilege import SUPERVISOR
from mttcg.memory.address import Virtual

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
