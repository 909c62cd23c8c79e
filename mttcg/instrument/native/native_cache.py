"""Where native code that was compiled is kept, so that a later run need not compile it again."""

import contextlib
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mttcg.instrument.native.known_digests import known_digest

FOLDERS = (
    "native",
    "memory",
    "state",
    "isa",
    "tbcache",
    "instrument",
    "engine/tracking",
    "engine/unicorn",
    "engine/fence_words.py",
    "engine/llvm/arena_layout.py",
    "engine/llvm/frame.py",
    "engine/llvm/kept/layout.py",
    "engine/llvm/kept/native*.py",
    "engine/llvm/address_rows.py",
    "engine/llvm/followed_counters.py",
    "engine/llvm/*/paging",
    "engine/llvm/interpreter/observed_layout.py",
    "firmware",
    "hardware/board.py",
    "hardware/mmio.py",
    "hardware/interrupts",
    "hardware/devices/uart16550*.py",
    "hardware/devices/virtio",
)
"""What numba compiles of ours, and all that this takes constants and functions from."""


DIGEST = re.compile(r"[0-9a-f]{16}")
"""A folder's name."""
OURS, DOOMED = "mttcg", ".unused."
DIGESTS = "digests.json"
"""What files contained, by their times and sizes."""
UNUSED_SECONDS = 14 * 24 * 3600


@cache
def sources_digest() -> str:
    """The state of everything that native code of ours is made from.

    numba notices a changed file, but not a function or constant that changed in another.
    """
    return digest_of(*sources_in(FOLDERS), bus_ring())


def sources_in(folders: Iterable[str]) -> list[Path]:
    """The modules in some folders of the package, or at their paths there, by patterns."""
    package = Path(__file__).parents[2]
    places = [place for folder in folders for place in sorted(package.glob(folder))]
    return [
        file
        for place in places
        for file in ([place] if place.is_file() else sorted(place.rglob("*.py")))
    ]


def digest_of(*files: Path) -> str:
    """A short digest of what files contain; they are read if one is not as it was the last time."""
    return known_digest(files, _cache_folder() / DIGESTS, lambda: _digest_of_content(files))


def _digest_of_content(files: Iterable[Path]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _cache_folder() -> Path:
    """Where we keep things for a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / OURS


@cache
def use_native_cache() -> Path:
    """Let numba keep compiled code per user, apart for every state of the sources; where.

    `NUMBA_CACHE_DIR` says where if it is set.
    """
    if "NUMBA_CACHE_DIR" not in os.environ:
        os.environ["NUMBA_CACHE_DIR"] = str(_cache_folder() / sources_digest())
        numba = sys.modules.get("numba")
        if numba is not None:  # it was loaded before, and would keep code beside our modules
            numba.config.reload_config()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    with contextlib.suppress(OSError):
        os.utime(folder)  # it is in use
    return folder


def remove_unused(own: Path, now: float) -> list[Path]:
    """Remove what other states of the sources kept and no run has used for long; what that was.

    Only what a run makes again if it should miss it. Whoever begins to use one at this very moment
    finds it by its name, or not at all, as it gets another first. Nothing is removed if `own`, the
    folder of this state, is not one of ours but where a user wants it.
    """
    removed: list[Path] = []
    base = own.parent
    if base.name != OURS or not DIGEST.fullmatch(own.name):
        return removed
    for folder in base.glob("*"):
        with contextlib.suppress(OSError):
            if (
                folder != own
                and DIGEST.fullmatch(folder.name)
                and now - folder.stat().st_mtime > UNUSED_SECONDS
            ):
                doomed = folder.with_name(f"{folder.name}{DOOMED}{os.getpid()}")
                folder.rename(doomed)
                removed.append(folder)
    for doomed in base.glob(f"*{DOOMED}*"):  # a run that was killed may have left one
        shutil.rmtree(doomed, ignore_errors=True)
    return removed


def bus_ring() -> Path:
    """The file that has the offsets of a ring."""
    from mttcg_bus.ring import ring

    return Path(ring.__file__)
