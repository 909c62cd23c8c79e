import pytest
from hypothesis import given
from hypothesis import strategies as st

from mttcg.hardware.interrupts.clint import MSIP, MTIME, MTIMECMP, Clint

ALL_ONES = (1 << 64) - 1


class Harts:
    """The lines and timers of some harts, and their clock."""

    def __init__(self, count: int = 3) -> None:
        self.software = [0] * count
        self.compare = [ALL_ONES] * count
        self.now = 0
        self.software_writes: list[int] = []

    def time(self) -> int:
        return self.now

    def set_time(self, ticks: int) -> None:
        self.now = ticks


class SoftwareLine:
    def __init__(self, harts: Harts, hart: int) -> None:
        self.harts, self.hart = harts, hart

    @property
    def high(self) -> bool:
        return self.harts.software[self.hart] != 0

    def raise_(self) -> None:
        self._write(1)

    def lower(self) -> None:
        self._write(0)

    def _write(self, value: int) -> None:
        self.harts.software_writes.append(self.hart)
        self.harts.software[self.hart] = value


class Timer:
    def __init__(self, harts: Harts, hart: int) -> None:
        self.harts, self.hart = harts, hart

    def read(self) -> int:
        return self.harts.compare[self.hart]

    def set(self, ticks: int) -> None:
        self.harts.compare[self.hart] = ticks


@pytest.fixture
def harts() -> Harts:
    return Harts()


def clint_of(harts: Harts) -> Clint:
    count = range(len(harts.software))
    software = [SoftwareLine(harts, hart) for hart in count]
    return Clint(software, [Timer(harts, hart) for hart in count], harts)


@pytest.fixture
def clint(harts: Harts) -> Clint:
    return clint_of(harts)


def test_msip_of_one_hart_is_set_and_cleared_alone(clint: Clint, harts: Harts) -> None:
    clint.write(MSIP + 4, 4, 1)
    assert harts.software == [0, 1, 0]
    assert [clint.read(MSIP + 4 * hart, 4) for hart in range(3)] == [0, 1, 0]
    clint.write(MSIP + 4, 4, 0)
    assert harts.software == [0, 0, 0]
    assert harts.software_writes == [1, 1]


def test_only_bit_0_of_msip_exists(clint: Clint, harts: Harts) -> None:
    clint.write(MSIP, 4, 0xFFFF_FFFE)
    assert harts.software == [0, 0, 0]
    clint.write(MSIP, 4, 0xFFFF_FFFF)
    assert clint.read(MSIP, 4) == 1


def test_eight_bytes_of_msip_are_two_harts(clint: Clint, harts: Harts) -> None:
    clint.write(MSIP, 8, 1 << 32)
    assert harts.software == [0, 1, 0]
    assert clint.read(MSIP, 8) == 1 << 32
    clint.write(MSIP + 8, 8, 1 << 32 | 1)
    assert harts.software == [0, 1, 1]


def test_a_byte_of_msip_reaches_bit_0_only_at_its_first(clint: Clint, harts: Harts) -> None:
    clint.write(MSIP + 5, 1, 1)
    assert harts.software_writes == []
    clint.write(MSIP + 4, 1, 1)
    assert harts.software == [0, 1, 0]


def test_mtimecmp_is_written_whole_and_by_halves(clint: Clint, harts: Harts) -> None:
    clint.write(MTIMECMP + 8, 8, 0x1122_3344_5566_7788)
    assert harts.compare == [ALL_ONES, 0x1122_3344_5566_7788, ALL_ONES]
    clint.write(MTIMECMP + 12, 4, 0xAABB_CCDD)
    clint.write(MTIMECMP + 8, 4, 0x0102_0304)
    assert clint.read(MTIMECMP + 8, 8) == 0xAABB_CCDD_0102_0304
    assert clint.read(MTIMECMP + 8, 4) == 0x0102_0304
    assert clint.read(MTIMECMP + 12, 4) == 0xAABB_CCDD


def test_mtime_is_read_and_written_whole_and_by_halves(clint: Clint, harts: Harts) -> None:
    harts.now = 0x1_0000_0002
    assert clint.read(MTIME, 8) == 0x1_0000_0002
    assert (clint.read(MTIME, 4), clint.read(MTIME + 4, 4)) == (2, 1)
    clint.write(MTIME + 4, 4, 7)
    assert harts.now == 0x7_0000_0002
    clint.write(MTIME, 8, 5)
    assert harts.now == 5


@pytest.mark.parametrize("offset", [MSIP + 12, MSIP + 0x3FFC, MTIMECMP + 24, 0xC000, 0xFFF8])
def test_harts_that_are_not_there_and_gaps_read_as_zero(
    clint: Clint, harts: Harts, offset: int
) -> None:
    clint.write(offset, 4, 0xFFFF_FFFF)
    assert clint.read(offset, 4) == 0
    assert harts.software == [0, 0, 0]
    assert harts.compare == [ALL_ONES] * 3
    assert harts.now == 0


@given(
    offset=st.integers(0, Clint.size - 8),
    size=st.sampled_from((1, 2, 4, 8)),
    value=st.integers(0, ALL_ONES),
)
def test_any_access_is_taken_and_changes_one_word(offset: int, size: int, value: int) -> None:
    harts = Harts()
    clint = clint_of(harts)
    clint.write(offset, size, value)
    assert 0 <= clint.read(offset, size) < 1 << 8 * size
    changed = [compare != ALL_ONES for compare in harts.compare] + [harts.now != 0]
    assert sum(changed) <= 1
