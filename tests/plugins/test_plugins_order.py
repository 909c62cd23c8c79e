"""Happens-before: sequences whose right answer is known, and any others against plain sets."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_reference import ALL, BASE, INTERPROCESSOR, READS, SIZE, WRITES, Pair, Program, Reference

from mttcg.instrument.events import ACQUIRE, FAILED, FENCE, KIND, RELEASE, TIMED_ACCESS, WRITE
from mttcg_plugins._order import history, merging
from mttcg_plugins._order.history import CELLS, History
from mttcg_plugins._order.merging import SYNC, InTimeOrder

DATA, LOCK, OTHER_LOCK = 0x100, 0x200, 0x300
FIRST, BOTH = 1, 3
"""In the third place of a pair: the first stored; both did."""


def merged(program: Program, smp: int) -> "np.ndarray[Any, Any]":
    """The records as the plugin has them: of each vCPU apart, then in the order of time."""
    order, records = InTimeOrder(smp, 0), program.records()
    found = [order.add(cpu, records[records["cpu"] == cpu]) for cpu in range(smp)]
    assert order.late == 0
    return np.concatenate([*found, order.finish()])


def pairs_of(followed: History) -> set[Pair]:
    assert followed.unlisted == 0
    return {(int(r["first"]), int(r["second"]), int(r["how"])) for r in followed.found()}


def races(program: Program, smp: int = 2) -> set[Pair]:
    followed = History(smp, BASE, SIZE, INTERPROCESSOR)
    followed.add(merged(program, smp))
    return pairs_of(followed)


def test_without_an_edge_two_accesses_race_if_one_stores() -> None:
    program = Program()
    stored, read = program.store(0, DATA), program.load(1, DATA)
    program.load(0, DATA + 8)
    program.load(1, DATA + 8)
    assert races(program) == {(stored, read, FIRST)}


def test_bytes_that_do_not_touch_do_not_race() -> None:
    program = Program()
    low, high = program.store(0, DATA, 4), program.store(1, DATA + 4, 4)
    assert races(program) == set()
    across = program.store(1, DATA - 2, 4)
    assert races(program) == {(low, across, BOTH)} and high


@pytest.mark.parametrize("released", [0, RELEASE])
@pytest.mark.parametrize("acquired", [0, ACQUIRE])
def test_an_amo_orders_if_it_releases_and_the_other_acquires(released: int, acquired: int) -> None:
    program = Program()
    stored = program.store(0, DATA)
    program.amo(0, LOCK, released)
    program.amo(1, LOCK, acquired)
    read = program.load(1, DATA)
    assert races(program) == (set() if released and acquired else {(stored, read, FIRST)})


def test_an_acquire_before_the_release_orders_nothing() -> None:
    program = Program()
    program.amo(1, LOCK, ACQUIRE)
    stored = program.store(0, DATA)
    program.amo(0, LOCK, RELEASE)
    assert races(program) == set()
    read = program.load(1, DATA)
    assert races(program) == {(stored, read, FIRST)}


def test_what_comes_after_a_release_is_not_released() -> None:
    program = Program()
    program.amo(0, LOCK, RELEASE)
    stored = program.store(0, DATA)
    program.amo(1, LOCK, ACQUIRE)
    read = program.load(1, DATA)
    assert races(program) == {(stored, read, FIRST)}


def test_a_lock_orders_only_those_who_take_the_same() -> None:
    program = Program()
    stored = program.store(0, DATA)
    program.amo(0, LOCK, RELEASE)
    program.amo(1, OTHER_LOCK, ACQUIRE)
    read = program.load(1, DATA)
    assert races(program) == {(stored, read, FIRST)}


def test_a_chain_of_three_vcpus_is_transitive() -> None:
    program = Program()
    program.store(0, DATA)
    program.amo(0, LOCK, RELEASE)
    program.amo(1, LOCK, ACQUIRE)
    program.amo(1, OTHER_LOCK, RELEASE)
    program.amo(2, OTHER_LOCK, ACQUIRE)
    program.store(2, DATA)
    assert races(program, smp=3) == set()


@pytest.mark.parametrize("last", [0, 1])
def test_a_chain_with_a_link_missing_is_none(last: int) -> None:
    program = Program()
    stored = program.store(0, DATA)
    program.amo(0, LOCK, RELEASE)
    program.amo(1, LOCK, ACQUIRE if last else 0)
    program.amo(1, OTHER_LOCK, 0 if last else RELEASE)
    program.amo(2, OTHER_LOCK, ACQUIRE)
    read = program.load(2, DATA)
    assert races(program, smp=3) == {(stored, read, FIRST)}


def test_a_release_by_one_is_acquired_by_all() -> None:
    program = Program()
    program.store(0, DATA)
    program.amo(0, LOCK, RELEASE)
    for cpu in (1, 2):
        program.amo(cpu, LOCK, ACQUIRE)
        program.load(cpu, DATA)
    assert races(program, smp=3) == set()


def fenced_message(before_store: tuple[int, int] | None, after_load: tuple[int, int] | None) -> Any:
    """Message passing by a flag: the data is stored, then the flag; the other reads them."""
    program = Program()
    stored = program.store(0, DATA)
    if before_store is not None:
        program.fence(0, *before_store)
    flag = program.store(0, LOCK)
    seen = program.load(1, LOCK)
    if after_load is not None:
        program.fence(1, *after_load)
    return races(program), (stored, program.load(1, DATA), FIRST), (flag, seen, FIRST), program


@pytest.mark.parametrize("before_store", [(ALL, ALL), (WRITES, WRITES), (ALL, WRITES)])
@pytest.mark.parametrize("after_load", [(ALL, ALL), (READS, READS), (READS, ALL)])
def test_fences_order_a_message(before_store: tuple[int, int], after_load: tuple[int, int]) -> None:
    _, _, _, program = fenced_message(before_store, after_load)
    assert races(program) == set()


@pytest.mark.parametrize(
    ("before_store", "after_load", "flag_races"),
    [
        (None, (ALL, ALL), True),
        ((ALL, ALL), None, False),
        ((ALL, READS), (ALL, ALL), True),
        ((ALL, ALL), (WRITES, ALL), False),
    ],
)
def test_a_message_without_one_of_its_fences_races(
    before_store: tuple[int, int] | None, after_load: tuple[int, int] | None, flag_races: bool
) -> None:
    _, data, flag, program = fenced_message(before_store, after_load)
    assert races(program) == {data, *([flag] if flag_races else [])}


def test_an_lr_and_sc_lock_orders_what_is_under_it() -> None:
    program = Program()
    for cpu in (0, 1, 0):
        program.reserve(cpu, LOCK, ACQUIRE)
        program.conditional(cpu, LOCK)
        program.load(cpu, DATA)
        program.store(cpu, DATA)
        program.fence(cpu, ALL, WRITES)
        program.store(cpu, LOCK)
    assert races(program) == set()


def test_a_lock_with_fences_only_orders_what_is_under_it() -> None:
    program = Program()
    for cpu in (0, 1, 0):
        program.reserve(cpu, LOCK)
        program.conditional(cpu, LOCK)
        program.fence(cpu, READS, ALL)
        program.store(cpu, DATA)
        program.fence(cpu, ALL, WRITES)
        program.store(cpu, LOCK)
    assert races(program) == set()


@pytest.mark.parametrize("failed", [False, True])
def test_an_sc_releases_unless_it_fails(failed: bool) -> None:
    program = Program()
    stored = program.store(0, DATA)
    program.reserve(0, LOCK)
    program.conditional(0, LOCK, RELEASE | (FAILED if failed else WRITE))
    program.reserve(1, LOCK, ACQUIRE)
    read = program.load(1, DATA)
    assert races(program) == ({(stored, read, FIRST)} if failed else set())


def test_a_software_interrupt_orders_sender_and_receiver_but_no_third() -> None:
    program = Program()
    stored = program.store(0, DATA)
    program.send(0, 1)
    program.interrupt(1)
    program.load(1, DATA)
    program.interrupt(2)
    read = program.load(2, DATA)
    assert races(program, smp=3) == {(stored, read, FIRST)}


def test_a_load_does_not_stand_for_a_store() -> None:
    program = Program()
    stored = program.store(0, DATA)
    program.load(0, DATA)
    assert races(program) == set()
    read = program.load(1, DATA)
    assert races(program) == {(stored, read, FIRST)}


def test_every_vcpus_last_access_is_known_however_many_meet() -> None:
    program = Program()
    loads = [program.load(cpu, DATA) for cpu in range(12)]
    stored = program.store(12, DATA)
    assert races(program, smp=13) == {(load, stored, 2) for load in loads}


def test_a_fence_takes_up_what_was_read_long_before() -> None:
    program = Program()
    program.store(0, DATA)
    program.amo(0, LOCK, RELEASE)
    program.load(1, LOCK)
    for place in range(history.RECENT + 1):
        program.load(1, 0x1000 + 8 * place)
    program.fence(1)
    program.load(1, DATA)
    assert races(program) == set()


def test_there_is_room_for_as_many_words_as_are_touched() -> None:
    count = 3 * CELLS
    records = np.zeros((2, count), dtype=TIMED_ACCESS)
    records["address"] = BASE + 8 * np.arange(count)
    records["size"], records["pc"] = 8, [[1], [2]]
    records["cpu"], records["how"] = [[0], [1]], [[WRITE], [0]]
    followed = History(2, BASE, 16 * count, INTERPROCESSOR)
    for part in records:
        followed.add(part)
    assert followed.found().tolist() == [(1, 2, BASE, count, FIRST)]


def test_pairs_that_there_is_no_room_for_are_counted() -> None:
    records = np.zeros(history.RACES + 6, dtype=TIMED_ACCESS)
    records["address"], records["size"], records["pc"] = BASE, 8, np.arange(len(records))
    records["cpu"][1:], records["how"][0] = 1, WRITE
    followed = History(2, BASE, SIZE, INTERPROCESSOR)
    followed.add(records)
    assert (len(followed.found()), followed.unlisted) == (history.RACES, 5)


Step = Callable[[Program], object]
CPUS = st.integers(0, 3)
PLACES = st.integers(0, 9)
SIZES = st.sampled_from((1, 2, 4, 8))
WORDS = st.sampled_from((0, 8, 64))
ORDERS = st.sampled_from((0, ACQUIRE, RELEASE, ACQUIRE | RELEASE))
SETS = st.sampled_from((READS, WRITES, ALL))


def steps(name: str, *arguments: st.SearchStrategy[int]) -> st.SearchStrategy[Step]:
    def step(values: tuple[int, ...]) -> Step:
        return lambda program: getattr(program, name)(*values)

    return st.tuples(CPUS, *arguments).map(step)


PROGRAMS = st.lists(
    st.one_of(
        steps("load", PLACES, SIZES),
        steps("store", PLACES, SIZES),
        steps("store", WORDS),
        steps("load", WORDS),
        steps("fence", SETS, SETS),
        steps("amo", st.sampled_from((64, 72)), ORDERS),
        steps("reserve", st.just(64), ORDERS),
        steps("conditional", st.just(64), ORDERS.map(lambda order: order | WRITE)),
        steps("conditional", st.just(64), st.just(FAILED | RELEASE)),
        steps("send", CPUS),
        steps("interrupt"),
    ),
    min_size=10,
    max_size=60,
)


def written(made: list[Step]) -> Program:
    program = Program()
    for step in made:
        step(program)
    return program


@settings(deadline=None, max_examples=300)
@given(PROGRAMS, st.integers(0, 60))
def test_any_sequence_has_the_races_that_plain_sets_have(made: list[Step], split: int) -> None:
    records = merged(written(made), smp=4)
    followed, reference = History(4, BASE, SIZE, INTERPROCESSOR), Reference(records)
    followed.add(records[:split])
    followed.add(records[split:])
    found = pairs_of(followed)
    assert found <= reference.pairs
    for first, second, how in reference.pairs:  # itself, or a later one that stands for it
        assert any(
            second == other
            and (first == by or first in reference.before[by])
            and how & 2 == kind & 2
            for by, other, kind in found
        )


@settings(deadline=None, max_examples=200)
@given(
    PROGRAMS,
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(1, 200),
    st.integers(2, 30),
)
def test_merged_records_are_each_vcpus_and_in_order_but_for_the_late(
    made: list[Step], sizes: list[int], window: int, most: int
) -> None:
    records = written(made).records()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "CHUNK", 1)
        patch.setattr(merging, "MOST", most)
        order = InTimeOrder(4, 4 * window)
        found = [order.add(cpu, part) for cpu, part in batches(records, sizes)]
        out = np.concatenate([*found, order.finish()])
    assert order.late == np.count_nonzero(out["time"] < np.maximum.accumulate(out["time"]))
    for cpu in range(4):
        mine = out[out["cpu"] == cpu]
        assert mine.tolist() == expected(records[records["cpu"] == cpu])


def batches(records: "np.ndarray[Any, Any]", sizes: list[int]) -> list[tuple[int, Any]]:
    """Each vCPU's records in batches of some sizes, those of all vCPUs in turn."""
    found = []
    for cpu in range(4):
        own, at, turn = records[records["cpu"] == cpu], 0, 0
        while at < len(own):
            size = sizes[turn % len(sizes)]
            found.append((turn, cpu, own[at : at + size]))
            at, turn = at + size, turn + 1
    return [(cpu, part) for _, cpu, part in sorted(found, key=lambda one: one[:2])]


