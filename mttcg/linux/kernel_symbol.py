"""A name of the kernel's, with its place."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mttcg.memory.address import Virtual


class KernelSymbol(NamedTuple):
    """A symbol of the kernel, or of a module.

    Attributes:
        address: where it is.
        size: bytes to the next symbol behind it, 0 for the last one.
        name: without the module's.
        kind: a letter as nm(1) has it: of text T, t, W, w; a capital letter if it is global.
    """

    address: Virtual
    size: int
    name: str
    kind: str

    @property
    def is_global(self) -> bool:
        """Whether it can be named from other files of the kernel."""
        return self.kind.isupper()


ABSOLUTE = ("A", "a")
"""Kinds of what is a number, and no place."""


def sized(found: Iterable[tuple[int, str, str]]) -> Iterator[KernelSymbol]:
    """Symbols in order of address, from addresses, kinds and names in any.

    Names that no programmer gave, as of local labels, are left out; so are numbers.
    """
    kept = sorted(
        each for each in found if each[1] not in ABSOLUTE and not each[2].startswith(("$", ".L"))
    )
    after = 0
    for index, (address, kind, name) in enumerate(kept):
        while after < len(kept) and (after <= index or kept[after][0] == address):
            after += 1
        size = kept[after][0] - address if after < len(kept) else 0
        yield KernelSymbol(Virtual(address), size, name, kind)
