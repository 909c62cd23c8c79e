"""Where native code that was compiled is kept, so that a later run need not compile it again."""

import hashlib
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

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
    "engine/llvm/frame.py",
    "engine/llvm/address_rows.py",
    "engine/llvm/followed_counters.py",
    "engine/llvm/*/paging",
)
"""What numba compiles of ours, and all that this takes constants and functions from."""


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
    """A short digest of what files contain."""
    digest = hashlib.blake2b(digest_size=8)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def use_native_cache() -> Path:
    """Let numba keep compiled code per user, apart for every state of the sources; where.

    `NUMBA_CACHE_DIR` says where if it is set.
    """
    if "NUMBA_CACHE_DIR" not in os.environ:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        os.environ["NUMBA_CACHE_DIR"] = str(base / "mttcg" / sources_digest())
        numba = sys.modules.get("numba")
        if numba is not None:  # it was loaded before, and would keep code beside our modules
            numba.config.reload_config()
    return Path(os.environ["NUMBA_CACHE_DIR"])


def bus_ring() -> Path:
    """The file that has the offsets of a ring."""
    from mttcg_bus.ring import ring

    return Path(ring.__file__)
