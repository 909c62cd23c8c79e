"""Guests as files: the examples, and those of this package, which are built when asked for."""

import atexit
import functools
import importlib.util
import re
import shutil
import tempfile
from pathlib import Path

from mttcg.config import MEMORY_DEFAULT
from mttcg.guest.elf import load_guest
from mttcg.guest.image import GuestImage
from mttcg.hardware.boards.riscv_virt import RAM_BASE
from mttcg_bench.checkout import GUESTS, below_root
from mttcg_bench.errors import RunFailed
from mttcg_bench.guests import calls_source, cold_source

OWN = Path(__file__).parents[1] / "guests"
PROGRAMS = OWN / "programs"
"""Programs as people write them, each a guest."""
MEASURING = ("operations", "ticks", "waits", "patches", "cold", "many_calls")
"""The guests of this package that measure themselves."""
BUILT = {
    **dict.fromkeys(MEASURING, OWN),
    **{path.stem: PROGRAMS for path in PROGRAMS.glob("*.c*")},
}
"""The guests of this package, and where the source of each is."""
TOLD = re.compile(r"^(.+): (-?\d+) ps\r?$", re.MULTILINE)
"""What a guest says of a time that it took itself."""


def unavailable(guest: str) -> str:
    """Why a guest can't be had here, "" if it can."""
    there = guest not in BUILT or importlib.util.find_spec("ziglang") is not None
    return "" if there else "ziglang is not installed (the extra `build`), which builds the guest"


def guest_path(name: str) -> Path:
    """The ELF file of a guest."""
    folder = built_guests(BUILT[name]) if name in BUILT else GUESTS
    return folder / f"{name}.elf"


def guest_file(name: str) -> str:
    """The same, as seen from the root of the source tree."""
    return below_root(guest_path(name))


@functools.cache
def built_guests(sources: Path) -> Path:
    """A folder with the guests of a folder of this package; raises RunFailed if one fails."""
    folder = Path(tempfile.mkdtemp(prefix="bench-guests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for source in (path for path in sources.iterdir() if path.suffix in (".c", ".cpp", ".h")):
        shutil.copy(source, folder)
    if sources == OWN:
        (folder / "cold.c").write_text(cold_source.source())
        (folder / "many_calls.c").write_text(calls_source.source())
    found = importlib.util.spec_from_file_location("build_guests", GUESTS / "build.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    try:
        module.build(folder, folder)
    except SystemExit as failed:
        raise RunFailed("the guests", str(failed)) from None
    return folder


@functools.cache
def guest_image(name: str) -> GuestImage:
    """A guest's ELF, read."""
    return load_guest(guest_path(name), RAM_BASE, MEMORY_DEFAULT)


def addresses(name: str) -> dict[str, str]:
    """Address of every symbol of a guest, as text for a plugin's option."""
    return {symbol.name: hex(symbol.address) for symbol in guest_image(name).symbols}


def measured(output: str) -> dict[str, float]:
    """The times that a guest took itself, in seconds, by what they are of."""
    return {what: int(picoseconds) * 1e-12 for what, picoseconds in TOLD.findall(output)}
