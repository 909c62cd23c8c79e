"""The pace of the machine itself: the same work of somebody else's code, timed beside every sample.

Shared machines are faster in one hour than in the next. What was measured in both can be compared
as if they had been equally fast, for nothing of ours takes part in this work.
"""

import functools
import hashlib
import time
import zlib

PACE = "pace"
"""The metric's name in a sample."""
POWER = {"M/s": 1, "s": -1, "us": -1}
"""How a figure in such a unit follows the pace: rates rise with it, times fall, ratios stay."""
BLOCKS = 2048
PASSES = 5
LEVEL = 6
"""zlib's own default, stated as another would be other work."""


@functools.cache
def text() -> bytes:
    """The text to compress, 64 KiB of it, always the same and without a pattern to be found."""
    blocks = (hashlib.sha256(number.to_bytes(4)) for number in range(BLOCKS))
    return b"".join(block.hexdigest()[:32].encode() for block in blocks)


def pace() -> float:
    """Passes a second over the text on one core now: the best of a few, as others may interrupt."""
    return 1 / min(map(seconds_of, [text()] * PASSES))


def seconds_of(given: bytes) -> float:
    """The time of one pass."""
    began = time.perf_counter()
    zlib.compress(given, LEVEL)
    return time.perf_counter() - began
