"""What is in RAM when the harts start: the image, the values of `--set`, the device tree."""

from typing import Any

from mttcg.config import Config
from mttcg.errors import GuestFileError
from mttcg.guest.image import GuestImage, set_symbols
from mttcg.hardware.board import RAM_BASE, virt_tree
from mttcg.hardware.devicetree import ISA
from mttcg.memory.page import PAGE


def place_device_tree(image: GuestImage, tree: bytes, ram_base: int, ram_size: int) -> int:
    """Return the guest physical address for the device tree: the last pages of RAM that hold it.

    Raises `GuestFileError` if a segment of the image is there.
    """
    address = (ram_base + ram_size - len(tree)) // PAGE * PAGE
    for segment in image.segments:
        end = segment.address + segment.memory_size
        if end > address:
            where = f"the segment at {segment.address:#x} to {end - 1:#x}"
            wrong = f"{where} overlaps the device tree, which takes RAM from {address:#x}"
            raise GuestFileError(image.path, wrong, "room for it at the end of RAM (see --memory)")
    return address


def fill_ram(config: Config, image: GuestImage, ram: Any, isa: str = ISA) -> int:
    """Put the image, the values of `--set` and the device tree into fresh RAM, before the start.

    `ram`: a writable buffer of `config.memory` bytes, zeroed. `isa`: what the device tree says that
    the harts have. Returns the guest physical address of the device tree, which every hart is told
    at the start. Raises `GuestFileError`.
    """
    tree = virt_tree(config.smp, config.memory, htif=image.tohost is not None, isa=isa)
    address = place_device_tree(image, tree, RAM_BASE, config.memory)
    image.write(ram, RAM_BASE)
    set_symbols(image, ram, config.symbols_set)
    # Before the start: no vCPU runs, the caller is the only writer.
    start = address - RAM_BASE
    memoryview(ram).cast("B")[start : start + len(tree)] = tree
    return address
