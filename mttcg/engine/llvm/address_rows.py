"""Rows in which a vCPU keeps address translations, private to its process.

A table is direct-mapped, by page. There is one for each context in which a hart makes accesses,
such as its level of privilege; what else a translation depends on empties all tables when it
changes. A row of data has two tags, for loads and for stores: the last address of the page, 0 if
there is none; then what is to be added to a virtual address for the physical one. Only pages of RAM
without a device have rows. A row of fetches has the tag, the host address of the word that has
the page's predecoded records, see `frame.Word.PAGES`, and how far into such tables that is.
"""

from enum import IntEnum

from mttcg.memory.page import PAGE_SHIFT

DATA_ROWS, DATA_ROW_BYTES = 1 << 12, 32
READ_TAG, WRITE_TAG, DISTANCE = 0, 8, 16
"""Byte offsets in a row of data."""
DATA_SHIFT = PAGE_SHIFT - (DATA_ROW_BYTES.bit_length() - 1)
"""From an address to its row's distance, which is cut by the mask."""
DATA_MASK = (DATA_ROWS - 1) * DATA_ROW_BYTES
DATA_TABLE_BYTES = DATA_ROWS * DATA_ROW_BYTES

FETCH_ROWS, FETCH_ROW_BYTES = 1 << 11, 32
TAG, PLACE, INTO_TABLE = 0, 8, 16
"""Byte offsets in a row of fetches."""
FETCH_SHIFT = PAGE_SHIFT - (FETCH_ROW_BYTES.bit_length() - 1)
FETCH_MASK = (FETCH_ROWS - 1) * FETCH_ROW_BYTES
FETCH_TABLE_BYTES = FETCH_ROWS * FETCH_ROW_BYTES

MOST_FILLED = 1 << 12
"""Rows that are noted as filled; when there are more, all are emptied together."""


class Outcome(IntEnum):
    """What came of a translation."""

    RAM = 0  # the physical address is in the frame
    DEVICE = 1  # the same, where no plain RAM is
    CROSSES = 2  # the access goes over the end of a page; both pages are translated
    PAGE_FAULT = 3  # the address at which it is, is in the frame
    ACCESS_FAULT = 4
    MISS = 5  # of a fetch: the host is to enter the page, whose physical address is in the frame


LOADS, STORES = 1, 2
"""Kinds of accesses to data."""
ACCESS_SHIFT = 8
"""Where the kind of an access stands above its size."""
