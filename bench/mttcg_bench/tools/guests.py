"""The example guests as files."""

import functools

from mttcg.config import MEMORY_DEFAULT
from mttcg.guest.elf import load_guest
from mttcg.guest.image import GuestImage
from mttcg.hardware.boards.riscv_virt import RAM_BASE
from mttcg_bench.checkout import GUESTS, below_root


def guest_file(name: str) -> str:
    """An example guest's ELF, as seen from the root of the source tree."""
    return below_root(GUESTS / f"{name}.elf")


@functools.cache
def guest_image(name: str) -> GuestImage:
    """An example guest, read."""
    return load_guest(GUESTS / f"{name}.elf", RAM_BASE, MEMORY_DEFAULT)


def addresses(name: str) -> dict[str, str]:
    """Address of every symbol of an example guest, as text for a plugin's option."""
    return {symbol.name: hex(symbol.address) for symbol in guest_image(name).symbols}
