"""locks: waits, failures and hands of a guest whose locks are held until others want them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_runs import replay, run

from mttcg.instrument import events
from mttcg.instrument.events import AMO, FAILED, FENCE, LOAD_RESERVED, STORE_CONDITIONAL, WRITE
from mttcg_bus import RunInfo
from mttcg_plugins import locks

ROUNDS = 10
BASE = 0x8000_0000
SECOND = 1_000_000
RUN = RunInfo("run", "a.elf", 4, "llvm", BASE, 1 << 20, BASE, ((BASE, 8, "lock"),), (), SECOND)
LOCKS = {"swap_locks", "reservation_locks"}
LOCK, OTHER, DEVICE = BASE, BASE + 64, 0x1000_0000
SC_DONE, SC_FAILED = STORE_CONDITIONAL | WRITE, STORE_CONDITIONAL | FAILED
Step = tuple[int, int, int, int]
"""pc, address, how, value."""


def rows(report: Any, table: str) -> Any:
    """The rows of the guest's locks, by symbol; harts' own ones have an offset."""
    name = "symbol" if table == "locks" else "lock"
    return [row for row in report[table] if row[name].partition("+")[0] in LOCKS]


def test_locks_of_one_s_own_are_clean() -> None:
    report = run("locks", "locks,top=0", rounds=ROUNDS, fault=0)
    assert rows(report, "locks") == rows(report, "places") == []


def test_the_same_lock_is_waited_for_by_those_who_come_late(tmp_path: Path) -> None:
    recording = tmp_path / "locks.rec"
    report = run("locks", "locks,top=0", rounds=ROUNDS, fault=1, record=recording)
    found = {row["symbol"]: row for row in rows(report, "locks")}
    assert found.keys() == LOCKS
    assert found["swap_locks"]["atomics"] == 2 * 2 * ROUNDS  # taken and given back, by both
    assert found["reservation_locks"]["atomics"] == 2 * ROUNDS
    waiting = [row for row in rows(report, "places") if row["waits"]]
    assert {row["cpu"] for row in waiting} == {1}
    for row in found.values():
        # a host that is busy may let the other hart come so late that it needn't wait
        assert 0 < row["waits"] <= ROUNDS
        assert row["looks"] >= 2 * row["waits"]
        assert 0 < row["longest_us"] <= row["waited_us"]
    assert replay(recording, "locks,top=0") == report


def test_shards_find_what_one_finds(tmp_path: Path) -> None:
    recording = tmp_path / "locks.rec"
    report = run("locks", "locks", rounds=3, fault=1, shards=2, record=recording)
    assert replay(recording, "locks") == report


def records_of(steps: list[Step]) -> Any:
    """One step each 10 ticks, each atomic for 4 of them."""
    found = np.zeros(len(steps), events.TIMED_ACCESS)
    for number, (pc, address, how, value) in enumerate(steps):
        found[number]["pc"], found[number]["address"], found[number]["how"] = pc, address, how
        found[number]["value"], found[number]["size"] = value, 4
        found[number]["time"], found[number]["ticks"] = 10 * number, 4 if how & 6 else 0
    return found


def fed(steps: list[Step], batch: int = 1000) -> Any:
    aggregator = locks.Aggregator(locks.Options(top=0), RUN)
    found = records_of(steps)
    for start in range(0, len(found), batch):
        aggregator.consume("access", 1, found[start : start + batch])
    report = aggregator.report()
    assert report == aggregator.report()
    return report


def at(report: Any, address: int = LOCK) -> Any:
    [row] = [row for row in report["locks"] if row["address"] == hex(address)]
    names = ("atomics", "failed", "taken", "waits", "looks", "waited_us")
    return tuple(row[name] for name in names)


TEST_AND_SET: list[Step] = [
    (2, LOCK, AMO, 1), (2, LOCK, AMO | WRITE, 1),
    (2, LOCK, AMO, 1), (2, LOCK, AMO | WRITE, 1),
    (2, LOCK, AMO, 0), (2, LOCK, AMO | WRITE, 1),
    (3, OTHER, WRITE, 5),
]  # fmt: skip
POLLED: list[Step] = [
    (2, LOCK, 0, 1), (4, 0, FENCE, 0x23), (2, LOCK, 0, 1), (2, LOCK, 0, 0),
    (6, LOCK, AMO, 0), (6, LOCK, AMO | WRITE, 1),
    (3, OTHER, WRITE, 5),
]  # fmt: skip
RESERVED: list[Step] = [
    (2, LOCK, LOAD_RESERVED, 0), (4, LOCK, SC_FAILED, 1),
    (2, LOCK, LOAD_RESERVED, 1),
    (2, LOCK, LOAD_RESERVED, 0), (4, LOCK, SC_DONE, 1),
    (3, OTHER, 0, 5),
]  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # the store of the AMO that finds it taken at 10, the one that takes it at 50 for 4
        (TEST_AND_SET, (1, 0, 2, 1, 2, 44)),
        (POLLED, (1, 0, 0, 1, 3, 54)),
        (RESERVED, (1, 1, 0, 1, 4, 44)),
    ],
    ids=["test_and_set", "polled", "reserved"],
)
def test_a_spin_lock_is_waited_for(
    steps: list[Step], expected: tuple[int, ...], batch: int
) -> None:
    assert at(fed(steps, batch)) == expected


def test_a_wait_that_has_not_ended_counts() -> None:
    assert at(fed([(2, LOCK, 0, 1)] * 5))[3:] == (1, 5, 40)


def test_a_device_between_the_looks_is_part_of_the_wait() -> None:
    report = fed([(2, LOCK, 0, 1), (8, DEVICE, 0, 0)] * 3)
    assert at(report)[3:] == (1, 3, 40)
    assert report["addresses"] == 1


@pytest.mark.parametrize(
    "steps",
    [
        [(2, LOCK, 0, 1), (4, LOCK, 0, 1)],
        [(2, LOCK, 0, 1), (4, OTHER, 0, 1)] * 3,
        [(2, LOCK, LOAD_RESERVED, 0), (4, LOCK, SC_DONE, 0)] * 3,
        [(2, LOCK, AMO, 0), (2, LOCK, AMO | WRITE, 0)] * 3,
        [(2, LOCK, WRITE, 1)] * 3,
    ],
    ids=["read_twice", "two_places", "free", "zero", "stores"],
)
def test_what_is_no_loop_of_looks_is_no_wait(steps: list[Step]) -> None:
    assert fed(steps)["locks"] == []


def test_what_others_left_is_told_from_one_s_own() -> None:
    mine: list[Step] = [(2, LOCK, AMO, 0), (2, LOCK, AMO | WRITE, 1), (6, LOCK, WRITE, 0)]
    assert fed(mine * 3)["contended"] == 0
    theirs: list[Step] = [*mine, (2, LOCK, AMO, 7), (2, LOCK, AMO | WRITE, 8)]
    [row] = fed(theirs)["locks"]
    assert row["changed"] == 1


def test_many_places_are_kept_apart() -> None:
    steps: list[Step] = []
    for number in range(3000):
        steps += [(2 + number % 7, BASE + 8 * number, 0, 1)] * (2 + number % 2)
    report = fed(steps, 700)
    assert report["contended"] == 3000
    assert [at(report, BASE + 8 * number)[4] for number in (0, 1, 2999)] == [2, 3, 3]
