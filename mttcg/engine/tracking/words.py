"""What native functions of tracking share: a vCPU's words, and where to find what in memory."""

import numpy as np
from numba import njit

from mttcg.engine.tracking.layout import OWN_ROW_BYTES, ROW_BYTES, ROWS, TrackingWord
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.native import host
from mttcg.native.words import get
from mttcg.tbcache.layout import SLOT

U64 = np.uint64
ZERO, ONE, EIGHT = U64(0), U64(1), U64(8)
SHIFT, PAGE_BYTES, LAST_HALF = U64(PAGE_SHIFT), U64(PAGE), U64(PAGE - 2)
NUMBER_BYTES = U64(4)
"""Of a slot's number."""
SLOT_STRIDE = U64(SLOT.itemsize)
PLACES = {name: U64(place) for name, (_, place, *_) in (SLOT.fields or {}).items()}
"""Byte offsets in what the block cache has of a slot."""
TAIL = PLACES["tail"]
ROW_STRIDE, OWN_STRIDE = U64(ROW_BYTES), U64(OWN_ROW_BYTES)
SET_AND_WAIT = U64(7)
"""F_SETLKW of fcntl(2)."""


@njit(cache=True)
def row_of(words, page):
    """Address of a page's row in the segment."""
    return get(words, TrackingWord.SHARED) + U64(ROWS) + page * ROW_STRIDE


@njit(cache=True)
def own_row_of(words, page):
    """Address of what this vCPU has of a page."""
    return get(words, TrackingWord.OWN_ROWS) + page * OWN_STRIDE


@njit(cache=True)
def straddles(content):
    """Whether the last instruction of a page's content may end in the next page."""
    return host.load16(content + LAST_HALF) & U64(3) == U64(3)


@njit(cache=True)
def has_tail(words, page, content):
    """Whether the next page has the end of a page's last instruction."""
    return straddles(content) and page + ONE < get(words, TrackingWord.PAGES)


@njit(cache=True)
def set_lock(words, request):
    """Take or release the block cache's lock; whether that was done."""
    return (
        host.call_lock(
            get(words, TrackingWord.LOCK), get(words, TrackingWord.LOCK_FILE), SET_AND_WAIT, request
        )
        == 0
    )


@njit(cache=True)
def slot_of(words, page):
    """The slot that this vCPU fetches a page from."""
    return host.load32(get(words, TrackingWord.USED) + page * NUMBER_BYTES) - ONE


@njit(cache=True)
def is_given_up(words, page):
    """Whether this vCPU fetches no more from a page that it has fetched from."""
    return host.load32(get(words, TrackingWord.USED) + page * NUMBER_BYTES) == ZERO


@njit(cache=True)
def slot_row(words, slot):
    """Address of what the block cache has of a slot."""
    return get(words, TrackingWord.SLOTS) + slot * SLOT_STRIDE


@njit(cache=True)
def content_of(words, slot):
    """Address of a slot's content."""
    return get(words, TrackingWord.ORIGINAL) + (slot << SHIFT)
