"""What the translator makes of hot places: functions first, pages where these are missed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_harness import PAGE, Bare, fill

from mttcg.engine.llvm.heat import Heat
from mttcg.engine.llvm.improver import PAGE_COST, PAGE_HEAT, DescribedPlace, Improver
from mttcg.engine.llvm.kept.code_store import CodeStore
from mttcg.engine.llvm.kept.image import KeptImage
from mttcg.engine.llvm.kept.keeper import OpenedStore
from mttcg.engine.llvm.kept.kept_code import KeptCode
from mttcg.engine.llvm.translate import MANY_VERSIONS

BASE = 0x8000_0000
DOWN, BACK, STEP, ECALL = 0xFFF5_0513, 0xFE05_1EE3, 0x0015_8593, 0x0000_0073
"""addi a0, a0, -1; bnez a0, back by 4; addi a1, a1, 1."""
LOOP, BEHIND = BASE + 4, BASE + 12
PROGRAM = [STEP, DOWN, BACK, STEP, STEP, ECALL]


def make() -> Bare:
    """A vCPU that has run the program."""
    made = Bare("llvm", BASE, 2 * PAGE)
    fill([(BASE + 4 * at, word) for at, word in enumerate(PROGRAM)], made.write)
    made.set_registers([0] * 10 + [2] + [0] * 21, [0] * 32, 0)
    list(made.run_to_trap(BASE))
    return made


@pytest.fixture
def bare() -> Iterator[Bare]:
    made = make()
    yield made
    made.close()


def improver_of(bare: Bare, kept: OpenedStore | None = None) -> Improver:
    llvm = bare.engine.llvm
    return Improver(llvm.isa, bare.memory.ram_range, bare.cache, llvm.arena, Heat(), kept)


def opened(folder: Path) -> OpenedStore:
    """What a run finds in a store when it begins."""
    store = CodeStore(folder, "keys")
    return OpenedStore(store, KeptCode(KeptImage(*store.read()[:2])))


def described(bare: Bare, pc: int) -> DescribedPlace:
    """A place as the vCPU describes it."""
    code = bare.engine.llvm.code
    version = code.version(0, bare.cache.used[0])
    return DescribedPlace(pc, version, code.find_best(version, pc - BASE) is not None, ())


def warm(improver: Improver, pc: int, samples: int) -> None:
    improver.heat.add(0, np.array([pc] * samples, dtype=np.uint64))


def test_a_hot_place_gets_its_function_and_its_page_only_if_that_is_missed(bare: Bare) -> None:
    improver = improver_of(bare)
    assert LOOP in improver.improve(described(bare, LOOP))
    assert described(bare, LOOP).better
    for samples, made in ((PAGE_HEAT - 1, False), (1, True)):
        warm(improver, LOOP, samples)
        assert improver.improve(described(bare, LOOP)) == frozenset()
        assert improver.heat.hottest(1, ()) is None, "what was missed is heat of the page"
        assert bool(improver.improve_page()) == made
    assert improver.improve_page() == frozenset()


def test_a_page_waits_until_it_is_worth_more_than_any_function(bare: Bare) -> None:
    improver = improver_of(bare)
    version = described(bare, LOOP).version
    improver.missed[version.identity] = described(bare, LOOP)
    improver.heat.pages[version.identity] = 2 * PAGE_HEAT
    warm(improver, BASE + PAGE, 2 * PAGE_HEAT // PAGE_COST + 1)
    assert improver.improve_page() == frozenset()
    improver.heat.take(BASE + PAGE)
    assert improver.improve_page()


def test_a_function_that_only_pointers_lead_to_is_taken_from_its_start(bare: Bare) -> None:
    improver = improver_of(bare)
    assert improver.improve(described(bare, LOOP)) >= {BASE, LOOP}


def test_a_place_within_code_that_was_made_becomes_a_way_in_if_it_stays_hot(bare: Bare) -> None:
    improver = improver_of(bare)
    assert BEHIND in improver.improve(described(bare, LOOP))
    assert not described(bare, BEHIND).better
    warm(improver, BEHIND, 100)
    assert improver.improve(described(bare, BEHIND)) == frozenset()
    assert improver.heat.hottest(1, ()) is None
    assert BEHIND in improver.improve(described(bare, BEHIND))
    assert described(bare, BEHIND).better


def test_nothing_is_made_twice_of_the_same_blocks(bare: Bare) -> None:
    improver = improver_of(bare)
    place = described(bare, LOOP)
    version = place.version
    improver.missed[version.identity] = place
    improver.heat.pages[version.identity] = PAGE_HEAT
    assert improver.improve_page()
    improver.made.clear()
    written = bare.engine.llvm.arena.header["written"][0]
    assert improver.improve(described(bare, BEHIND)) == frozenset()
    improver.missed[version.identity] = place
    improver.heat.pages[version.identity] = PAGE_HEAT
    assert improver.improve_page() == frozenset()
    assert bare.engine.llvm.arena.header["written"][0] == written


def test_code_that_llvm_refuses_is_not_tried_again(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mttcg.engine.llvm.compile.LARGEST_TEXT", 1)
    improver = improver_of(bare)
    assert improver.improve(described(bare, LOOP)) == frozenset()
    monkeypatch.undo()
    assert improver.improve(described(bare, LOOP)) == frozenset()


def test_a_page_that_changes_all_the_time_has_to_be_much_hotter(bare: Bare) -> None:
    improver = improver_of(bare)
    bare.cache.slots["age"][bare.cache.used[0]] = MANY_VERSIONS
    for samples, made in ((PAGE_HEAT, False), (15 * PAGE_HEAT, True)):
        warm(improver, LOOP, samples)
        assert improver.improve(described(bare, LOOP)) == frozenset()
        assert bool(improver.improve_page()) == made


def test_when_code_was_reclaimed_it_can_be_made_again(bare: Bare) -> None:
    improver, arena = improver_of(bare), bare.engine.llvm.arena
    place = described(bare, LOOP)
    assert improver.improve(place)
    key = place.version.key(LOOP - BASE)
    while arena.find(key) is not None:
        arena.put(bytes(arena.most_bytes))
    assert improver.improve(place)
    assert arena.find(key) is not None


def test_alone_it_makes_nothing_that_a_run_before_has_kept(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    stored = []
    for _ in range(2):
        bare = make()
        improver = improver_of(bare, opened(folder))
        improver.described[False] = described(bare, LOOP)
        for pc in (LOOP, BEHIND):
            improver.improve_alone(pc)
        header = bare.engine.llvm.arena.header
        stored.append((int(header["stored"][0]), int(header["written"][0]) > 0))
        bare.close()
    assert stored == [(1, True), (0, False)]
    assert len(opened(folder).kept.identities) == 1
