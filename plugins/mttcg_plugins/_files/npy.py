"""A .npy file that grows (NEP 1, version 1.0): readable after each append."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mttcg_bus.errors import OutputFull
from mttcg_bus.host.growing_file import GrowingFile
from mttcg_bus.wire.stream import Records, bytes_of

HEADER_BYTES = 1024
"""Room for the header, whose length is kept when the shape is written again."""
MAGIC = b"\x93NUMPY\x01\x00"


class RecordFile:
    """Records of one dtype, appended batch by batch until there is no room.

    count: how many are in it. fault: what is to be said of it; "" while all are in it.
    Raises OSError if the file can't be written, OutputFull if there is no room to begin with.
    """

    def __init__(self, path: Path, dtype: "np.dtype[Any]") -> None:
        self.dtype, self.count, self.missing = dtype, 0, 0
        self.file = GrowingFile(path)
        self.file.write(self._header())

    def _header(self) -> bytes:
        fields = {"descr": self.dtype.descr, "fortran_order": False, "shape": (self.count,)}
        room = HEADER_BYTES - len(MAGIC) - 2
        text = repr(fields).encode("ascii").ljust(room - 1) + b"\n"
        return MAGIC + room.to_bytes(2, "little") + text

    def append(self, records: Records) -> None:
        """Write records at the end; the header counts them on `close`."""
        self.missing += len(records)
        if self.file.full is None:
            with suppress(OutputFull):
                self.file.write(bytes_of(records))
                self.count, self.missing = self.count + len(records), 0

    @property
    def fault(self) -> str:
        """Why it has not all records, and how many."""
        full, every = self.file.full, self.count + self.missing
        return f"{full.path}: {full.why}; it has {self.count} of {every} records" if full else ""

    def close(self) -> None:
        """Write the number of records into the header, and close."""
        self.file.write_again(0, self._header())
        self.file.close()
