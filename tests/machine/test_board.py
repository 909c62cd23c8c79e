from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_elf import TinyElf, TinySegment, TinySymbol
from tree_reader import read_tree
from unconnected import ListConsole, NoInputs, StandingClock

from mttcg.config import Config
from mttcg.errors import GuestFileError
from mttcg.guest.boot import fill_ram
from mttcg.guest.boot_files import BootFiles
from mttcg.guest.elf import load_guest
from mttcg.hardware.board import Wiring
from mttcg.hardware.boards.riscv_virt import BOARD, CLINT, FINISHER, RAM_BASE, UART
from mttcg.memory.ram import GuestRam
from mttcg.option_values import MIB

WriteElf = Callable[[TinyElf | bytes], Path]
MEMORY = 1 * MIB


@pytest.fixture
def shown() -> list[bytes]:
    return []


@pytest.fixture
def codes() -> list[int]:
    return []


@pytest.fixture
def wiring(shown: list[bytes], codes: list[int]) -> Wiring:
    return Wiring(
        ram=GuestRam(RAM_BASE, memoryview(bytearray(MEMORY))),
        harts=[NoInputs(), NoInputs()],
        clock=StandingClock(),
        console=ListConsole(shown),
        finish=codes.append,
        state=memoryview(bytearray(BOARD.state_bytes)),
    )


@pytest.fixture
def config() -> Config:
    return Config(Path("guest.elf"), smp=2, memory=MEMORY)


def test_the_devices_are_where_qemu_has_them(wiring: Wiring) -> None:
    devices = BOARD.place(wiring, {})
    placed = [(place.base, place.device.name, place.size) for place in devices.ranges()]
    assert placed == [
        (0x10_0000, "finisher", 0x1000),
        (0x10_1000, "rtc", 0x1000),
        (0x200_0000, "clint", 0x10000),
        (0xC00_0000, "plic", 0x60_0000),
        (0x1000_0000, "uart", 0x100),
        *((0x1000_1000 + 0x1000 * slot, f"virtio{slot}", 0x1000) for slot in range(8)),
    ]
    assert (BOARD.ram_base, BOARD.timebase) == (0x8000_0000, 10_000_000)


def test_htif_is_where_the_guest_has_its_words(wiring: Wiring) -> None:
    tohost, fromhost = RAM_BASE + 0x100, RAM_BASE + 0x140
    for symbols, names in (
        ({"tohost": tohost, "fromhost": fromhost}, ["htif tohost", "htif fromhost"]),
        ({"tohost": tohost}, ["htif tohost"]),
        ({"fromhost": fromhost}, []),
    ):
        devices = BOARD.place(wiring, symbols)
        found = [place for place in devices.ranges() if place.base >= RAM_BASE]
        assert [place.device.name for place in found] == names
        assert [place.base for place in found] == [tohost, fromhost][: len(names)]
        assert all(place.size == 8 for place in found)


def test_the_devices_are_wired(wiring: Wiring, shown: list[bytes], codes: list[int]) -> None:
    devices = BOARD.place(wiring, {"tohost": RAM_BASE + 0x100, "fromhost": RAM_BASE + 0x108})

    def write(address: int, size: int, value: int) -> None:
        found = devices.find(address, size)
        assert found
        device, offset = found
        device.write(offset, size, value)

    write(UART, 1, ord("u"))
    write(RAM_BASE + 0x100, 8, 0x0101 << 48 | ord("h"))
    write(FINISHER, 4, 0x5555)
    found = devices.find(CLINT + 0xBFF8, 8)
    assert found
    assert found[0].read(found[1], 8) == 77
    assert (shown, codes) == ([b"u", b"h"], [0])


def test_ram_is_filled_for_the_start(config: Config, write_elf: WriteElf) -> None:
    symbols = (TinySymbol("rounds", RAM_BASE + 8), TinySymbol("tohost", RAM_BASE))
    image = load_guest(write_elf(TinyElf(symbols=symbols)), RAM_BASE, MEMORY)
    ram = bytearray(MEMORY)
    boot = BootFiles((image,), image.entry)
    started = fill_ram(replace(config, symbols_set={"rounds": 5}), boot, BOARD, ram, "rv64i")
    address = started.device_tree
    assert ram[:16] == b"\x13\0\0\0\x13\0\0\0" + b"\5" + bytes(7)
    assert address % 4096 == 0
    tree = read_tree(bytes(ram[address - RAM_BASE :]))
    assert "cpu@1" in tree.at("cpus").children
    assert "htif" in tree.children


def test_ram_too_full_for_the_device_tree_is_refused(config: Config, write_elf: WriteElf) -> None:
    path = write_elf(TinyElf((TinySegment(memory_size=MEMORY),)))
    image = load_guest(path, RAM_BASE, MEMORY)
    with pytest.raises(GuestFileError, match=r"the device tree .* overlaps the segment"):
        fill_ram(config, BootFiles((image,), image.entry), BOARD, bytearray(MEMORY), "rv64i")
