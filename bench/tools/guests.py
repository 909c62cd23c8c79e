"""The example guests as files."""

import functools
from pathlib import Path

from mttcg.config import MEMORY_DEFAULT
from mttcg.machine.board import RAM_BASE
from mttcg.machine.elf import load_guest
from mttcg.machine.image import GuestImage

ROOT = Path(__file__).parents[2]
GUESTS = ROOT / "examples" / "guests"


def guest_file(name: str) -> Path:
    """Path of an example guest's ELF, from the root of the source tree."""
    return GUESTS.joinpath(name).with_suffix(".elf").relative_to(ROOT)


@functools.cache
def guest_image(name: str) -> GuestImage:
    """An example guest, read."""
    return load_guest(GUESTS.joinpath(name).with_suffix(".elf"), RAM_BASE, MEMORY_DEFAULT)


def addresses(name: str) -> dict[str, str]:
    """Address of every symbol of an example guest, as text for a plugin's option."""
    return {symbol.name: hex(symbol.address) for symbol in guest_image(name).symbols}
