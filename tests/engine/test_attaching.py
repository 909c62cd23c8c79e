"""What is attached to a place changes that place's code, and no more of what there is."""

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from engine_harness import PAGE, Bare, fill

from mttcg.engine.base import ExitKind
from mttcg.instrument.native import operations
from mttcg.instrument.plan.plan import ChangedSites, Operation, Plan
from mttcg.memory.address import PageOffset, PhysicalPage, Virtual

BASE = Virtual(0x8000_0000)
LOOP = ((0, 0x0140_0593), (4, 0xFFF5_8593), (8, 0xFE05_9EE3))
"""li a1, 20; addi a1, a1, -1; bnez a1, the instruction before."""
GO, ECALL = (12, 0x0006_8067), (12, 0x0000_0073)
"""jr a3, which nobody knows the target of before."""
SECOND, BESIDE = 0x100, 0x200
ROUNDS = 20
OPERATION = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)


class Attaching:
    """Two functions, and a plan of which only places change."""

    def __init__(self, second: int) -> None:
        self.second = Virtual(BASE + second)
        self.bare = Bare("llvm", BASE, 4 * PAGE)
        self.llvm: Any = self.bare.engine.llvm
        self.plan = Plan(blocks={}, instructions={}, changed=ChangedSites(frozenset(), frozenset()))
        first = [(BASE + at, word) for at, word in (*LOOP, GO)]
        then = [(self.second + at, word) for at, word in (*LOOP, ECALL)]
        fill([*first, *then], self.bare.write)
        self.bare.engine.apply(self.plan)

    def attach(self, pc: Virtual, *operations_there: Operation) -> None:
        """Have operations before the instruction at a pc, or none."""
        instructions: Any = self.plan.instructions
        instructions.pop(pc, None)
        if operations_there:
            instructions[pc] = operations_there
        changed = ChangedSites(frozenset(), frozenset({pc}))
        self.bare.engine.apply(
            Plan(blocks=self.plan.blocks, instructions=instructions, changed=changed)
        )

    def run(self) -> list[Virtual]:
        """Run both; where requests were seen, which are taken back."""
        x = [0] * 32
        x[13] = self.second
        self.bare.set_registers(x, [0] * 32, 0)
        seen = []
        for left in self.bare.run_to_trap(BASE):
            if left.kind is ExitKind.REQUEST:
                seen.append(left.pc)
                self.bare.hart.request = 0
        return seen

    def improve(self) -> None:
        """Have both functions translated, each by itself."""
        self.run()
        for pc in (BASE, self.second):
            self.bare.improve(pc, whole=False)

    def is_better(self, pc: Virtual) -> bool:
        """Whether a place is run in better code."""
        code, page = self.llvm.code, PhysicalPage((pc - BASE) // PAGE)
        version = code.version(page, self.bare.cache.used[page])
        return code.find_best(version, PageOffset(pc % PAGE)) is not None


@pytest.fixture(params=[SECOND, PAGE + SECOND])
def attaching(request: pytest.FixtureRequest) -> Iterator[Attaching]:
    made = Attaching(request.param)
    yield made
    made.bare.close()


def counter() -> tuple[Any, Operation]:
    words = np.zeros(1, dtype=np.uint64)
    return words, Operation(operations.count(in_table=False), words.ctypes.data, "count")


def test_translations_of_other_functions_stay(attaching: Attaching) -> None:
    attaching.improve()
    words, count = counter()
    place = Virtual(attaching.second + 4)
    attaching.attach(place, count)
    assert (attaching.is_better(BASE), attaching.is_better(attaching.second)) == (True, False)
    attaching.run()
    assert words[0] == ROUNDS
    attaching.attach(place)
    assert attaching.is_better(BASE) and attaching.is_better(attaching.second)
    before = int(words[0])
    attaching.run()
    assert words[0] == before


def test_what_survived_goes_when_something_is_attached_in_it(attaching: Attaching) -> None:
    attaching.improve()
    (beside, first), (inside, second) = counter(), counter()
    attaching.attach(Virtual(attaching.second + BESIDE), first)
    assert attaching.is_better(BASE) and attaching.is_better(attaching.second)
    attaching.run()
    attaching.attach(Virtual(BASE + 4), second)
    assert (attaching.is_better(BASE), attaching.is_better(attaching.second)) == (False, True)
    attaching.run()
    assert (beside[0], inside[0]) == (0, ROUNDS)


def test_what_survived_is_forgotten_when_the_arena_takes_its_place_back(
    attaching: Attaching,
) -> None:
    attaching.improve()
    attaching.attach(Virtual(BASE + BESIDE), counter()[1])
    assert attaching.is_better(BASE)
    arena = attaching.llvm.arena
    with arena:
        for _ in range(20):
            arena.publish(1 << 62, arena.put(bytes(arena.most_bytes)))
    assert not attaching.is_better(BASE)
    attaching.run()


@pytest.mark.parametrize("tier", ["interpreted", "translated"])
def test_what_python_asks_for_is_had_before_the_next_block(attaching: Attaching, tier: str) -> None:
    def ask(*_given: int) -> None:
        attaching.bare.hart.request = 1

    function = OPERATION(ask)
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    attaching.attach(Virtual(BASE + 12), Operation(address, 0, "python", python=True))  # type: ignore[arg-type]
    if tier == "translated":
        attaching.improve()
        assert attaching.is_better(BASE)
    assert attaching.run() == [attaching.second]
    assert attaching.run() == [attaching.second]


def test_pages_of_which_nothing_changes_keep_their_jumps() -> None:
    attaching = Attaching(PAGE + SECOND)
    attaching.improve()
    attaching.attach(Virtual(BASE + 2 * PAGE), counter()[1])
    attaching.run()
    slots = [attaching.bare.cache.used[PhysicalPage(page)] for page in (0, 1)]
    known = [int(np.count_nonzero(attaching.llvm.jumps.rows[slot])) for slot in slots]
    attaching.attach(Virtual(BASE + PAGE + SECOND + 4), counter()[1])
    rows = attaching.llvm.jumps.rows
    assert [int(np.count_nonzero(rows[slot])) for slot in slots] == [known[0], 0]
    assert all(known)
    attaching.bare.close()
