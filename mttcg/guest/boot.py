"""What is in RAM when the harts start: images, the values of `--set`, initrd, the device tree."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mttcg.config import Config
from mttcg.errors import GuestFileError, OptionError
from mttcg.guest.boot_files import BootFiles
from mttcg.guest.firmware_information import INFORMATION, firmware_information
from mttcg.guest.image import GuestImage, ram_text, set_symbols
from mttcg.guest.layout import LoadedPart, RamLayout
from mttcg.hardware.board import Board
from mttcg.hardware.devicetree import strings, wide
from mttcg.hardware.given_tree import TreeError, with_properties
from mttcg.memory.address import Physical, Virtual, page_start

SEED_BYTES = 32
"""Of /chosen/rng-seed, from which a kernel begins its random numbers."""
TREE_ROOM = 64 << 10
"""Bytes behind the device tree for what firmware adds to it, such as memory that it reserves."""
NOWHERE = Physical(0)

ALIGNMENT = 16
"""Bytes; what the ABI of each guest takes for its heap and stack."""


@dataclass(frozen=True)
class BootState:
    """How the harts start.

    Attributes:
        entry: where.
        device_tree: where that is.
        information: where firmware of the guest's finds what it is to start; 0 without it.
        below_firmware: whether the host is the firmware.
    """

    entry: Virtual
    device_tree: Physical
    information: Physical
    below_firmware: bool


def random_seed(config: Config) -> bytes:
    """What a kernel is to begin its random numbers from; in a run that repeats always the same."""
    if not config.deterministic:
        return os.urandom(SEED_BYTES)
    return hashlib.shake_256(f"seed {config.seed}".encode()).digest(SEED_BYTES)


class _Tree:
    """The device tree, made anew when it is known where all it tells of is."""

    def __init__(self, config: Config, boot: BootFiles, board: Board, isa: str) -> None:
        self.config, self.boot, self.board, self.isa = config, boot, board, isa
        boots = boot.below_firmware or boot.has_firmware
        self.seed = random_seed(config) if boots else b""

    def content(self, initrd: Physical) -> bytes:
        """Return it; `initrd`: where that is, if there is one."""
        boot, config = self.boot, self.config
        chosen = self._chosen(initrd)
        if boot.tree is not None:
            try:
                return with_properties(boot.tree.data, "chosen", chosen)
            except TreeError as error:
                expected = "a flattened device tree"
                raise GuestFileError(boot.tree.path, str(error), expected) from error
        places = boot.image.places(self.board.symbols)
        return self.board.device_tree(
            config.smp, config.memory, places, isa=self.isa, chosen=chosen
        )

    def _chosen(self, initrd: Physical) -> Mapping[str, bytes]:
        """What /chosen has beside where the console is (Devicetree Specification 3.6)."""
        found = {}
        if self.config.append:
            found["bootargs"] = strings(self.config.append)
        if self.boot.initrd is not None:
            end = initrd + len(self.boot.initrd.data)
            found |= {"linux,initrd-start": wide(initrd), "linux,initrd-end": wide(end)}
        if self.seed:
            found["rng-seed"] = self.seed
        return found


def largest_gap(image: GuestImage, device_tree: Physical) -> tuple[Physical, Physical]:
    """Return where the most RAM begins, and ends, in which neither image nor device tree lies."""
    gaps, begin = [], image.ram.base
    for segment in image.segments:
        gaps.append((begin, segment.address))
        begin = Physical(-(-(segment.address + segment.memory_size) // ALIGNMENT) * ALIGNMENT)
    gaps.append((begin, device_tree))
    return max(gaps, key=lambda gap: gap[1] - gap[0])


def fill_ram(config: Config, boot: BootFiles, board: Board, ram: Any, isa: str) -> BootState:
    """Put all that a run starts with into fresh RAM, before the start.

    `ram`: a writable buffer of `config.memory` bytes, zeroed. `isa`: what the device tree says that
    the harts have. Raises `GuestFileError`, and `OptionError` for `--dump-dtb`.
    """
    layout = RamLayout(boot.image.ram)
    for image in boot.images:
        layout.take_image(image)
    for address, blob in boot.loads:
        layout.take(
            blob.path, LoadedPart(f"{blob.option} {blob.path.name}", address, len(blob.data))
        )
    tree = _Tree(config, boot, board, isa)
    size = len(tree.content(NOWHERE)) + (TREE_ROOM if boot.has_firmware else 0)
    at = place_device_tree(boot.image, layout, size)
    information = NOWHERE
    if boot.has_firmware:
        what = "what firmware is told"
        information = layout.take_highest(boot.image.path, what, INFORMATION.size)
    initrd = NOWHERE
    if boot.initrd is not None:
        initrd = layout.take_highest(boot.initrd.path, "the initrd", len(boot.initrd.data))
    for image in boot.images:
        image.write(ram)
    set_symbols(boot.image, ram, config.symbols_set)
    content = tree.content(initrd)
    written = [(at, content), *((address, blob.data) for address, blob in boot.loads)]
    if boot.has_firmware:
        written.append((information, firmware_information(boot.kernel_entry)))
    if boot.initrd is not None:
        written.append((initrd, boot.initrd.data))
    # Before the start: no vCPU runs, the caller is the only writer.
    view = memoryview(ram).cast("B")
    for address, data in written:
        start = layout.ram.offset_of(address)
        view[start : start + len(data)] = data
    _dump(config, content)
    return BootState(boot.entry, at, information, boot.below_firmware)


def place_device_tree(image: GuestImage, layout: RamLayout, size: int) -> Physical:
    """Take the last pages of RAM that hold the device tree; where they are.

    Raises `GuestFileError` if a part of the image is there.
    """
    part = LoadedPart("the device tree", page_start(Physical(layout.ram.end - size)), size)
    layout.take(image.path, part)
    return part.start


def _dump(config: Config, tree: bytes) -> None:
    """Write the device tree to the file of `--dump-dtb`."""
    if config.dump_dtb is None:
        return
    try:
        config.dump_dtb.write_bytes(tree)
    except OSError as error:
        wrong = f"{config.dump_dtb}: {error.strerror}"
        raise OptionError("--dump-dtb", wrong, "a file to write") from error


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
