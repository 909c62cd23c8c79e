"""Digests of files that were read once, found by the files' times and sizes in later runs."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

MOST = 32
"""Sets of files, in one state each, that are remembered; the oldest leave."""
SETTLED_NANOSECONDS = 2_000_000_000
"""A file that was changed later than this before it was read may change once more and have the
same time (file systems count in milliseconds or seconds)."""


def known_digest(files: Sequence[Path], memory: Path, read: Callable[[], str]) -> str:
    """The digest of some files: the one that is known of their state, else what `read` gives.

    The state is each one's path, size, number, and times of the last change of content and of
    anything, of which the last can be set by nobody.

    Args:
        files: in an order that matters.
        memory: the file that has what is known; it need not be there, nor be writable.
        read: reads them all.
    """
    state = _state_of(files)
    known = _read(memory)
    if state in known:
        return known[state]
    begun = time.time_ns()
    found = read()
    settled = all(begun - file.stat().st_ctime_ns > SETTLED_NANOSECONDS for file in files)
    if settled and _state_of(files) == state:
        _write(memory, {**known, state: found})
    return found


def _state_of(files: Sequence[Path]) -> str:
    state = blake2b(digest_size=16)
    for file in files:
        of = file.stat()
        one = (str(file), of.st_size, of.st_ino, of.st_dev, of.st_mtime_ns, of.st_ctime_ns)
        state.update(repr(one).encode())
    return state.hexdigest()


def _read(memory: Path) -> dict[str, str]:
    """What is known; nothing if it can't be read, or is not as it is written."""
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    texts = isinstance(known, dict) and all(isinstance(one, str) for one in known.values())
    return known if texts else {}


def _write(memory: Path, known: dict[str, str]) -> None:
    """Keep the newest, at once as a whole, where that can be written."""
    newest = dict(list(known.items())[-MOST:])
    part = memory.with_name(f"{memory.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(newest))
        part.replace(memory)
