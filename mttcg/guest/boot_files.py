"""What a run starts: an ELF file alone, a kernel below the host's firmware, or firmware.

| given | starts | where the kernel is |
|---|---|---|
| GUEST | its entry, at the highest level of privilege | |
| `--kernel` | the kernel, below the host's firmware | where its header or ELF file says |
| `--bios` | the firmware, at the start of RAM or its ELF entry | |
| `--bios`, `--kernel` | the firmware, which is told where the kernel is | behind the firmware |
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mttcg.config import Config
from mttcg.errors import GuestFileError
from mttcg.guest.elf import MAGIC, load_guest
from mttcg.guest.files import read_file
from mttcg.guest.image import GuestImage
from mttcg.guest.kernel_moves import where_it_moves
from mttcg.guest.kernel_symbols import maps_itself, symbols_of_file, symbols_of_image
from mttcg.guest.linux_image import EXPECTED, read_linux_image
from mttcg.guest.program_symbols import named_with
from mttcg.guest.raw_image import raw_image
from mttcg.hardware.board import Board
from mttcg.isa.registry import DEFAULT, NAMES, isa_named
from mttcg.linux.btf import KernelTypes
from mttcg.linux.type_files import read_type_file
from mttcg.memory.address import Physical, Virtual, physical_of
from mttcg.memory.ram import RamRange

KERNEL_ALIGNMENT = 2 << 20
"""Bytes; a kernel is loaded at a multiple, as it maps itself in such pages."""


@dataclass(frozen=True)
class Blob:
    """A file that is loaded as it is: `option`, by which it came, its path and content."""

    option: str
    path: Path
    data: bytes


@dataclass(frozen=True)
class BootFiles:
    """All that is loaded before the start.

    Attributes:
        images: what runs: a program, a kernel, firmware; the first is what is shown.
        entry: where every hart starts.
        kernel_entry: where firmware of the guest's is to go on, None if there is none, or nothing.
        below_firmware: whether the host is the firmware.
        initrd: of `--initrd`.
        tree: of `--dtb`.
        loads: of `--load`, by address.
        types: of `--kernel-types`.
    """

    images: tuple[GuestImage, ...]
    entry: Virtual
    kernel_entry: Physical | None = None
    has_firmware: bool = False
    below_firmware: bool = False
    initrd: Blob | None = None
    tree: Blob | None = None
    loads: tuple[tuple[Physical, Blob], ...] = ()
    types: KernelTypes | None = None

    @property
    def image(self) -> GuestImage:
        """What is shown: whose symbols plugins and reports have."""
        return self.images[0]


def read_boot_files(config: Config, board: Board) -> BootFiles:
    """Read and check all files that a run starts with. Raises `GuestFileError`."""
    ram = RamRange(board.ram_base, config.memory)
    boot = _started(config, ram)
    tree = _blob("--dtb", config.dtb, ram, "a flattened device tree")
    if tree is not None:
        moved = where_it_moves(boot.image, tree.data, config.append)
        boot = replace(boot, images=(moved, *boot.images[1:]))
    if config.program is not None:
        boot = replace(
            boot, images=(named_with(boot.image, config.program, config.sysroot), *boot.images[1:])
        )
    types = None if config.kernel_types is None else read_type_file(config.kernel_types)
    if config.from_snapshot is not None:  # all that was loaded beside is in RAM
        return replace(boot, types=types)
    return replace(
        boot,
        initrd=_blob("--initrd", config.initrd, ram, "an initial RAM disk"),
        tree=tree,
        loads=tuple(_loads(config, ram)),
        types=types,
    )


def _started(config: Config, ram: RamRange) -> BootFiles:
    """Read what runs."""
    if config.bios is None and config.kernel is None:
        image = load_guest(config.guest, ram.base, ram.size)
        return BootFiles((image,), image.entry)
    if config.bios is None:
        assert config.kernel is not None
        kernel = _with_symbols(_kernel(config.kernel, ram), config.symbols)
        return BootFiles((kernel,), kernel.entry, below_firmware=True)
    firmware = _firmware(config.bios, ram)
    if config.kernel is None:
        firmware = _with_symbols(firmware, config.symbols)
        return BootFiles((firmware,), firmware.entry, has_firmware=True)
    ends = [segment.address + segment.memory_size for segment in firmware.segments]
    kernel = _kernel(config.kernel, ram, max(ends) - ram.base)
    kernel = _with_symbols(kernel, config.symbols)
    if kernel.isa is not firmware.isa:
        wrong = f"it is for {kernel.isa.title}, and {config.bios} for {firmware.isa.title}"
        raise GuestFileError(config.kernel, wrong, "both for one machine")
    shown = (firmware, kernel) if firmware.symbols and not kernel.symbols else (kernel, firmware)
    return BootFiles(shown, firmware.entry, physical_of(kernel.entry), has_firmware=True)


def _is_elf(path: Path) -> bool:
    """Whether a file is one; what can't be read is not, and others say so."""
    try:
        with path.open("rb") as file:
            return path.is_file() and file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def _kernel(path: Path, ram: RamRange, free_from: int = 0) -> GuestImage:
    """Read a kernel; one that says no address is loaded behind `free_from` bytes of RAM."""
    if _is_elf(path):
        image = load_guest(path, ram.base, ram.size)
        if maps_itself(image) and image.symbols:
            return replace(image, read_symbols=partial(symbols_of_file, path), names_places=False)
        return image
    found = read_linux_image(path, read_file(path, EXPECTED, ram.size))
    if found.isa not in NAMES:
        raise GuestFileError(path, f"it is a kernel for another machine, {found.isa}", EXPECTED)
    behind = -(-free_from // KERNEL_ALIGNMENT) * KERNEL_ALIGNMENT
    address = Physical(ram.base + max(found.offset, behind))
    return raw_image(
        path,
        isa_named(found.isa),
        ram,
        address,
        found.data,
        found.memory_size,
        partial(symbols_of_image, path, found.data, found.isa),
    )


def _with_symbols(image: GuestImage, given: Path | None) -> GuestImage:
    """The image with symbols from the file of `--symbols`, if there is one."""
    if given is None:
        return image
    table = symbols_of_file(given)
    return replace(image, read_symbols=lambda: table)


def _firmware(path: Path, ram: RamRange) -> GuestImage:
    """Read firmware, an ELF file, or bytes for the start of RAM, of which nobody says the ISA."""
    if _is_elf(path):
        return load_guest(path, ram.base, ram.size)
    content = read_file(path, "firmware, raw or an ELF file", ram.size)
    return raw_image(path, isa_named(DEFAULT), ram, ram.base, content)


def _blob(option: str, path: Path | None, ram: RamRange, expected: str) -> Blob | None:
    if path is None:
        return None
    return Blob(option, path, read_file(path, f"{option}: {expected}", ram.size))


def _loads(config: Config, ram: RamRange) -> Iterator[tuple[Physical, Blob]]:
    for path, address in config.loads.items():
        blob = _blob("--load", Path(path), ram, "a file to load")
        assert blob is not None
        yield Physical(address), blob
