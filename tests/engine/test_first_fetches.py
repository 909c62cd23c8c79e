"""Pages that were never fetched from are fetched natively, and are then as if Python had."""

import mmap
import random

import numpy as np
import pytest
from engine_harness import Bare
from test_interpreter import ECALL, word
from test_native_versions import SEEN_AT as SEEN
from test_native_versions import Interpreting
from test_translated_random import compare, run
from tracked_guest import Guest, alone
from translated_programs import BASE, PAGE, PAGES, SEEN_AT, Start, define, program, start

from mttcg.engine.llvm.engine import LlvmEngine
from mttcg.engine.tracking.given_up import fetch_unused
from mttcg.engine.tracking.layout import tracking_bytes
from mttcg.engine.tracking.tracking import StoreTracking, TrackedHarts
from mttcg.instrument.native import operations
from mttcg.instrument.plan.plan import EMPTY, Operation, Plan
from mttcg.isa.riscv64.privilege import SUPERVISOR
from mttcg.isa.riscv64.state import Hart
from mttcg.memory.address import PhysicalPage, Virtual
from mttcg.memory.host import address_of_buffer
from mttcg.state.vcpu_state import STATE_BYTES
from mttcg.tbcache.predecoded import PREDECODED_BYTES

HERE = SEEN_AT[SUPERVISOR]
CALLED = Virtual(HERE + PAGE)
CALLER = [word("addi", 5, immediate=3), word("jal", 1, immediate=PAGE - 4), ECALL]
FUNCTION = [word("addi", 6, 6, immediate=1), word("jalr", 0, 1)]
END = HERE + 4 * len(CALLER) - 4


def test_a_page_that_nobody_fetches_is_fetched_as_python_does_it() -> None:
    guest = Guest(pages=16, vcpus=2, records=PREDECODED_BYTES)

    def fetch() -> None:
        found = Interpreting(guest.vcpu(0), keeps=False)
        cache = found.cache
        found.vcpu.store(3 * PAGE, 0x1234)
        page, argument = PhysicalPage(3), np.uint64(found.argument)
        at = np.uint64(SEEN + 10)
        assert fetch_unused(argument, np.uint64(3), at)
        slot = found.slot(3)
        assert found.vcpu.fetched(3) == cache.content(page).tobytes()
        assert found.records(3) == bytes(found.pages.blank)
        assert int(cache.slots["users"][slot]) == 1
        assert (list(cache.used), found.vcpu.watched) == ([3], 1)
        assert cache.pc_of(slot, 10) == at
        assert not fetch_unused(argument, np.uint64(3), at), "it is fetched from"
        assert cache.enter_page(page) == (slot, False)
        assert guest.hits == 0

    try:
        alone(fetch)
    finally:
        guest.close()


@pytest.mark.parametrize("known", ["met", "decoded", "another", "nothing"])
def test_a_block_that_was_known_is_a_hit(known: str) -> None:
    guest = Guest(pages=16, vcpus=2, records=PREDECODED_BYTES)

    def fetch() -> None:
        found = Interpreting(guest.vcpu(0), keeps=False)
        found.vcpu.fetch(3)
        slot = found.slot(3)
        if known == "decoded":
            found.cache.index[slot, 21] = 1
        elif known != "nothing":
            found.cache.met[slot, 2] = 1 << (5 if known == "met" else 4)
        found.cache.used.leave(PhysicalPage(3))
        assert fetch_unused(np.uint64(found.argument), np.uint64(3), np.uint64(SEEN + 42))
        assert found.slot(3) == slot
        assert found.cache.is_known(slot, 42) == (known in ("met", "decoded"))
        assert guest.hits == found.cache.is_known(slot, 42)

    try:
        alone(fetch)
    finally:
        guest.close()


class Tracked:
    """A vCPU whose stores are tracked, and for which pages Python was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bare = Bare("llvm", BASE, PAGES * PAGE, native_traps=True)
        harts = TrackedHarts.at(address_of_buffer(self.bare.maps["harts"]), 0, 1)
        shared, ram = memoryview(mmap.mmap(-1, tracking_bytes(PAGES))), self.bare.ram
        cache = self.bare.cache
        cache.changes = StoreTracking(shared, cache, address_of_buffer(ram), 0, harts)
        self.learnt: list[Virtual] = []
        learn = LlvmEngine._learn

        def learn_here(engine: LlvmEngine, pc: Virtual) -> None:
            self.learnt.append(pc)
            learn(engine, pc)

        monkeypatch.setattr(LlvmEngine, "_learn", learn_here)

    def run(self, source: int) -> list[Virtual]:
        """Run what calls a function in another page, among other words each time."""
        between = [word("addi", 7, immediate=source)] * (PAGE // 4 - len(CALLER))
        words = [*CALLER, *between, *FUNCTION]
        begin: Start = start(random.Random(1), words, SUPERVISOR)
        begin.registers[6] = 0
        self.learnt.clear()
        found = run(self.bare, begin, END)
        assert found.x[6] == 1
        return [pc for pc in self.learnt if HERE <= pc < HERE + 2 * PAGE]


def test_python_is_not_asked_for_pages_while_nothing_is_attached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check() -> None:
        tracked = Tracked(monkeypatch)
        assert tracked.run(1) == []
        blocks = {block.pc for block in tracked.bare.engine.known_blocks()}
        assert {HERE, CALLED, Virtual(END)} <= blocks

    alone(check)


def test_what_is_attached_everywhere_is_attached_to_pages_fetched_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check() -> None:
        tracked = Tracked(monkeypatch)
        words = np.zeros(1, dtype=np.uint64)
        count = Operation(operations.count(in_table=False), words.ctypes.data, "count")
        tracked.bare.engine.apply(Plan(every_block=(count,)))
        assert tracked.run(1) == [HERE, CALLED]
        counted = int(words[0])
        assert counted >= 3
        tracked.bare.engine.apply(EMPTY)
        tracked.run(2)
        assert int(words[0]) == counted
        tracked.bare.engine.apply(Plan(instructions={CALLED: (count,)}))
        tracked.run(3)
        assert int(words[0]) == counted + 1

    alone(check)


@pytest.mark.parametrize("seed", range(2))
def test_programs_do_what_the_definition_says(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(f"first {seed}")
    words = program(source, SUPERVISOR)
    end = HERE + 4 * len(words) - 4
    starts = [start(source, words, SUPERVISOR) for _ in range(2)]
    hart = Hart(memoryview(mmap.mmap(-1, STATE_BYTES)), 0)
    expected = [define(hart, begin, end) for begin in starts]

    def check() -> None:
        tracked = Tracked(monkeypatch)
        for begin, ending in zip(starts, expected, strict=True):
            compare(run(tracked.bare, begin, end), ending)

    alone(check)
