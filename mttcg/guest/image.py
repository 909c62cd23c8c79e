"""A guest image: what was found in an ELF, and how it gets into guest RAM."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from mttcg.errors import GuestFileError
from mttcg.instrument.program.elf_segments import Placements
from mttcg.isa.base import Isa
from mttcg.memory.address import Physical, Virtual, physical_of
from mttcg.memory.ram import RamRange

WORD_SIZE = 8
WORD_MASK = (1 << 64) - 1


class LoadedSegment(NamedTuple):
    """A loadable segment, as it lies in guest RAM."""

    address: Physical
    """p_paddr."""
    data: bytes
    memory_size: int
    """Bytes in RAM; those after `data` are zero."""


class Symbol(NamedTuple):
    """A symbol of the ELF's table."""

    address: Virtual
    """Where the guest uses it, whatever it was linked for."""
    size: int
    """Bytes, 0 if the ELF does not say."""
    name: str


@dataclass(frozen=True)
class SymbolTable:
    """The symbols of a guest's file, or of what is given with it.

    Attributes:
        symbols: named code and data, in order of (address, size, name).
        by_name: by name; a global one goes before local ones of the same name.
        warnings: why there are fewer than there could be, a line each.
    """

    symbols: tuple[Symbol, ...]
    by_name: Mapping[str, Symbol]
    warnings: tuple[str, ...] = ()


NO_SYMBOLS = SymbolTable((), {})


@dataclass(frozen=True)
class GuestImage:
    """What was found in a guest ELF; made by `mttcg.guest.elf.load_guest`."""

    path: Path
    isa: Isa
    """The instruction set that it is for."""
    ram: RamRange
    """The RAM that it was checked against."""
    entry: Virtual
    """Where every hart starts."""
    segments: tuple[LoadedSegment, ...]
    """In order of address; all within RAM, none overlapping another."""
    read_symbols: Callable[[], SymbolTable]
    """Finds the symbols, which a kernel has so many of that this waits until they are wanted."""
    placements: Placements
    """The way from what the file says to where it is."""
    file_warnings: tuple[str, ...] = ()
    """What of the file is not loaded, a line each."""
    names_places: bool = True
    """Whether its symbols are places in RAM, and not where a kernel maps itself."""

    @cached_property
    def _table(self) -> SymbolTable:
        return self.read_symbols()

    @property
    def has_read_symbols(self) -> bool:
        """Whether somebody wanted them."""
        return "_table" in vars(self)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Named code and data, in order of (address, size, name)."""
        return self._table.symbols

    @property
    def by_name(self) -> Mapping[str, Symbol]:
        """Symbols by name; a global one goes before local ones of the same name."""
        return self._table.by_name

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with it, a line each; of symbols only when they were wanted."""
        of_symbols = self._table.warnings if self.has_read_symbols else ()
        return self.file_warnings + of_symbols

    def places(self, names: Iterable[str]) -> dict[str, Physical]:
        """Return where those of some symbols are in RAM that are there, by name."""
        if not self.names_places:
            return {}
        found = (self.by_name[name] for name in names if name in self.by_name)
        return {symbol.name: physical_of(symbol.address) for symbol in found}

    def symbol(self, name: str) -> Virtual:
        """Return the address of a symbol; raises `GuestFileError` if there is none of that name."""
        return self.find(name).address

    def find(self, name: str, option: str = "") -> Symbol:
        """Return a symbol; raises `GuestFileError`, naming `option`, if there is none."""
        if name in self.by_name:
            return self.by_name[name]
        near = difflib.get_close_matches(name, self.by_name, n=3)
        expected = (
            f"one of its symbols, such as {', '.join(near)}" if near else "one of its symbols"
        )
        raise GuestFileError(self.path, f"{option}there is no symbol {name!r}", expected)

    def write(self, ram: Any) -> None:
        """Copy the segments into guest RAM.

        `ram`: a writable buffer of bytes, fresh and zeroed: what follows a segment's data is left
        as it is, so that a large .bss costs no memory.
        """
        # Before the start: no vCPU runs, the caller is the only writer.
        view = memoryview(ram).cast("B")
        for segment in self.segments:
            start = self.ram.offset_of(segment.address)
            view[start : start + len(segment.data)] = segment.data


def set_symbols(image: GuestImage, ram: Any, values: Mapping[str, int]) -> None:
    """Write 64-bit values at symbols (`--set`), little-endian, after `GuestImage.write`.

    `ram`: a writable buffer, the RAM that the image was loaded for. `values`: by symbol name,
    unsigned or two's complement. Raises `GuestFileError` for a symbol that is not there, is smaller
    than 8 bytes, or lies outside RAM; then nothing was written.
    """
    starts = {name: settable(image, name) for name in values}
    # Before the start: no vCPU runs, the caller is the only writer.
    view = memoryview(ram).cast("B")
    for name, start in starts.items():
        word = (values[name] & WORD_MASK).to_bytes(WORD_SIZE, "little")
        view[start : start + WORD_SIZE] = word


def ram_text(ram: RamRange) -> str:
    """Say where RAM is, for what an error expected."""
    return f"addresses in RAM, {ram.base:#x} to {ram.end - 1:#x} (see --memory)"


def settable(image: GuestImage, name: str) -> int:
    """Return the offset in RAM of a symbol that can hold a word; raises `GuestFileError`."""
    option = f"--set {name}: "
    symbol = image.find(name, option)
    if 0 < symbol.size < WORD_SIZE:
        wrong = f"{option}the symbol has {symbol.size} bytes"
        raise GuestFileError(image.path, wrong, "a 64-bit variable")
    place = image.placements.initial(symbol.address)
    if not image.ram.holds(place, WORD_SIZE):
        wrong = f"{option}the symbol is at {symbol.address:#x}, outside RAM"
        raise GuestFileError(image.path, wrong, ram_text(image.ram))
    return image.ram.offset_of(place)


def settings_undone(image: GuestImage, names: Iterable[str]) -> Iterator[str]:
    """Say which variables of `--set` start-up code clears.

    They are those without a value in the file, if the program has a symbol for where they begin:
    it is there for start-up code.
    """
    settings = list(names)
    if not settings:
        return
    begins = [each.address for each in image.symbols if "bss" in each.name.lower()]
    for name in settings:
        address = image.find(name).address
        found = image.placements.at(address)
        without_value = found is not None and address - found.address >= found.file_size
        if without_value and begins and min(begins) <= address:
            yield (
                f"--set {name}: it is in .bss, which start-up code clears, and the value with it; "
                "a variable that has a value in the source, other than 0, keeps it"
            )
