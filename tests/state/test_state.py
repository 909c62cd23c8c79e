"""The fields of a vCPU's state: where they are, who writes them, what reading one gives."""

import itertools
from collections.abc import Iterator, Mapping

import pytest

from mttcg.isa.riscv64.state import OFFSET, Hart
from mttcg.option_values import SMP_MAX
from mttcg.state.vcpu_state import MOST_VCPUS, STATE_BYTES, VcpuState
from mttcg.state.words import StateField, WordField, fields_of, offsets_of
from mttcg.tbcache.layout import SLOT

APART = 128
"""Bytes between what different processes write: two cache lines, as processors fetch pairs."""
ARCHITECTURAL = range(1024)
"""Where an ISA's state has its registers."""


def wrong_places(fields: Mapping[str, StateField]) -> Iterator[str]:
    """What is wrong with where fields are."""
    ordered = sorted(fields.items(), key=lambda item: item[1].offset)
    for name, field in ordered:
        if field.offset % 8 or field.end > STATE_BYTES:
            yield f"{name} is no row of words of the state"
    for (before, one), (name, other) in itertools.pairwise(ordered):
        if other.offset < one.end:
            yield f"{name} overlaps {before}"
        elif one.shared != other.shared and other.offset - one.end < APART - 8:
            yield f"{name} and {before} share a line"


@pytest.mark.parametrize("kind", [VcpuState, Hart])
def test_fields_do_not_overlap_and_shared_ones_lie_apart(kind: type) -> None:
    assert list(wrong_places(fields_of(kind))) == []


class Overlapping(VcpuState):
    taken = WordField(1032)


class Crowded(VcpuState):
    line = WordField(1528)


class Beyond(VcpuState):
    last = WordField(4096)


class Skewed(VcpuState):
    odd = WordField(4)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Overlapping, "taken overlaps blocks"),
        (Crowded, "request and line share a line"),
        (Beyond, "last is no row of words of the state"),
        (Skewed, "odd is no row of words of the state"),
    ],
)
def test_a_wrong_place_is_found(kind: type, wrong: str) -> None:
    assert list(wrong_places(fields_of(kind))) == [wrong]


def test_registers_of_an_isa_and_counters_have_parts_of_their_own() -> None:
    own = offsets_of(VcpuState)
    assert {name for name, offset in own.items() if offset in ARCHITECTURAL} == {"pc"}
    architectural = {name: at for name, at in OFFSET.items() if name not in own}
    outside = {name for name, at in architectural.items() if at not in ARCHITECTURAL}
    assert outside == set()


def test_offsets_are_those_of_the_declarations() -> None:
    assert offsets_of(Hart) == OFFSET
    assert OFFSET.items() > offsets_of(VcpuState).items()
    places = {"x": 0, "f": 256, "pc": 512, "fcsr": 520, "reservation_value": 632}
    places |= {"instructions": 1024, "discarded": 1152, "request": 1536}
    places |= {"lines": 1792, "timer_deadline": 1920, "unsupported": 2048}
    assert {name: OFFSET[name] for name in places} == places


def test_a_field_is_read_and_written_at_its_place_in_its_own_state() -> None:
    memory = memoryview(bytearray(2 * STATE_BYTES))
    first, second = Hart(memory, 0), Hart(memory, 1)
    second.mstatus = -1
    second.x[31] = 7
    second.write_x(0, 5)
    words = memory.cast("Q")
    at = STATE_BYTES // 8
    assert words[at + OFFSET["mstatus"] // 8] == second.mstatus == (1 << 64) - 1
    assert words[at + 31] == second.x[31] == 7
    assert (first.mstatus, first.x[31], second.x[0]) == (0, 0, 0)
    assert len(second.x) == len(second.f) == 32
    assert (first.index, second.index) == (0, 1)


def test_as_many_vcpus_as_a_slot_of_the_block_cache_has_bits_for() -> None:
    assert SMP_MAX == MOST_VCPUS == 8 * SLOT["users"].itemsize
