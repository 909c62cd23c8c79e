"""Images without an ELF file: bytes that are loaded as they are."""

from collections.abc import Callable
from pathlib import Path

from mttcg.errors import GuestFileError
from mttcg.guest.image import NO_SYMBOLS, GuestImage, LoadedSegment, SymbolTable, ram_text
from mttcg.instrument.program.elf_segments import Placement, Placements
from mttcg.isa.base import Isa
from mttcg.memory.address import Physical, virtual_of
from mttcg.memory.ram import RamRange


def raw_image(
    path: Path,
    isa: Isa,
    ram: RamRange,
    address: Physical,
    data: bytes,
    memory_size: int = 0,
    read_symbols: Callable[[], SymbolTable] | None = None,
) -> GuestImage:
    """Make the image of bytes that are loaded at an address, and started there.

    memory_size: bytes that it takes in RAM, if more than `data` has. read_symbols: finds those of a
    kernel, which are where it maps itself. Raises `GuestFileError` if its bytes are not all in RAM.
    """
    size = max(memory_size, len(data))
    if not ram.holds(address, size):
        wrong = f"it takes {address:#x} to {address + size - 1:#x}"
        raise GuestFileError(path, wrong, ram_text(ram))
    placement = Placement(address, address, size, 0, len(data), executable=True)
    return GuestImage(
        path=path,
        isa=isa,
        ram=ram,
        entry=virtual_of(address),
        segments=(LoadedSegment(address, data, size),),
        read_symbols=read_symbols or (lambda: NO_SYMBOLS),
        names_places=read_symbols is None,
        placements=Placements((placement,), virtual_of(address)),
    )
