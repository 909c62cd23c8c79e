"""What a vCPU reports as worth more effort: places first, whole pages where calls are frequent."""

from collections.abc import Iterator

import pytest
from engine_harness import PAGE, Bare, fill

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm.frame import (
    INSTRUCTIONS_PER_LOOK,
    LOOKS_PER_SAMPLE,
    Word,
)
from mttcg.engine.llvm.tiering import LATE_REPORTS, RARE_QUICK
from mttcg.engine.llvm.translate import PageVersion

BASE, CALLED = 0x8000_0000, 0x8000_1000
RETURN, ROUNDS, LEFT, LENGTH, FUNCTION = 1, 10, 12, 13, 15
ECALL, RETURNS, LOAD_FROM_ZERO = 0x0000_0073, 0x0000_8067, 0x0000_2283


@pytest.fixture
def bare() -> Iterator[Bare]:
    made = Bare("llvm", BASE, 2 * PAGE)
    yield made
    made.close()


def add(target: int, source: int, value: int) -> int:
    """Encode addi."""
    return (value & 0xFFF) << 20 | source << 15 | target << 7 | 0x13


def back_unless_zero(register: int, distance: int) -> int:
    """Encode bne to x0, by a negative distance."""
    upper = (distance >> 12 & 1) << 31 | (distance >> 5 & 0x3F) << 25
    lower = (distance >> 1 & 0xF) << 8 | (distance >> 11 & 1) << 7
    return upper | register << 15 | 1 << 12 | lower | 0x63


PROGRAM = [
    FUNCTION << 15 | RETURN << 7 | 0x67,  # jalr
    add(LEFT, LENGTH, 0),
    add(LEFT, LEFT, -1),
    back_unless_zero(LEFT, -4),
    add(ROUNDS, ROUNDS, -1),
    back_unless_zero(ROUNDS, -20),
    ECALL,
]


@pytest.fixture
def asked(bare: Bare) -> list[int | None]:
    """The places for which better code was asked, None for a page; it is made at once."""
    places: list[int | None] = []

    def improve(version: PageVersion, place: int | None) -> bool:
        places.append(place)
        bare.engine.llvm.translator.optimise(version, place)
        bare.engine.llvm.jumps.clear()
        return True

    bare.engine.llvm.tiering.improve = improve
    return places


def run(bare: Bare, rounds: int, length: int) -> None:
    """Run the program."""
    fill([(BASE + 4 * at, word) for at, word in enumerate(PROGRAM)], bare.write)
    fill([(CALLED, RETURNS)], bare.write)
    x = [0] * 32
    x[ROUNDS], x[LENGTH], x[FUNCTION] = rounds, length, CALLED
    bare.set_registers(x, [0] * 32, 0)
    list(bare.run_to_trap(BASE))


@pytest.mark.parametrize("share, whole", [(2, True), (2 * RARE_QUICK, False)])
def test_a_page_gets_better_code_only_where_quick_code_runs_often(
    bare: Bare, asked: list[int | None], share: int, whole: bool
) -> None:
    run(bare, rounds=1, length=1)
    tiering = bare.engine.llvm.tiering
    tiering.improve(tiering.code.version(0, bare.cache.used[0]), 0)
    for _ in range(1 + LATE_REPORTS):  # at the first it was not met yet
        assert asked == [0]
        bare.engine.llvm.frame[Word.HEAT] = 0
        bare.hart.instructions += share * LOOKS_PER_SAMPLE * INSTRUCTIONS_PER_LOOK
        tiering.sample(BASE)
    assert asked == ([0, None] if whole else [0])


class OneWord:
    """A board with one device, of one word that is 0."""

    name = "word"

    def find(self, address: int, _size: int) -> "tuple[OneWord, int] | None":
        """The device, wherever there is no RAM."""
        return None if address >= BASE else (self, 0)

    def read(self, _offset: int, _size: int) -> int:
        """Its word."""
        return 0


def test_where_a_block_goes_on_nothing_is_reported_and_no_other_begins() -> None:
    """The first instruction reads a device; behind it the next look, and a report, are due."""
    bare = Bare("llvm", BASE, 4 * PAGE, devices=OneWord())
    words = (LOAD_FROM_ZERO, add(6, 6, 1), add(6, 6, 1), ECALL)
    fill([(BASE + 4 * number, word) for number, word in enumerate(words)], bare.write)
    frame, reports = bare.engine.llvm.frame, []
    bare.engine.llvm.tiering.sample = reports.append
    for left in bare.run_to_trap(BASE):
        if left.kind is ExitKind.ACCESS:
            frame[Word.HEAT], frame[Word.SINCE] = 1, 0  # the next look is due, and a report
    assert reports == []
    assert (bare.hart.instructions, bare.hart.blocks) == (3, 1)
    bare.close()
