"""What the publisher knows of rings, of subscribers, and of the batches between them."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mttcg_bus.publisher.posting import Parcel
from mttcg_bus.ring.consumer import RingConsumer
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.wire.limits import LARGEST_BATCH, MOST_BATCHES, MOST_UNACKNOWLEDGED
from mttcg_bus.wire.policy import Policy
from mttcg_bus.wire.stream import Records, StreamSpec, topic_of

ENOUGH_QUEUED = 2
"""Batches on their way that keep subscribers busy; more wait until they make a large one."""
KEPT_SHARE = 4
"""Records that wait for a subscriber that may lose them stay in the ring; they take up to one part
in so many of it."""


@dataclass(slots=True, eq=False)
class Sent:
    """Records that left the ring together, from number `first`.

    waiting: how many subscribers have them and have not answered. borrowers: how many of these read
    them in the ring, so that their space is not free; the publisher itself is one of both until all
    were offered them. steps: of the policies of those who
    acknowledged. spoiled: whether somebody who had them left.
    """

    source: "Source"
    first: int
    count: int
    waiting: int = 1
    borrowers: int = 1
    steps: set[int] = field(default_factory=set)
    spoiled: bool = False

    def offered(self) -> None:
        """Say that everybody was offered them."""
        self.borrowers -= 1
        self.waiting -= 1
        self.settle()

    def settle(self) -> None:
        """Enter the records into the ledger if nobody is left to answer, and free their space."""
        if self.waiting == 0:
            self.source.unsettled -= 1
            delivered = 0 if self.spoiled else self._acknowledged()
            self.source.ring.settle(delivered=delivered, lost=self.count - delivered)
        self.source.give_back()

    def _acknowledged(self) -> int:
        """Records that somebody acknowledged."""
        if not self.steps or 1 in self.steps:
            return self.count if self.steps else 0
        numbers = np.arange(self.first, self.first + self.count)
        return int(np.any([numbers % step == 0 for step in self.steps], axis=0).sum())


@dataclass(slots=True, eq=False)
class Unanswered:
    """A batch that one subscriber has, or that waits to be sent to it.

    reads: whether its records are still read in the ring: by who borrows it, or to be sent.
    copied: bytes of it that are kept, or will be, outside the ring.
    """

    sent: Sent
    parcel: Parcel
    reads: bool
    copied: int


@dataclass(slots=True)
class Copies:
    """Bytes of records outside the rings, summed over all subscribers that have them."""

    bytes: int = 0


@dataclass(slots=True, eq=False)
class RemoteSubscriber:
    """One subscriber: what it wants, and what it has not acknowledged yet.

    identity: its routing id at the ROUTER socket. credit: bytes it takes unacknowledged, and bytes
    that wait for it at most. policy: None for that of each stream. ticket: what it shows to borrow
    rings. copies: of all subscribers. later: whether it wants streams that are opened later. used,
    queued: bytes on their way, and bytes that wait. batches: how many are on their way. heard: when
    it last acknowledged something, or had nothing to acknowledge. finished: whether it was told
    that nothing more will come. past: what became of the records of streams that were let go of.
    unread: bytes that it may not have read when it left.
    """

    identity: bytes
    name: str
    prefixes: tuple[str, ...]
    credit: int
    policy: Policy | None
    ticket: str
    copies: Copies
    later: bool = False
    used: int = 0
    queued: int = 0
    batches: int = 0
    unread: int = 0
    heard: float = 0.0
    finished: bool = False
    taps: dict["Source", "Tap"] = field(default_factory=dict)
    past: dict[str, Ledger] = field(default_factory=dict)

    def wants(self, topic: str) -> bool:
        """Whether it subscribed to `topic`."""
        return topic.startswith(self.prefixes)

    def has_room(self, size: int) -> bool:
        """Whether it may be sent `size` more bytes; a single batch always fits."""
        if self.used == 0:
            return True
        return self.used + size <= self.credit and self.batches < MOST_BATCHES

    def is_silent(self, now: float, limit: float) -> bool:
        """Whether it has something to acknowledge, and has not for `limit` seconds."""
        return self.used > 0 and now - self.heard > limit

    @property
    def has_ends(self) -> bool:
        """Whether it was sent the end of everything."""
        return all(tap.ended for tap in self.taps.values())

    @property
    def owes(self) -> bool:
        """Whether it has something to acknowledge, or a goodbye to say."""
        return self.finished or self.used > 0 or self.queued > 0

    def join(self, source: "Source") -> None:
        """Get the records of `source` from now on."""
        self.taps[source] = tap = Tap(self, source, self.policy or source.stream.how)
        source.taps.append(tap)

    def part_with(self, source: "Source") -> None:
        """Let go of a source that has ended, all of which it has."""
        tap = self.taps.pop(source)
        source.taps.remove(tap)
        name = source.stream.name
        self.past[name] = self.past.get(name, Ledger()) + tap.ledger()

    @property
    def has_all(self) -> bool:
        """Whether it was sent the end of all that it gets."""
        return not self.later and all(tap.ended for tap in self.taps.values())

    def leave(self) -> int:
        """It is gone; return how many records its leaving made lost."""
        return sum(tap.leave() for tap in self.taps.values())

    def ledger(self) -> dict[str, Any]:
        """Where the records are that came by since it joined, by stream."""
        found = dict(self.past)
        for source, tap in self.taps.items():
            found[source.stream.name] = found.get(source.stream.name, Ledger()) + tap.ledger()
        return {name: ledger.to_plain() for name, ledger in found.items()}


class Tap:
    """What one subscriber gets of one source.

    borrowed: whether it reads in the ring. unanswered: what it was sent. backlog: what waits for
    room, with the policy `drop:oldest`; it stays in the ring, to be copied only if it is sent.
    ended: whether it was sent the end.
    """

    def __init__(self, subscriber: RemoteSubscriber, source: "Source", policy: Policy) -> None:
        self.subscriber, self.source, self.policy = subscriber, source, policy
        self.borrowed = self.ended = self.left = False
        self.unanswered: deque[Unanswered] = deque()
        self.backlog: deque[Unanswered] = deque()
        self._joined, self._given_up = source.ring.next, source.ring.dropped
        self._pending = self._delivered = self._dropped = 0

    def has_room(self, size: int) -> bool:
        """Whether `size` more bytes may be made for it; a single batch always may."""
        one = self.subscriber
        within = self.borrowed or one.copies.bytes + size <= MOST_UNACKNOWLEDGED
        return one.has_room(size) and (within or one.used == 0)

    def takes(self, size: int) -> bool:
        """Whether it takes `size` more bytes, or drops them."""
        keeps = self.policy.waits or self.policy.gives_up == "oldest"
        return keeps or self.has_room(size)

    def offer(self, sent: Sent, parcel: Parcel | None) -> None:
        """Take in records that left the ring: those of `parcel` are in the backlog now.

        The others, which its policy leaves out, are dropped.
        """
        self._dropped += sent.count - (parcel.count if parcel else 0)
        if parcel is None:
            return
        reads = self.borrowed or parcel.span is not None
        copied = 0 if self.borrowed else parcel.size
        self.backlog.append(Unanswered(sent, parcel, reads, copied))
        self._pending += parcel.count
        self.subscriber.queued += parcel.size
        self.subscriber.copies.bytes += copied
        sent.waiting += 1
        sent.borrowers += reads

    def give_up_oldest(self) -> None:
        """Give up what has waited longest, until the rest is no more than may wait."""
        while self.backlog and self._is_too_long():
            oldest = self.backlog.popleft()
            self.subscriber.queued -= oldest.parcel.size
            self.subscriber.copies.bytes -= oldest.copied
            self._pending -= oldest.parcel.count
            self._dropped += oldest.parcel.count
            oldest.sent.waiting -= 1
            oldest.sent.borrowers -= oldest.reads
            oldest.sent.settle()

    def _is_too_long(self) -> bool:
        """Whether more waits than its credit or all may have, or than may stay in the ring."""
        oldest, ring, one = self.backlog[0], self.source.ring, self.subscriber
        too_much = one.queued > one.credit or one.copies.bytes > MOST_UNACKNOWLEDGED
        if (too_much or len(self.backlog) > MOST_BATCHES) and len(self.backlog) > 1:
            return True  # one batch of each vCPU may wait, whatever waits of others
        return oldest.reads and ring.next - oldest.sent.first > ring.capacity // KEPT_SHARE

    def sendable(self) -> Parcel | None:
        """Return what is to be sent next, None if there is nothing or no room for it."""
        if self.backlog and self.subscriber.has_room(self.backlog[0].parcel.size):
            return self.backlog[0].parcel
        return None

    def charge(self, now: float) -> None:
        """Note that what was sendable has been sent."""
        sent = self.backlog.popleft()
        if self.subscriber.used == 0:
            self.subscriber.heard = now
        self.subscriber.queued -= sent.parcel.size
        self.subscriber.used += sent.parcel.size
        self.subscriber.batches += 1
        self.unanswered.append(sent)
        if sent.reads and not self.borrowed:
            sent.reads = False
            sent.sent.borrowers -= 1
            self.source.give_back()

    def acknowledge(self, following: int) -> bool:
        """Its subscriber is done with the records before number `following`; whether it had any."""
        before = len(self.unanswered)
        while self.unanswered and self.unanswered[0].parcel.end <= following:
            done = self.unanswered.popleft()
            self.subscriber.used -= done.parcel.size
            self.subscriber.batches -= 1
            self.subscriber.copies.bytes -= done.copied
            self._pending -= done.parcel.count
            self._delivered += done.parcel.count
            self._answer(done, acknowledged=True)
        return len(self.unanswered) < before

    def _answer(self, answered: Unanswered, acknowledged: bool) -> None:
        sent = answered.sent
        sent.waiting -= 1
        sent.borrowers -= answered.reads
        if acknowledged:
            sent.steps.add(self.policy.step)
        sent.spoiled |= self.policy.waits and not acknowledged
        sent.settle()

    def leave(self) -> int:
        """Its subscriber is gone; return how many records that made lost."""
        self.source.taps.remove(self)
        self.left = True
        self._end, self._end_given_up = self.source.ring.next, self.source.ring.dropped
        lost = 0
        for left in (*self.unanswered, *self.backlog):
            before = left.sent.spoiled
            self._answer(left, acknowledged=False)
            lost += left.sent.count if left.sent.spoiled and not before else 0
        self.subscriber.unread += sum(each.copied for each in self.unanswered)
        self.subscriber.copies.bytes -= sum(each.copied for each in self.backlog)
        self._dropped, self._pending = self._dropped + self._pending, 0
        self.unanswered.clear()
        self.backlog.clear()
        return lost

    def ledger(self) -> Ledger:
        """Where the records are that the producer emitted since this subscriber joined."""
        ring = self.source.ring
        given_up = (self._end_given_up if self.left else ring.dropped) - self._given_up
        head = self._end if self.left else ring.head
        waiting = 0 if self.left else head - ring.next
        return Ledger(
            emitted=head - self._joined + given_up,
            delivered=self._delivered,
            dropped=self._dropped + given_up,
            in_flight=waiting + self._pending,
        )


class Source:
    """One vCPU's part of one stream: the ring it comes from, and those who want it.

    unsettled: batches that somebody has not acknowledged. held: batches whose space is not given
    back, in order. waits: whether what is there waits only for more, or for an acknowledgement.
    """

    def __init__(self, stream: StreamSpec, cpu: int, ring: RingConsumer) -> None:
        self.stream, self.cpu, self.ring = stream, cpu, ring
        self.topic = topic_of(stream.name, cpu)
        self.taps: list[Tap] = []
        self.unsettled = 0
        self.held: deque[Sent] = deque()
        self.ended = self.waits = False
        most = min(LARGEST_BATCH // stream.dtype.itemsize, ring.capacity // 4)
        self.bulk = max(most, ring.batch)

    def next_span(self, flush: bool) -> Records | None:
        """Return the records to send next, None if it is not their time; sets `ended`.

        flush: take less than a batch as well.
        """
        closed = self.ring.closed  # before available: what is there afterwards is all
        available = self.ring.available
        self.waits = False
        if available == 0:
            self.ended = closed
            return None
        if not (flush or closed):
            self.waits = available >= self.ring.batch
            busy = self._on_their_way() >= ENOUGH_QUEUED
            if available < (self.bulk if busy else self.ring.batch):
                return None
        if not self.taps:
            return self.ring.peek()
        credit = min(tap.subscriber.credit for tap in self.taps)
        span = self.ring.peek(min(self.bulk, credit // self.stream.dtype.itemsize))
        room = all(tap.has_room(span.nbytes) for tap in self.taps if tap.policy.waits)
        return span if room else None

    def _on_their_way(self) -> int:
        """Batches that keep those busy whom the guest waits for; if there is none, anybody.

        One that stands still and drops is no reason to let the others wait.
        """
        waiting = [len(tap.unanswered) for tap in self.taps if tap.policy.waits]
        if waiting:
            return max(waiting)
        return min((len(tap.unanswered) for tap in self.taps), default=0)

    @property
    def done(self) -> bool:
        """Whether everybody has all of it, its end included, and has acknowledged it."""
        return self.ended and self.unsettled == 0 and all(tap.ended for tap in self.taps)

    def take(self, count: int) -> Sent:
        """Take the next `count` records out of the ring to send them."""
        sent = Sent(self, self.ring.next, count)
        self.ring.take(count)
        self.held.append(sent)
        self.unsettled += 1
        return sent

    def give_back(self) -> None:
        """Let the producer have the space that nobody reads any more."""
        count = 0
        while self.held and self.held[0].borrowers == 0:
            count += self.held.popleft().count
        if count:
            self.ring.release(count)

    def lose(self, count: int) -> None:
        """Consume `count` records that nobody wants."""
        self.ring.settle(lost=count)
        self.ring.release(count)
