"""Where numba keeps what it compiled, so that a later run need not compile it again."""

import hashlib
import os
from functools import cache
from pathlib import Path

CONSTANTS = (
    "isa/riscv64/hart.py",
    "engine/unicorn/frame.py",
    "instrument/events.py",
    "instrument/frames.py",
)


@cache
def use_native_cache() -> Path:
    """Let numba keep compiled code per user, apart for every state of what it compiles; where.

    numba notices a changed file, but not a function or constant that changed in another: so the
    cache is named after all files that it compiles from, and those that they take constants from.
    """
    package = Path(__file__).parent.parent
    sources = [*(package / name for name in CONSTANTS), bus_ring()]
    sources += [p for p in sorted(package.rglob("*.py")) if b"numba" in p.read_bytes()]
    digest = hashlib.blake2b(digest_size=8)
    for source in sources:
        digest.update(source.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(base / "mttcg" / digest.hexdigest())))


def bus_ring() -> Path:
    """The file that has the offsets of a ring."""
    from mttcg_bus import ring

    return Path(ring.__file__)
