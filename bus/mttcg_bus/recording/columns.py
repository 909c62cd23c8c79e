"""Records as compressed columns, which is how recordings keep them (PROTOCOL.md, "Columns").

The numbers of a field are alike, and their upper bytes mostly the same: side by side, byte by byte,
a general compressor makes little of them, and fast. A record of a memory access, 32 bytes, takes
about one.
"""

import struct
from typing import Any

import numpy as np
import zstandard

from mttcg_bus.errors import ProtocolError
from mttcg_bus.wire.limits import LARGEST_PAYLOAD
from mttcg_bus.wire.plain import Bytes
from mttcg_bus.wire.stream import Records

LEVEL = 1
"""Compression level of zstd. Higher ones gain little, and take longer than the guest runs."""
_HEAD = struct.Struct("<BB")
"""The head of a column: the encoding of its numbers, and how many bytes each has."""
LESS_LEAST, DIFFERENCES = 0, 1
_SAMPLE = 64
"""Numbers that are looked at to see whether a column rises."""


class Packer:
    """Makes columns of batches, one after the other."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)

    def pack(self, records: Records) -> bytes | None:
        """Return a batch as compressed columns; None if that takes no less than the records."""
        if len(records) * bytes_of_fields(records.dtype) > LARGEST_PAYLOAD:
            return None
        pieces: list[Bytes] = []
        for name in records.dtype.names or ():
            pieces += _column(_numbers(records[name]))
        packed = self._compressor.compress(b"".join(pieces))
        return packed if len(packed) < records.nbytes else None


def bytes_of_fields(dtype: "np.dtype[Any]") -> int:
    """Return how many bytes the fields of a record have; what lies between them is not kept."""
    return sum(dtype[name].itemsize for name in dtype.names or ())


def _unsigned(dtype: "np.dtype[Any]") -> "np.dtype[Any]":
    """Return what the values of a field are as numbers: bytes of fixed length one by one."""
    base = dtype.base
    return np.dtype("u1") if base.kind == "S" else np.dtype(f"<u{base.itemsize}")


def _numbers(values: Records) -> Records:
    return np.ascontiguousarray(values).reshape(-1).view(_unsigned(values.dtype))


def _column(numbers: Records) -> tuple[bytes, bytes, bytes]:
    if _rises(numbers):
        how, base = DIFFERENCES, numbers[0]
        rest = np.zeros_like(numbers)
        np.subtract(numbers[1:], numbers[:-1], out=rest[1:])
    else:
        how, base = LESS_LEAST, numbers.min()
        rest = numbers - base
    size = (int(rest.max()).bit_length() + 7) // 8
    by_byte = rest.view(np.uint8).reshape(len(rest), -1)[:, :size]
    return _HEAD.pack(how, size), base.tobytes(), by_byte.T.tobytes()


def _rises(numbers: Records) -> bool:
    """Whether no number is less than the one before it, as in clocks, and where all are equal."""
    return all((some[1:] >= some[:-1]).all() for some in (numbers[:_SAMPLE], numbers))


def unpack(payload: Bytes, count: int, dtype: "np.dtype[Any]") -> Records:
    """Return the `count` records of compressed columns; raises ProtocolError.

    What it takes is in proportion to `count`, whatever the payload claims to hold.
    """
    names = dtype.names or ()
    if not 0 < count * bytes_of_fields(dtype) <= LARGEST_PAYLOAD:
        raise ProtocolError(f"columns of {count} records: too many")
    heads = sum(_HEAD.size + _unsigned(dtype[name]).itemsize for name in names)
    data = memoryview(_decompressed(payload, heads + count * bytes_of_fields(dtype)))
    records = np.zeros(count, dtype)
    for name in names:
        field = dtype[name]
        numbers, data = _read_column(data, count * field.itemsize, _unsigned(field))
        records[name] = numbers.view(field.base).reshape(count, *field.shape)
    if data:
        raise ProtocolError(f"{len(data)} bytes after the last column")
    records.flags.writeable = False
    return records


def _decompressed(payload: Bytes, most: int) -> bytes:
    """Return what zstd compressed, which says first how much that is."""
    try:
        size = zstandard.frame_content_size(payload)
        if not 0 <= size <= most:
            raise ProtocolError(f"columns of {size} bytes; expected at most {most}")
        return zstandard.ZstdDecompressor().decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ProtocolError(f"columns that are not compressed by zstd: {error}") from error


def _read_column(
    data: memoryview, length: int, kind: "np.dtype[Any]"
) -> tuple[Records, memoryview]:
    """Return the numbers of the next column, `length` bytes of them, and what follows it."""
    count, start = length // kind.itemsize, _HEAD.size + kind.itemsize
    if len(data) < start:
        raise ProtocolError("a column is cut")
    how, size = _HEAD.unpack_from(data)
    end = start + size * count
    if size > kind.itemsize or how not in (LESS_LEAST, DIFFERENCES) or len(data) < end:
        raise ProtocolError(f"a column of kind {how}, with {size} bytes of each number")
    base = np.frombuffer(data, kind, 1, _HEAD.size)[0]
    rest = np.zeros((count, kind.itemsize), np.uint8)
    rest[:, :size] = np.frombuffer(data[start:end], np.uint8).reshape(size, count).T
    numbers = rest.reshape(-1).view(kind)
    if how == DIFFERENCES:
        np.add.accumulate(numbers, out=numbers)
    numbers += base
    return numbers, data[end:]
