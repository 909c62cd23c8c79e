"""Timed records: the same accesses as without times, what atomics and fences are, and the clock."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from instrument_harness import GUESTS, plugin, run_guest

from mttcg.guest.elf import load_guest
from mttcg.guest.image import GuestImage
from mttcg.hardware.boards.riscv_virt import RAM_BASE
from mttcg.instrument.events import (
    ACQUIRE,
    AMO,
    FAILED,
    FENCE,
    KIND,
    LOAD_RESERVED,
    RELEASE,
    STORE_CONDITIONAL,
    WRITE,
)

MEMORY = 128 << 20
AMO_BOTH = [AMO, AMO | WRITE]
AREA = "area"
EXPECTED: list[tuple[str, str | int, int, list[int], list[int]]] = [
    # label of the instruction, place, bytes, values, how of the one record or the two
    ("plain_store", AREA, 8, [5], [WRITE]),
    ("plain_load", AREA, 4, [5], [0]),
    ("fence_full", 0, 0, [0x33], [FENCE]),
    ("fence_release", 0, 0, [0x31], [FENCE]),
    ("fence_acquire", 0, 0, [0x23], [FENCE]),
    ("fence_total", 0, 0, [0x833], [FENCE]),
    ("fence_device", 0, 0, [0xFF], [FENCE]),
    ("amo_plain", AREA, 4, [5, 10], AMO_BOTH),
    ("amo_acquire", AREA, 8, [10, (1 << 64) - 2], [how | ACQUIRE for how in AMO_BOTH]),
    ("amo_release", AREA, 4, [0xFFFF_FFFE, 0xFFFF_FFFF], [how | RELEASE for how in AMO_BOTH]),
    (
        "amo_both",
        AREA,
        8,
        [(1 << 64) - 1, (1 << 64) - 1],
        [how | ACQUIRE | RELEASE for how in AMO_BOTH],
    ),
    ("reserve", AREA, 4, [0xFFFF_FFFF], [LOAD_RESERVED]),
    ("conditional", AREA, 4, [5], [STORE_CONDITIONAL | WRITE]),
    ("reserve_acquire", AREA, 8, [0xFFFF_FFFF_0000_0005], [LOAD_RESERVED | ACQUIRE]),
    ("conditional_release", AREA, 8, [(1 << 64) - 2], [STORE_CONDITIONAL | RELEASE | WRITE]),
    ("fail_unreserved", AREA, 4, [0xFFFF_FFFE], [STORE_CONDITIONAL | FAILED]),
    ("reserve_elsewhere", AREA, 4, [0], [LOAD_RESERVED | ACQUIRE | RELEASE]),
    ("fail_elsewhere", AREA, 8, [5], [STORE_CONDITIONAL | RELEASE | FAILED]),
    ("finish", 0x10_0000, 4, [0x5555], [WRITE]),
]
ATOMIC = (LOAD_RESERVED, STORE_CONDITIONAL, AMO)
PC, ADDRESS, VALUE, TIME, CPU, SIZE, HOW, TICKS = range(8)


@pytest.fixture(scope="module")
def image(own_guests: dict[str, Path]) -> GuestImage:
    return load_guest(own_guests["ordered"], RAM_BASE, MEMORY)


@pytest.fixture(scope="module", params=["no", "yes"], ids=["native", "beside_python"])
def report(request: pytest.FixtureRequest, own_guests: dict[str, Path]) -> Any:
    done = run_guest(own_guests["ordered"], plugin("timed", mixed=request.param), smp=2)
    assert done.in_order, done.result.failures
    return done.report("timed")


def test_atomics_and_fences_say_what_they_are(report: Any, image: GuestImage) -> None:
    expected = []
    for label, base, size, values, hows in EXPECTED:
        place = base if isinstance(base, int) else image.symbol(base)
        place += 64 * (label == "reserve_elsewhere")
        expected += [
            (label, place, size, value, how) for value, how in zip(values, hows, strict=True)
        ]
    names = {symbol.address: symbol.name for symbol in image.symbols}
    found = [(names.get(r[PC]), r[ADDRESS], r[SIZE], r[VALUE], r[HOW]) for r in report["timed0"]]
    assert found == expected
    assert {record[CPU] for record in report["timed0"]} == {0}


def test_accesses_are_those_without_times(report: Any) -> None:
    plain = [
        (r[PC], r[ADDRESS], r[VALUE], r[CPU], r[SIZE], r[HOW] & WRITE)
        for r in report["timed0"]
        if r[HOW] & KIND != FENCE and not r[HOW] & FAILED
    ]
    assert plain == [tuple(record[:6]) for record in report["access0"]]


def test_times_do_not_go_back_and_only_atomics_last(report: Any) -> None:
    times = [record[1] for record in report["code0"]]
    assert times == sorted(times)
    records = report["timed0"]
    assert [r[TIME] for r in records] == sorted(r[TIME] for r in records)
    for record in records:
        assert (record[TICKS] > 0) == (record[HOW] & KIND in ATOMIC)
    first, last = report["moments0"]
    assert first[0] < records[0][TIME]
    assert records[-1][TIME] < last[0]


def test_one_stream_has_blocks_and_their_instructions(report: Any) -> None:
    left = 0
    for pc, _time, instructions, _cpu in report["code0"]:
        if instructions:
            assert left == 0
            left = instructions
        else:
            left -= 1
        assert pc >= RAM_BASE
    assert left == 1  # the wfi behind what ends the guest


def test_the_rate_is_that_of_the_host_s_time(report: Any) -> None:
    (ticks, nanoseconds), (later_ticks, later_nanoseconds) = report["moments0"]
    seconds = (later_nanoseconds - nanoseconds) / 1e9
    assert (later_ticks - ticks) / report["ticks_per_second"] == pytest.approx(seconds, 0.01, 1e-3)


def test_an_amo_is_over_after_the_one_it_read_from_began() -> None:
    symbols = {"rounds": 300, "harts_expected": 2}
    done = run_guest("counter", plugin("timed"), smp=2, symbols=symbols)
    assert done.in_order
    total = load_guest(GUESTS / "counter.elf", RAM_BASE, MEMORY).symbol("shared")
    both = [*done.report("timed")["timed0"], *done.report("timed")["timed1"]]
    reads = sorted(
        (r for r in both if r[ADDRESS] == total and r[HOW] & (KIND | WRITE) == AMO),
        key=lambda record: int(record[VALUE]),
    )
    assert [record[VALUE] for record in reads] == list(range(600))
    for before, after in pairwise(reads):
        assert after[TIME] + after[TICKS] > before[TIME]


def test_a_stream_attached_at_many_places_has_all_of_them() -> None:
    done = run_guest("mix", plugin("at_places"), symbols={"rounds": 1, "harts_expected": 1})
    assert done.in_order, done.result.failures
    report = done.report("at_places")
    assert report["recorded"] == report["counted"]
    assert len(report["counted"]) > 10