def expected(records: "np.ndarray[Any, Any]") -> list[Any]:
    """One vCPU's records with their times and SYNC, an AMO's store before its load."""
    rows = [dict(zip(TIMED_ACCESS.names or (), row, strict=True)) for row in records.tolist()]
    marked = [row | {"how": row["how"] | SYNC * is_sync(rows, n)} for n, row in enumerate(rows)]
    for n, (row, after) in enumerate(pairwise(list(marked))):
        if row["how"] & (KIND | WRITE) == merging.AMO:
            marked[n : n + 2] = after, row
    latest = 0
    for row in marked:
        reads = row["how"] & KIND in (merging.AMO, merging.LOAD_RESERVED) and not row["how"] & WRITE
        latest = row["time"] = max(latest, row["time"] + row["ticks"] * reads)
    return [tuple(row.values()) for row in marked]


def is_sync(rows: list[Any], n: int) -> bool:
    """Whether a plain access is a release or an acquire by its neighbours."""
    row = rows[n]
    if row["how"] & KIND:
        return False
    if row["how"] & WRITE:
        before = rows[n - 1] if n else None
        return bool(before and before["how"] & KIND == FENCE and before["value"] & WRITES)
    after = rows[n + 1] if n + 1 < len(rows) else None
    if after is None:
        return False
    if after["how"] & KIND == FENCE:
        return bool(after["value"] >> 4 & READS)
    same = (after["pc"], after["address"]) == (row["pc"], row["address"])
    return same and not after["how"] & (KIND | WRITE)
