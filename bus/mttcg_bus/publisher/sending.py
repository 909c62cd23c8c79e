"""Sending: records from the rings to those who want them, and the ends of streams."""

import time
from collections.abc import Mapping

from mttcg_bus.publisher.delivery import Source, Tap
from mttcg_bus.publisher.posting import Posting
from mttcg_bus.publisher.router import Posted, Router
from mttcg_bus.publisher.subscribers import Subscribers
from mttcg_bus.wire import wire
from mttcg_bus.wire.stream import Records

FLUSH_SECONDS = 0.04
"""How long a record waits at most for its batch to fill."""


class Sending:
    """What goes from the rings to the subscribers.

    run: the run's identifier. sources: the rings, by stream and vCPU. flush_at: when what has not
    filled a batch is sent, too.
    """

    def __init__(
        self,
        run: str,
        sources: Mapping[tuple[str, int], Source],
        router: Router,
        subscribers: Subscribers,
    ) -> None:
        self._run, self._sources = run, sources
        self._router, self._subscribers = router, subscribers
        self.flush_at = time.monotonic()

    @property
    def waits(self) -> bool:
        """Whether some of what is there waits to become a large batch."""
        return any(source.waits for source in self._sources.values())

    def send_round(self) -> bool:
        """Send at most one batch from every ring; return whether there may be more to send."""
        now = time.monotonic()
        flush = now >= self.flush_at
        if flush:
            self.flush_at = now + FLUSH_SECONDS
        busy = False
        for source in self._sources.values():
            span = None if source.ended else source.next_span(flush)
            if span is not None:
                self._send_batch(source, span)
                busy = True
            elif source.ended:
                self.send_ends(source)
        return busy

    def _send_batch(self, source: Source, span: Records) -> None:
        if not source.taps:
            source.lose(len(span))
            return
        posting = Posting(
            self._run, source.stream.name, source.cpu, source.topic, source.ring, span
        )
        parcels = [
            (tap, posting.parcel(tap.policy, tap.borrowed) if tap.takes(span.nbytes) else None)
            for tap in source.taps
        ]
        sent = source.take(len(span))
        for tap, parcel in parcels:
            if not tap.left:
                tap.offer(sent, parcel)
                self.send_backlog(tap)
                tap.give_up_oldest()
        sent.offered()

    def send_backlog(self, tap: Tap) -> None:
        """Send what has room."""
        while parcel := tap.sendable():
            posted = self._router.post(tap.subscriber.identity, parcel.head, parcel.payload)
            if posted is not Posted.QUEUED:
                self._subscribers.lose(tap.subscriber, posted)
                return
            tap.charge(time.monotonic())

    def send_ends(self, source: Source) -> None:
        """Tell those who have all of a ring that has ended that it has."""
        ring = source.ring
        for tap in tuple(source.taps):
            if tap.ended or tap.backlog or tap.left:
                continue
            records = tap.policy.numbers_below(ring.head)
            message = wire.End(self._run, source.stream.name, source.cpu, records, ring.dropped)
            head = wire.encode(source.topic, message)
            posted = self._router.post(tap.subscriber.identity, head, b"")
            if posted is Posted.GONE:
                self._subscribers.lose(tap.subscriber, posted)
            elif posted is Posted.QUEUED:  # else it is tried again: there may be many at once
                tap.ended = True
                if tap.subscriber.has_all:
                    self._subscribers.finish(tap.subscriber)
