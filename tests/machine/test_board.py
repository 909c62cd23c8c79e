from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tiny_elf import TinyElf, TinySegment, TinySymbol
from tree_reader import read_tree

from mttcg.config import MIB, Config
from mttcg.errors import GuestFileError
from mttcg.guest.boot import fill_ram
from mttcg.guest.elf import load_guest
from mttcg.hardware.board import CLINT, FINISHER, RAM_BASE, UART, Wiring, build_board
from mttcg.hardware.devices import htif, uart16550

WriteElf = Callable[[TinyElf | bytes], Path]
MEMORY = 1 * MIB


@dataclass(frozen=True)
class Words:
    tohost: int | None = None
    fromhost: int | None = None


class NoHarts:
    count = 0

    def read_software(self, hart: int) -> int:
        return 0

    def write_software(self, hart: int, value: int) -> None:
        pass

    read_compare, write_compare = read_software, write_software

    def read_time(self) -> int:
        return 77

    def write_time(self, value: int) -> None:
        pass


@pytest.fixture
def shown() -> list[bytes]:
    return []


@pytest.fixture
def codes() -> list[int]:
    return []


@pytest.fixture
def wiring(shown: list[bytes], codes: list[int]) -> Wiring:
    return Wiring(
        ram=memoryview(bytearray(MEMORY)),
        clint_harts=NoHarts(),
        finish=codes.append,
        console_output=shown.append,
        console_input=lambda: None,
        console_waiting=lambda: False,
        uart_state=memoryview(bytearray(uart16550.STATE_SIZE)),
        htif_state=memoryview(bytearray(htif.STATE_SIZE)),
    )


@pytest.fixture
def config() -> Config:
    return Config(Path("guest.elf"), smp=2, memory=MEMORY)


def test_the_devices_are_where_qemu_has_them(config: Config, wiring: Wiring) -> None:
    board = build_board(config, Words(), wiring)
    placed = [(place.base, place.device.name, place.size) for place in board.mmio.ranges()]
    assert placed == [
        (0x10_0000, "finisher", 0x1000),
        (0x200_0000, "clint", 0x10000),
        (0x1000_0000, "uart", 0x100),
    ]
    assert board.htif is None
    assert (board.ram_base, board.ram_size, board.smp) == (0x8000_0000, MEMORY, 2)


def test_the_devices_are_wired(
    config: Config, wiring: Wiring, shown: list[bytes], codes: list[int]
) -> None:
    board = build_board(config, Words(RAM_BASE + 0x100, RAM_BASE + 0x108), wiring)

    def write(address: int, size: int, value: int) -> None:
        found = board.mmio.find(address, size)
        assert found
        device, offset = found
        device.write(offset, size, value)

    write(UART, 1, ord("u"))
    write(RAM_BASE + 0x100, 8, 0x0101 << 48 | ord("h"))
    write(FINISHER, 4, 0x5555)
    found = board.mmio.find(CLINT + 0xBFF8, 8)
    assert found
    assert found[0].read(found[1], 8) == 77
    assert (shown, codes) == ([b"u", b"h"], [0])


def test_ram_is_filled_for_the_start(config: Config, write_elf: WriteElf) -> None:
    symbols = (TinySymbol("rounds", RAM_BASE + 8), TinySymbol("tohost", RAM_BASE))
    image = load_guest(write_elf(TinyElf(symbols=symbols)), RAM_BASE, MEMORY)
    ram = bytearray(MEMORY)
    address = fill_ram(replace(config, symbols_set={"rounds": 5}), image, ram)
    assert ram[:16] == b"\x13\0\0\0\x13\0\0\0" + b"\5" + bytes(7)
    assert address % 4096 == 0
    tree = read_tree(bytes(ram[address - RAM_BASE :]))
    assert "cpu@1" in tree.at("cpus").children
    assert "htif" in tree.children


def test_ram_too_full_for_the_device_tree_is_refused(config: Config, write_elf: WriteElf) -> None:
    path = write_elf(TinyElf((TinySegment(memory_size=MEMORY),)))
    image = load_guest(path, RAM_BASE, MEMORY)
    with pytest.raises(GuestFileError, match="overlaps the device tree"):
        fill_ram(config, image, bytearray(MEMORY))
