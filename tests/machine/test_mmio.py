from dataclasses import dataclass

import pytest

from mttcg.hardware.mmio import (
    Device,
    MmioEmptyError,
    MmioInRamError,
    MmioMap,
    MmioOverflowError,
    MmioOverlapError,
    MmioRangeError,
)

RAM_BASE, RAM_SIZE = 0x8000_0000, 0x10_0000
RAM_END = RAM_BASE + RAM_SIZE


@dataclass
class Block:
    name: str
    size: int
    in_ram: bool = False

    def read(self, offset: int, size: int) -> int:
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        pass


def make_map(*placed: tuple[int, Device]) -> MmioMap:
    mmio = MmioMap(RAM_BASE, RAM_SIZE)
    for base, device in placed:
        mmio.add(base, device)
    return mmio


def test_an_access_finds_its_device_and_offset() -> None:
    low, high = Block("low", 0x100), Block("high", 0x100)
    mmio = make_map((0x2000, high), (0x1000, low))
    assert mmio.find(0x1000, 8) == (low, 0)
    assert mmio.find(0x10FF, 1) == (low, 0xFF)
    assert mmio.find(0x10F8, 8) == (low, 0xF8)
    assert mmio.find(0x2004, 4) == (high, 4)


@pytest.mark.parametrize(
    ("address", "size"),
    [(0, 1), (0xFFF, 1), (0xFFF, 2), (0x1100, 1), (0x10FC, 8), (0x1FFF, 4), (1 << 63, 8)],
)
def test_an_access_beside_a_device_finds_nothing(address: int, size: int) -> None:
    mmio = make_map((0x1000, Block("low", 0x100)), (0x2000, Block("high", 0x100)))
    assert mmio.find(address, size) is None


def test_an_access_across_neighbours_finds_nothing() -> None:
    mmio = make_map((0x1000, Block("low", 0x100)), (0x1100, Block("high", 0x100)))
    assert mmio.find(0x10FE, 4) is None


def test_an_empty_map_finds_nothing() -> None:
    assert make_map().find(0, 1) is None


def test_ranges_are_in_order_of_address() -> None:
    mmio = make_map((0x2000, Block("high", 1)), (0x1000, Block("low", 1)))
    assert [placed.device.name for placed in mmio.ranges()] == ["low", "high"]


@pytest.mark.parametrize(
    ("base", "size"), [(0x1000, 0x100), (0xFFF, 2), (0x10FF, 1), (0x1080, 1), (0, 0x10000)]
)
def test_an_overlap_is_refused_and_names_both(base: int, size: int) -> None:
    mmio = make_map((0x1000, Block("old", 0x100)))
    with pytest.raises(
        MmioOverlapError, match=r"device new .* overlaps device old at 0x1000 to"
    ) as e:
        mmio.add(base, Block("new", size))
    assert (e.value.device, e.value.other) == ("new", "old")
    assert len(mmio.ranges()) == 1


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_range_is_refused(size: int) -> None:
    with pytest.raises(MmioEmptyError, match=r"device none at 0x1000 is empty"):
        make_map((0x1000, Block("none", size)))


@pytest.mark.parametrize(("base", "size"), [((1 << 64) - 1, 2), (1 << 64, 1), (-1, 1)])
def test_a_range_beyond_the_address_space_is_refused(base: int, size: int) -> None:
    with pytest.raises(MmioOverflowError, match=r"device far of .* does not fit 64 bits"):
        make_map((base, Block("far", size)))


def test_the_last_address_can_be_used() -> None:
    device = Block("last", 1)
    assert make_map(((1 << 64) - 1, device)).find((1 << 64) - 1, 1) == (device, 0)


@pytest.mark.parametrize(
    ("base", "size"),
    [(RAM_BASE, 8), (RAM_BASE - 1, 2), (RAM_END - 1, 2), (RAM_BASE - 8, RAM_SIZE + 16)],
)
def test_a_range_in_ram_is_refused(base: int, size: int) -> None:
    with pytest.raises(MmioInRamError, match=r"device lost at .* overlaps RAM at 0x80000000") as e:
        make_map((base, Block("lost", size)))
    assert (e.value.device, e.value.other) == ("lost", "RAM")


def test_ranges_beside_ram_are_good() -> None:
    make_map((RAM_BASE - 8, Block("before", 8)), (RAM_END, Block("after", 8)))


def test_a_device_that_overlays_ram_may_be_there_alone() -> None:
    make_map((RAM_BASE, Block("over", 8, in_ram=True)), (RAM_END - 8, Block("end", 8, in_ram=True)))
    for base in (RAM_BASE - 4, RAM_END - 4, 0x1000):
        with pytest.raises(MmioInRamError, match=r"device over at .* is not all within RAM"):
            make_map((base, Block("over", 8, in_ram=True)))


def test_refusals_share_a_class() -> None:
    for error in (MmioEmptyError, MmioInRamError, MmioOverflowError, MmioOverlapError):
        assert issubclass(error, MmioRangeError)
