"""What a stream is: its name, the shape of its records, and how they are batched."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg_bus.errors import ProtocolError, StreamError
from mttcg_bus.wire import plain as checked
from mttcg_bus.wire.limits import LARGEST_RECORD, MOST_FIELDS
from mttcg_bus.wire.policy import POLICIES, Policy, parse_policy

Records: TypeAlias = npt.NDArray[Any]
"""A one-dimensional array of a stream's records."""

LARGEST_CAPACITY = 2**30
"""The most bytes of records one ring may have."""
DEFAULT_RING_BYTES = 4 << 20
DEFAULT_BATCH = 1024

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}")
# boolean, integer, float and fixed-length bytes; little endian: what a reader in any language has
_FORMAT = re.compile(r"\|b1|[|<][iuf](1|2|4|8)|\|S[1-9][0-9]{0,3}")


def topic_of(stream: str, cpu: int) -> str:
    """Return the topic of one vCPU's part of a stream; `cpu` has a fixed width of four digits."""
    return f"{stream}/{cpu:04d}"


def bytes_of(records: Records) -> memoryview:
    """Return the bytes of `records`, in place if they lie side by side."""
    return np.ascontiguousarray(records).view(np.uint8).data


class Received(NamedTuple):
    """Records of one vCPU's part of a stream that a subscriber was given, and that it was not.

    missed, dropped: see `items.Gap`.
    """

    records: int = 0
    missed: int = 0
    dropped: int = 0


def received_of(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, int], Received]:
    """Read rows of stream, vCPU and the fields of `Received`."""
    return {(stream, cpu): Received(*counts) for stream, cpu, *counts in rows}


@dataclass(frozen=True)
class StreamSpec:
    """One stream; every vCPU has a ring for it.

    name: "<plugin>.<event>".
    dtype: structured, little endian, of plain numbers and fixed-length bytes; at most 4096 bytes.
    policy: what happens when somebody is slower than the guest, see `policy`; how: it, taken apart.
    batch: records after which the publisher is woken; a power of two.
    capacity: records a ring holds; a power of two, at least two batches; 0 stands for the power of
    two that makes a ring of about 4 MiB.

    Raises StreamError when one of these does not hold.
    """

    name: str
    dtype: np.dtype[Any]
    policy: str = "block"
    batch: int = DEFAULT_BATCH
    capacity: int = 0
    how: Policy = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the fields, and choose the capacity if it was left open."""
        if not _NAME.fullmatch(self.name):
            raise StreamError(self.name, "malformed name", '"<plugin>.<event>"')
        _check_dtype(self.name, self.dtype)
        how = parse_policy(self.policy)
        if how is None:
            raise StreamError(self.name, f"policy {self.policy!r}", " or ".join(POLICIES))
        object.__setattr__(self, "how", how)
        if not _is_power_of_two(self.batch):
            raise StreamError(self.name, f"batch of {self.batch}", "a power of two")
        if self.capacity == 0:
            fits = 1 << (DEFAULT_RING_BYTES // self.dtype.itemsize).bit_length() - 1
            object.__setattr__(self, "capacity", max(fits, 2 * self.batch))
        if not _is_power_of_two(self.capacity) or self.capacity < 2 * self.batch:
            wrong = f"capacity of {self.capacity}"
            raise StreamError(self.name, wrong, "a power of two, at least two batches")
        if self.capacity * self.dtype.itemsize > LARGEST_CAPACITY:
            raise StreamError(self.name, f"capacity of {self.capacity}", "at most 1 GiB a ring")

    @property
    def plugin(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def event(self) -> str:
        """The part of the name after the dot."""
        return self.name.partition(".")[2]

    def to_plain(self) -> dict[str, Any]:
        """Return the description as plain data (PROTOCOL.md, "Stream description")."""
        return {
            "name": self.name,
            "policy": self.policy,
            "batch": self.batch,
            "capacity": self.capacity,
            "itemsize": self.dtype.itemsize,
            "fields": _fields_of(self.dtype),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "StreamSpec":
        """Return what `to_plain` described; raises ProtocolError."""
        name = checked.take_text(plain, "name")
        policy = checked.take_text(plain, "policy")
        batch = checked.take_integer(plain, "batch", LARGEST_CAPACITY)
        capacity = checked.take_integer(plain, "capacity", LARGEST_CAPACITY)
        try:
            return cls(name, _dtype_from(plain), policy, batch, capacity)
        except StreamError as error:
            raise ProtocolError(str(error)) from error


def _is_power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def _check_dtype(stream: str, dtype: np.dtype[Any]) -> None:
    if not dtype.names or len(dtype.names) > MOST_FIELDS:
        raise StreamError(stream, f"dtype {dtype}", f"a structured one of 1..{MOST_FIELDS} fields")
    if not 0 < dtype.itemsize <= LARGEST_RECORD:
        wrong = f"records of {dtype.itemsize} bytes"
        raise StreamError(stream, wrong, f"at most {LARGEST_RECORD} bytes")
    for name, field_format, _, _ in _fields_of(dtype):
        if not _FORMAT.fullmatch(field_format):
            wrong = f"field {name!r} of type {field_format!r}"
            raise StreamError(stream, wrong, "little-endian numbers or fixed-length bytes")


def _fields_of(dtype: np.dtype[Any]) -> list[tuple[str, str, int, list[int]]]:
    fields = []
    places: Mapping[str, tuple[Any, ...]] = dtype.fields or {}
    for name in dtype.names or ():
        kind, offset = places[name][:2]
        base, shape = kind.subdtype or (kind, ())
        fields.append((name, base.str, offset, list(shape)))
    return fields


def _dtype_from(plain: Mapping[str, Any]) -> np.dtype[Any]:
    itemsize = checked.take_integer(plain, "itemsize", LARGEST_RECORD)
    names, formats, offsets = [], [], []
    for row in checked.take_list(plain, "fields")[: MOST_FIELDS + 1]:
        if not isinstance(row, list) or len(row) < 4:
            raise ProtocolError("a record's field is not [name, format, offset, shape]")
        parts = dict(zip(("name", "format", "offset", "shape"), row, strict=False))
        field_format = checked.take_text(parts, "format")
        if not _FORMAT.fullmatch(field_format):
            raise ProtocolError(f"a record's field has the format {field_format!r}")
        names.append(checked.take_text(parts, "name"))
        offsets.append(checked.take_integer(parts, "offset", LARGEST_RECORD))
        shape = checked.take_integers(parts, "shape")
        if len(shape) > 4 or any(not 0 < length <= LARGEST_RECORD for length in shape):
            raise ProtocolError(f"a record's field has the shape {shape}")
        formats.append((field_format, shape) if shape else field_format)
    try:
        return np.dtype(
            {"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize}
        )
    except (ValueError, TypeError) as error:
        raise ProtocolError(f"a record's fields do not fit together: {error}") from error
