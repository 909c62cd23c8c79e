"""A .npy file that grows (NEP 1, version 1.0): readable after each append."""

from pathlib import Path
from typing import Any

import numpy as np

from mttcg_bus.growing_file import GrowingFile
from mttcg_bus.stream import bytes_of

HEADER_BYTES = 1024
"""Room for the header, whose length is kept when the shape is written again."""
MAGIC = b"\x93NUMPY\x01\x00"


class RecordFile:
    """Records of one dtype, appended batch by batch.

    Raises OSError if the file can't be written.
    """

    def __init__(self, path: Path, dtype: "np.dtype[Any]") -> None:
        self.dtype, self.count = dtype, 0
        self.file = GrowingFile(path)
        self.file.write(self._header())

    def _header(self) -> bytes:
        fields = {"descr": self.dtype.descr, "fortran_order": False, "shape": (self.count,)}
        room = HEADER_BYTES - len(MAGIC) - 2
        text = repr(fields).encode("ascii").ljust(room - 1) + b"\n"
        return MAGIC + room.to_bytes(2, "little") + text

    def append(self, records: "np.ndarray[Any, Any]") -> None:
        """Write records at the end; the header counts them on `close`."""
        self.file.write(bytes_of(records))
        self.count += len(records)

    def close(self) -> None:
        """Write the number of records into the header, and close."""
        self.file.write_again(0, self._header())
        self.file.close()
