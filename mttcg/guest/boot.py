"""What is in RAM when the harts start: the image, the values of `--set`, the device tree."""

from typing import Any

from mttcg.config import Config
from mttcg.errors import GuestFileError
from mttcg.guest.image import GuestImage, ram_text, set_symbols
from mttcg.hardware.board import Board
from mttcg.memory.address import Physical, page_start

ALIGNMENT = 16
"""Bytes; what the ABI of each guest takes for its heap and stack."""


def place_device_tree(image: GuestImage, tree: bytes) -> Physical:
    """Return where the device tree goes: the last pages of RAM that hold it.

    Raises `GuestFileError` if a segment of the image is there.
    """
    address = page_start(Physical(image.ram.end - len(tree)))
    for segment in image.segments:
        end = segment.address + segment.memory_size
        if end > address:
            where = f"the segment at {segment.address:#x} to {end - 1:#x}"
            wrong = f"{where} overlaps the device tree, which takes RAM from {address:#x}"
            raise GuestFileError(image.path, wrong, "room for it at the end of RAM (see --memory)")
    return address


def largest_gap(image: GuestImage, device_tree: Physical) -> tuple[Physical, Physical]:
    """Return where the most RAM begins, and ends, in which neither image nor device tree lies."""
    gaps, begin = [], image.ram.base
    for segment in image.segments:
        gaps.append((begin, segment.address))
        begin = Physical(-(-(segment.address + segment.memory_size) // ALIGNMENT) * ALIGNMENT)
    gaps.append((begin, device_tree))
    return max(gaps, key=lambda gap: gap[1] - gap[0])


def fill_ram(config: Config, image: GuestImage, board: Board, ram: Any, isa: str) -> Physical:
    """Put the image, the values of `--set` and the device tree into fresh RAM, before the start.

    `ram`: a writable buffer of `config.memory` bytes, zeroed. `isa`: what the device tree says that
    the harts have. Returns where the device tree is, which every hart is told at
    the start. Raises `GuestFileError`.
    """
    places = image.places(board.symbols)
    tree = board.device_tree(config.smp, config.memory, places, isa=isa)
    address = place_device_tree(image, tree)
    image.write(ram)
    set_symbols(image, ram, config.symbols_set)
    # Before the start: no vCPU runs, the caller is the only writer.
    start = image.ram.offset_of(address)
    memoryview(ram).cast("B")[start : start + len(tree)] = tree
    return address


def check_device_symbols(image: GuestImage, board: Board) -> None:
    """Check the symbols at which a board has devices: aligned words in RAM, apart from each other.

    Raises `GuestFileError`.
    """
    before: dict[Physical, str] = {}
    for name, place in image.places(board.symbols).items():
        size = board.symbols[name]
        if not image.ram.holds(place, size) or place % size:
            wrong = f"its symbol {name} at {place:#x} is not an aligned {size}-byte word in RAM"
            raise GuestFileError(image.path, wrong, ram_text(image.ram))
        if place in before:
            raise GuestFileError(
                image.path, f"{before[place]} and {name} are one word", "two words"
            )
        before[place] = name
