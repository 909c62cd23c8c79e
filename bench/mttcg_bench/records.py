"""What the bus is measured with."""

import numpy as np

RECORD = np.dtype([("number", "<u8"), ("address", "<u8"), ("value", "<u8"), ("kind", "<u8")])
"""A record of 32 bytes."""
SHORT_RECORD = np.dtype([("number", "<u8"), ("value", "<u8")])
"""A record of 16 bytes."""
RECORDS = {dtype.itemsize: dtype for dtype in (RECORD, SHORT_RECORD)}
BATCH = 4096
"""Records that a producer appends at a time, and between two doorbells."""
