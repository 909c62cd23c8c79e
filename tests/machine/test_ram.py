"""Guest RAM as the host accesses it in a hart's place."""

import pytest

from mttcg.memory.address import Physical
from mttcg.memory.ram import GuestRam, RamAddressError

BASE = 0x8000_0000


@pytest.fixture
def ram() -> GuestRam:
    return GuestRam(Physical(BASE), memoryview(bytearray(range(32))))


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("offset", [0, 3, 24])
def test_numbers_are_little_endian_wherever_they_are(ram: GuestRam, size: int, offset: int) -> None:
    place = Physical(BASE + offset)
    before = bytes(range(32))
    assert ram.load(place, size) == int.from_bytes(before[offset : offset + size], "little")
    value = 0xF1F2_F3F4_F5F6_F7F8 & (1 << 8 * size) - 1
    ram.store(place, size, value)
    assert ram.load(place, size) == value
    stored = value.to_bytes(size, "little")
    expected = before[:offset] + stored + before[offset + size :]
    assert ram.read(Physical(BASE), 32) == expected


@pytest.mark.parametrize("offset", [-1, 25])
def test_a_number_that_is_not_all_in_ram_is_refused(ram: GuestRam, offset: int) -> None:
    with pytest.raises(RamAddressError):
        ram.load(Physical(BASE + offset), 8)
    with pytest.raises(RamAddressError):
        ram.store(Physical(BASE + offset), 8, 0)
