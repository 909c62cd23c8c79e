"""What the bus is measured with."""

import numpy as np

RECORD = np.dtype([("number", "<u8"), ("address", "<u8"), ("value", "<u8"), ("kind", "<u8")])
"""A record of 32 bytes."""
SHORT_RECORD = np.dtype([("number", "<u8"), ("value", "<u8")])
"""A record of 16 bytes."""
RECORDS = {dtype.itemsize: dtype for dtype in (RECORD, SHORT_RECORD)}
BATCH_BYTES = 128 * 1024
"""Of the records that a producer appends at a time, and between two doorbells; a plugin's `Stream`
has as many unless it asks for others."""


def batch_of(itemsize: int) -> int:
    """Records of so many bytes in a batch."""
    return BATCH_BYTES // itemsize
