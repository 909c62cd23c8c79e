"""The symbols of a kernel that is started: its own table's, its ELF file's, or those of a file."""

from collections.abc import Iterable
from pathlib import Path

from mttcg.guest.image import NO_SYMBOLS, GuestImage, Symbol, SymbolTable
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kallsyms import find_kallsyms
from mttcg.linux.kernel_symbol import KernelSymbol
from mttcg.linux.registry import kernel_isa
from mttcg.linux.symbol_files import read_symbol_file
from mttcg.memory.address import Virtual, physical_of


def symbols_of_image(path: Path, data: bytes, isa: str) -> SymbolTable:
    """Those that a kernel of Linux has in itself, at the addresses that it was linked for."""
    try:
        found = find_kallsyms(data, kernel_isa(isa).relative)
    except KernelDataError as error:
        return SymbolTable((), {}, (f"{path}: {error}; addresses of the kernel have no names",))
    return NO_SYMBOLS if found is None else _table(found)


def symbols_of_file(path: Path) -> SymbolTable:
    """Those of `--symbols`. Raises `GuestFileError`."""
    return _table(read_symbol_file(path))


def maps_itself(image: GuestImage) -> bool:
    """Whether an ELF file was linked for addresses outside of RAM, which only it can map."""
    linked = (physical_of(Virtual(each.linked)) for each in image.placements.segments)
    return not any(map(image.ram.holds, linked))


def _table(found: Iterable[KernelSymbol]) -> SymbolTable:
    symbols, by_name = [], {}
    for each in found:
        symbol = Symbol(each.address, each.size, each.name)
        symbols.append(symbol)
        if each.is_global or each.name not in by_name:
            by_name[each.name] = symbol
    return SymbolTable(tuple(symbols), by_name)
