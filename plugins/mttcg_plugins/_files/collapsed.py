"""Collapsed stacks: a line each, frames between semicolons, then a blank and a count.

As `flamegraph.pl` and others read it: github.com/brendangregg/FlameGraph, README, "2. Fold stacks".
"""

from collections.abc import Iterable
from functools import lru_cache

from mttcg.instrument import printable


def collapsed_line(frames: Iterable[str], count: int) -> str:
    """The line of a stack, from the outermost frame on."""
    return f"{';'.join(map(frame_text, frames))} {count}\n"


@lru_cache(maxsize=1 << 16)
def frame_text(name: str) -> str:
    """A frame's name as it stays one frame."""
    return printable(name, ";")
