"""What the publisher knows of rings, of subscribers, and of the batches between them."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from mttcg_bus.ring_consumer import RingConsumer
from mttcg_bus.stream import Records, StreamSpec, topic_of

LARGEST_BATCH = 1 << 20
"""Bytes of records in one message, at most."""
LEAST_CREDIT = 64 << 10
"""Bytes of credit a subscriber must give, so that many records fit into one message."""


@dataclass(slots=True, eq=False)
class Sent:
    """A batch that was sent; `waiting` subscribers have not acknowledged it."""

    source: "Source"
    end: int
    count: int
    size: int
    waiting: int = 0
    spoiled: bool = False

    def answered(self, acknowledged: bool) -> bool:
        """One subscriber acknowledged it, or left; return whether that made its records lost."""
        spoils = not acknowledged and not self.spoiled
        self.spoiled |= not acknowledged
        self.waiting -= 1
        self.settle()
        return spoils

    def settle(self) -> None:
        """Enter the records into the ledger if nobody is left to answer."""
        if self.waiting == 0:
            lost = self.count if self.spoiled else 0
            self.source.ring.settle(delivered=self.count - lost, lost=lost)


@dataclass(slots=True, eq=False)
class RemoteSubscriber:
    """One subscriber: what it wants, and what it has not acknowledged yet.

    identity: its routing id at the ROUTER socket. credit: bytes it takes unacknowledged.
    """

    identity: bytes
    name: str
    prefixes: tuple[str, ...]
    credit: int
    used: int = 0
    unanswered: dict["Source", deque[Sent]] = field(default_factory=dict)

    def wants(self, topic: str) -> bool:
        """Whether it subscribed to `topic`."""
        return topic.startswith(self.prefixes)

    def has_room(self, size: int) -> bool:
        """Whether it may be sent `size` more bytes; a single batch always fits."""
        return self.used == 0 or self.used + size <= self.credit

    def charge(self, sent: Sent) -> None:
        """Note a batch that was sent to it."""
        sent.waiting += 1
        self.used += sent.size
        self.unanswered.setdefault(sent.source, deque()).append(sent)

    def acknowledge(self, source: "Source", following: int) -> None:
        """It is done with the records of `source` before number `following`."""
        queue = self.unanswered.get(source, deque())
        while queue and queue[0].end <= following:
            sent = queue.popleft()
            self.used -= sent.size
            sent.answered(acknowledged=True)

    def leave(self) -> int:
        """It is gone; return how many records its leaving made lost."""
        left = [sent for queue in self.unanswered.values() for sent in queue]
        self.unanswered.clear()
        return sum(sent.count for sent in left if sent.answered(acknowledged=False))


class Source:
    """One vCPU's part of one stream: the ring it comes from, and those who want it."""

    def __init__(self, stream: StreamSpec, cpu: int, ring: RingConsumer) -> None:
        self.stream, self.cpu, self.ring = stream, cpu, ring
        self.topic = topic_of(stream.name, cpu)
        self.subscribers: list[RemoteSubscriber] = []
        self.ended = False

    def next_span(self, flush: bool) -> Records | None:
        """Return the records to send next, None if it is not their time; sets `ended`.

        flush: take less than a batch as well.
        """
        closed = self.ring.closed  # before available: what is there afterwards is all
        available = self.ring.available
        if available == 0:
            self.ended = closed
            return None
        if available < self.ring.batch and not (flush or closed):
            return None
        if not self.subscribers:
            return self.ring.peek()
        credit = min(subscriber.credit for subscriber in self.subscribers)
        span = self.ring.peek(min(LARGEST_BATCH, credit) // self.stream.dtype.itemsize)
        room = all(subscriber.has_room(span.nbytes) for subscriber in self.subscribers)
        return span if room else None

    def lose(self, count: int) -> None:
        """Consume `count` records that nobody wants."""
        self.ring.settle(lost=count)
        self.ring.release(count)


def bytes_of(records: Records) -> memoryview:
    """Return the bytes of contiguous `records`, in place."""
    return records.view(np.uint8).data
