"""The modules that a kernel has loaded, and their symbols, in the kernel's structures.

Source: linux: include/linux/module.h, kernel/module/kallsyms.c. A module has the symbols of its ELF
file (System V gABI, chapter 4), at the addresses at which they are.
"""

import struct
from collections.abc import Iterator
from typing import Any

from mttcg.instrument.api.process import ModuleSymbol
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_memory import KernelMemory
from mttcg.memory.address import Virtual, offset_in_page
from mttcg.memory.page import PAGE

SYMBOL = struct.Struct("<IBBHQQ")
"""st_name, st_info, st_other, st_shndx, st_value, st_size."""
FUNCTION, KIND_BITS = 2, 15
MOST_MODULES, MOST_SYMBOLS = 1 << 16, 1 << 20
LONGEST_NAME = 512
LIST = "modules"
"""The kernel's list of them."""
WHAT, EXPECTED = "the kernel", "modules with symbols (CONFIG_KALLSYMS), of Linux 6"


def symbols_of_modules(memory: KernelMemory, head: int) -> Iterator[ModuleSymbol]:
    """The functions of all modules; `head`: address of the kernel's list.

    Raises KernelDataError where the structures make no sense, or are changed just then.
    """
    if "module.kallsyms" not in memory.layout:
        raise KernelDataError(WHAT, "it does not say where modules have their symbols", EXPECTED)
    for module in memory.listed(head, "module.list", MOST_MODULES):
        name = memory.text(module, "module.name")
        table = memory.member(module, "module.kallsyms")
        if table:
            yield from _functions(memory, table, name)


def _functions(memory: KernelMemory, table: int, module: str) -> Iterator[ModuleSymbol]:
    count = memory.member(table, "mod_kallsyms.num_symtab")
    if count > MOST_SYMBOLS:
        raise KernelDataError(WHAT, f"the module {module} has {count} symbols", EXPECTED)
    content = memory.read(memory.member(table, "mod_kallsyms.symtab"), count * SYMBOL.size)
    names = memory.member(table, "mod_kallsyms.strtab")
    rows: list[tuple[Any, ...]] = list(SYMBOL.iter_unpack(content))
    for name, info, _, section, address, size in rows:
        if info & KIND_BITS == FUNCTION and section and address:
            yield ModuleSymbol(address, size, _text(memory, names + name), module)


def _text(memory: KernelMemory, address: int) -> str:
    """A name, up to its end, page by page."""
    found = b""
    while len(found) < LONGEST_NAME:
        piece = memory.read(address, PAGE - offset_in_page(Virtual(address)))
        text, zero, _ = piece.partition(b"\0")
        found += text
        if zero:
            break
        address += len(piece)
    return found.decode("utf-8", "replace")
