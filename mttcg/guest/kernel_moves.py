"""A kernel that moves itself at its start (KASLR), by a seed that the device tree has for it.

Linux does so where it was built for it (CONFIG_RANDOMIZE_BASE), once it is about to turn address
translation on; its command line may forbid it. Sources: linux: of the ISA, mm/init.c (how far) and
kernel/pi/cmdline_early.c; dt-schema: chosen.yaml.
"""

from dataclasses import replace

from mttcg.guest.image import GuestImage, SymbolTable
from mttcg.hardware.given_tree import TreeError, properties_of
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_isa import KernelIsa
from mttcg.linux.registry import kernel_isa
from mttcg.memory.address import Virtual

SEED_BYTES = 8
FORBIDDEN = b"nokaslr"
"""Anywhere in the command line, whatever it is part of."""


def where_it_moves(image: GuestImage, tree: bytes, append: str) -> GuestImage:
    """The kernel's image, with its symbols where it will be.

    tree: what it is given, flattened; one that is damaged is others' to refuse. append: its command
    line, "" for that of the tree.
    """
    try:
        chosen = properties_of(tree, "chosen")
        isa = kernel_isa(image.isa.name)
    except (TreeError, KernelDataError):
        return image
    seed = chosen.get("kaslr-seed", b"")
    line = append.encode() or chosen.get("bootargs", b"")
    if len(seed) != SEED_BYTES or FORBIDDEN in line:
        return image
    number = int.from_bytes(seed, "big")
    return replace(image, read_symbols=lambda: _moved(image.read_symbols(), isa, number))


def _moved(table: SymbolTable, isa: KernelIsa, seed: int) -> SymbolTable:
    """Symbols where a kernel is with that seed, if it is one that moves."""
    found = [table.by_name.get(name) for name in (isa.moves, "_start", "_end")]
    moves, start, end = found
    if moves is None or start is None or end is None:
        return table
    shift = isa.shift(seed, end.address - start.address)
    symbols = tuple(each._replace(address=Virtual(each.address + shift)) for each in table.symbols)
    by_name = {
        name: each._replace(address=Virtual(each.address + shift))
        for name, each in table.by_name.items()
    }
    return SymbolTable(symbols, by_name, table.warnings)
