"""Where everything of the code arena lies in its segment, and how keys of code are made."""

import numpy as np

from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import MOST_VCPUS

ROWS = 1 << 17
MOST_ROWS = ROWS * 3 // 4
"""In use at a time: with more, to look for a key would take long."""
ROW = np.dtype([("key", "<u8"), ("offset", "<u8")])
HEADER = np.dtype(
    [
        ("permanent", "<u8"),  # key of the permanent code, once it is there
        ("used", "<u8"),  # where the next code goes
        ("rows", "<u8"),
        ("region", "<u8"),  # the one that is being filled
        ("sequence", "<u8"),  # odd while rows are being removed
        ("generation", "<u8"),  # grows when jumps that were learnt before are to be forgotten
        ("reclaimed", "<u8"),  # regions
        ("written", "<u8"),  # bytes of code, in all
        ("kept_functions", "<u8"),  # put in place, of those that earlier runs kept
        ("kept_bytes", "<u8"),
        ("refused", "<u8"),  # records of kept code
        ("stored", "<u8"),  # functions that were kept for later runs
        ("news", "<u8"),  # versions that better code was made of
    ]
)
GENERATION_AT = HEADER.fields["generation"][1]  # type: ignore[index]
INSIDE_AT = PAGE
INSIDE_STRIDE = 64
"""A word for each vCPU, in a cache line of its own, which that vCPU alone writes: 0, or 1 more
than the generation with which it runs code."""
NEWS_AT = INSIDE_AT + MOST_VCPUS * INSIDE_STRIDE
MOST_NEWS = PAGE // 8
"""The slots of the last versions that better code was made of, a word each, in turn."""
INDEX_AT = NEWS_AT + 8 * MOST_NEWS
CODE_AT = INDEX_AT + ROWS * ROW.itemsize
PERMANENT_BYTES = PAGE
"""Room for what is never reclaimed: the loop from which all the rest is entered."""
REGIONS = 8
ALIGNMENT = 64
PLACES_BYTES = HALVES // 8
"""In front of code: a bit for each place of the page that it was made of, set if it is in it."""

KEY_MASK, KEY_BIT = (1 << 62) - 1, 1 << 62
KEY_STEP = 0x9E37_79B9_7F4A_7C15
"""Odd, so that no two entries of a version have one key; the golden ratio, so that they scatter."""
