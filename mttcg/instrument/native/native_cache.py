"""Where native code that was compiled is kept, so that a later run need not compile it again."""

import hashlib
import os
from functools import cache
from pathlib import Path

FOLDERS = ("native", "memory", "state", "isa", "instrument", "engine/unicorn")
"""What numba compiles of ours, and all that this takes constants and functions from."""


@cache
def sources_digest() -> str:
    """The state of everything that native code of ours is made from.

    numba notices a changed file, but not a function or constant that changed in another.
    """
    package = Path(__file__).parents[2]
    sources = [file for folder in FOLDERS for file in sorted((package / folder).rglob("*.py"))]
    digest = hashlib.blake2b(digest_size=8)
    for source in (*sources, bus_ring()):
        digest.update(source.read_bytes())
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
