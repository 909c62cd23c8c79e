"""The names of a program's functions, beside those of the kernel that runs it."""

from dataclasses import replace
from pathlib import Path

from mttcg.errors import GuestFileError
from mttcg.guest.image import GuestImage, Symbol, SymbolTable
from mttcg.instrument.loading.plugin_functions import KERNEL_FUNCTIONS
from mttcg.linux.symbol_files import symbols_of_elf

KERNELS = frozenset(KERNEL_FUNCTIONS.values())
"""Names that are the kernel's in any case, as what happens is known by them."""


def named_with(image: GuestImage, program: Path) -> GuestImage:
    """A kernel's image with the symbols of a program, too.

    A name that both have is the program's, but for those of KERNELS. program: an ELF file that is
    linked for one place, or any other, which has no names.
    """
    return replace(image, read_symbols=lambda: _both(image, program))


def _both(image: GuestImage, program: Path) -> SymbolTable:
    kernel = image.read_symbols()
    try:
        found = symbols_of_elf(program, program.read_bytes())
    except (OSError, GuestFileError) as error:
        warning = f"{error}; the program's functions have no names"
        return replace(kernel, warnings=(*kernel.warnings, warning))
    own = [(each.is_global, Symbol(each.address, each.size, each.name)) for each in found]
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
