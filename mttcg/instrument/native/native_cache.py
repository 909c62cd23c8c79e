"""Where native code that was compiled is kept, so that a later run need not compile it again."""

import hashlib
import os
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
)
"""What numba compiles of ours, and all that this takes constants and functions from."""


@cache
def sources_digest() -> str:
    """The state of everything that native code of ours is made from.

    numba notices a changed file, but not a function or constant that changed in another.
    """
    return digest_of(*sources_in(FOLDERS), bus_ring())


def sources_in(folders: Iterable[str]) -> list[Path]:
    """The modules in some folders of the package."""
    package = Path(__file__).parents[2]
    return [file for folder in folders for file in sorted((package / folder).rglob("*.py"))]


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
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(base / "mttcg" / sources_digest())))


def bus_ring() -> Path:
    """The file that has the offsets of a ring."""
    from mttcg_bus.ring import ring

    return Path(ring.__file__)
