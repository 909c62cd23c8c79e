"""The names of a program's functions, beside those of the kernel that runs it."""

from dataclasses import replace
from pathlib import Path

from mttcg.errors import GuestFileError
from mttcg.guest.image import GuestImage, Symbol, SymbolTable
from mttcg.instrument.errors import ElfFileError
from mttcg.instrument.loading.plugin_functions import KERNEL_FUNCTIONS
from mttcg.instrument.program.separate_files import SYMBOLS, file_with, no_symbols
from mttcg.linux.program_place import load_bias
from mttcg.linux.registry import kernel_isa
from mttcg.linux.symbol_files import symbols_of_elf
from mttcg.memory.address import Virtual

KERNELS = frozenset(KERNEL_FUNCTIONS.values())
"""Names that are the kernel's in any case, as what happens is known by them."""


def named_with(image: GuestImage, program: Path, root: Path | None) -> GuestImage:
    """A kernel's image with the symbols of a program, too.

    A name that both have is the program's, but for those of KERNELS. program: an ELF file of
    which it is known where the kernel loads it. root: the top of the program's file
    system, where there may be its debug file, None if there is none.
    """
    return replace(image, read_symbols=lambda: _both(image, program, root))


def _both(image: GuestImage, program: Path, root: Path | None) -> SymbolTable:
    kernel = image.read_symbols()
    try:
        file = file_with(SYMBOLS, program, root)
        found = symbols_of_elf(file, file.read_bytes())
    except (OSError, GuestFileError, ElfFileError) as error:
        warning = f"{error}; the program's functions have no names"
        return replace(kernel, warnings=(*kernel.warnings, warning))
    if not found:
        return replace(kernel, warnings=(*kernel.warnings, no_symbols(program)))
    bias = load_bias(program, kernel_isa(image.isa.name)) or 0
    own = [
        (each.is_global, Symbol(Virtual(each.address + bias), each.size, each.name))
        for each in found
    ]
    by_name: dict[str, Symbol] = {}
    for is_global, symbol in own:
        if is_global or symbol.name not in by_name:
            by_name[symbol.name] = symbol
    kept = {name: symbol for name, symbol in kernel.by_name.items() if name in KERNELS}
    return replace(
        kernel,
        # a program is below all of the kernel
        symbols=(*(symbol for _, symbol in own), *kernel.symbols),
        by_name={**kernel.by_name, **by_name, **kept},
    )
