"""The pace of the machine itself: the same work of somebody else's code, timed beside every sample.

Shared machines are faster in one hour than in the next. What was measured in both can be compared
as if they had been equally fast, for nothing of ours takes part in this work. How fast a core
computes says nothing of how fast the memory answers; so there is a work for each.
"""

import functools
import hashlib
import time
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mttcg_bench.model import Resource

PACE = "pace"
"""The metric's name in a sample."""
POWER = {"M/s": 1, "s": -1, "us": -1}
"""How a figure in such a unit follows the pace: rates rise with it, times fall, ratios stay."""
BLOCKS = 2048
PASSES = {Resource.CORE: 5, Resource.MEMORY: 2}
"""The best of so many is taken, as others may interrupt."""
LEVEL = 6
"""zlib's own default, stated as another would be other work."""
WORDS = 1 << 23
"""64 MiB of them: more than the last cache has."""
READ = 1 << 20
SEED = 1


@functools.cache
def text() -> bytes:
    """The text to compress, 64 KiB of it, always the same and without a pattern to be found."""
    blocks = (hashlib.sha256(number.to_bytes(4)) for number in range(BLOCKS))
    return b"".join(block.hexdigest()[:32].encode() for block in blocks)


@functools.cache
def scattered() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Words beyond the caches, and places among them, in an order that no prefetcher guesses."""
    return np.arange(WORDS), np.random.default_rng(SEED).integers(0, WORDS, READ)


def compress() -> None:
    """One pass over the text: what a core computes."""
    zlib.compress(text(), LEVEL)


def gather() -> None:
    """One pass over the places: what the memory answers."""
    words, places = scattered()
    words.take(places)


WORK: dict[Resource, Callable[[], None]] = {Resource.CORE: compress, Resource.MEMORY: gather}


def pace(resource: Resource) -> float:
    """Passes a second of a resource's work on one core now."""
    work = WORK[resource]
    return 1 / min(map(seconds_of, [work] * PASSES[resource]))


def seconds_of(work: Callable[[], None]) -> float:
    """The time of one pass."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
