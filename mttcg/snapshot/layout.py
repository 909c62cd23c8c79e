"""What is where in the file of a snapshot; docs/snapshots.md says it in words.

All numbers are little-endian. A memory is divided into windows of WINDOW bytes; of each that has
anything but zeros there is a piece, which has its pages that are not all zeros, one behind the
other, compressed by itself.
"""

import struct
from typing import NamedTuple

import numpy as np

from mttcg.memory.page import PAGE

MAGIC = b"mttcgsnp"
FORMAT = 1
"""Of the file; another is refused."""
WINDOW_PAGES = 256
WINDOW = WINDOW_PAGES * PAGE
HEADER = struct.Struct("<8sIIQQQII")


class Header(NamedTuple):
    """The first bytes of the file, written last.

    Attributes:
        format: FORMAT.
        page: bytes of a page, PAGE.
        size: bytes of the whole file.
        index_at: where the index begins, to the end of the file.
        plain: bytes of the index when it is decompressed.
        index_sum: CRC-32 of the index as it is in the file.
        own_sum: CRC-32 of the header before this.
    """

    magic: bytes
    format: int
    page: int
    size: int
    index_at: int
    plain: int
    index_sum: int
    own_sum: int


PIECE = np.dtype(
    [
        ("memory", "<u4"),  # which of the index's `memories`
        ("sum", "<u4"),  # CRC-32 of the piece as it is in the file
        ("window", "<u8"),  # its number in the memory
        ("place", "<u8"),  # where the piece begins in the file
        ("size", "<u4"),  # bytes of it there
        ("pages", "<u4"),  # that it has
        ("there", "u1", (WINDOW_PAGES // 8,)),  # a bit for each page of the window, lowest first
    ]
)
"""A row of the table of pieces, which stands in the index behind the JSON text."""
LENGTH = struct.Struct("<Q")
"""Before the JSON text in the index: its bytes."""
