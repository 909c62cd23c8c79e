import pytest

from mttcg.memory.address import (
    HostAddress,
    Physical,
    Virtual,
    offset_in_page,
    page_start,
    physical_of,
    virtual_of,
)
from mttcg.memory.ram import RamRange

RAM = RamRange(Physical(0x8000_0000), 0x4000)


@pytest.mark.parametrize(
    ("address", "size", "held"),
    [
        (0x8000_0000, 1, True),
        (0x7FFF_FFFF, 1, False),
        (0x7FFF_FFFF, 2, False),
        (0x8000_3FFF, 1, True),
        (0x8000_3FFF, 2, False),
        (0x8000_4000, 0, True),
        (0x8000_4000, 1, False),
        (0x8000_0000, 0x4000, True),
        (0x8000_0000, 0x4001, False),
        (0, 1 << 64, False),
    ],
)
def test_what_ram_holds_it_holds_whole(address: int, size: int, held: bool) -> None:
    assert RAM.holds(Physical(address), size) is held


def test_pages_are_counted_from_the_start_of_ram() -> None:
    assert (RAM.pages, RAM.end) == (4, 0x8000_4000)
    pages = [RAM.page_of(Physical(at)) for at in (0x8000_0000, 0x8000_0FFF, 0x8000_3FFE)]
    assert pages == [0, 0, 3]
    assert [RAM.start_of(page) for page in pages] == [0x8000_0000, 0x8000_0000, 0x8000_3000]
    outside = RAM.page_of(Physical(0x7FFF_FFFF)), RAM.page_of(Physical(0x8000_4000))
    assert [RAM.has_page(page) for page in (*pages, *outside)] == [True] * 3 + [False] * 2


@pytest.mark.parametrize(
    ("address", "size", "pages"),
    [(0x8000_1000, 8, [1]), (0x8000_0FF8, 8, [0]), (0x8000_0FFC, 8, [0, 1])],
)
def test_what_crosses_a_page_lies_in_both(address: int, size: int, pages: list[int]) -> None:
    assert list(RAM.pages_of(Physical(address), size)) == pages


def test_a_place_in_ram_is_as_far_from_the_start_of_the_mapping() -> None:
    at = Physical(0x8000_1234)
    assert RAM.offset_of(at) == 0x1234
    assert RAM.host_of(at, HostAddress(0x7F00_0000_0000)) == 0x7F00_0000_1234


def test_a_user_gives_a_base_and_a_size() -> None:
    assert RamRange.of((0x8000_0000, 0x4000)) == RAM
    assert RamRange.of(None) is None


def test_in_machine_mode_both_sides_of_the_door_are_the_same() -> None:
    pc = Virtual(0x8000_1234)
    assert (physical_of(pc), virtual_of(physical_of(pc))) == (pc, pc)
    assert (page_start(pc), offset_in_page(pc)) == (0x8000_1000, 0x234)
