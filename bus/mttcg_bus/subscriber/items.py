"""What a subscriber iterates over."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mttcg_bus.wire.stream import Records, StreamSpec


@dataclass(frozen=True, eq=False)
class Batch:
    """Records of one vCPU's stream, in order; `first` is the sequence number of the first.

    records: read-only, valid until the next item is asked for: read them or copy them. They lie in
    the vCPU's ring, or in the received message, at an address of any alignment.
    """

    stream: str
    cpu: int
    first: int
    records: Records


@dataclass(frozen=True)
class Gap:
    """`count` records of one vCPU's stream are missing here, before sequence number `next`.

    cause: "missed": they were published, but not to this subscriber: it joined later, or had no
    room and its policy is to drop; "dropped": the producer gave them up, so they never had
    sequence numbers.
    """

    stream: str
    cpu: int
    next: int
    count: int
    cause: Literal["missed", "dropped"]


@dataclass(frozen=True)
class End:
    """One vCPU's stream has ended after `records` records; `dropped` more were given up."""

    stream: str
    cpu: int
    records: int
    dropped: int


@dataclass(frozen=True)
class Opened:
    """More streams; items of theirs come from now on, for who subscribed to `later` ones, too."""

    streams: tuple[StreamSpec, ...]


Item: TypeAlias = Batch | Gap | End | Opened
