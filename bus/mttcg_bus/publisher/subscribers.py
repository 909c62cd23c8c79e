"""The subscribers of a run: who is there, and how each one leaves."""

import time
from collections.abc import Iterator

from mttcg_bus.publisher.delivery import Copies, RemoteSubscriber
from mttcg_bus.publisher.peers import Peer
from mttcg_bus.publisher.router import Posted, Router
from mttcg_bus.wire import control, wire
from mttcg_bus.wire.limits import FAREWELL_SECONDS


class Subscribers:
    """Who is there; the supervisor hears of each one that comes or leaves.

    by_identity: by routing id. copies: bytes of records that are kept for them outside the rings.
    """

    def __init__(self, router: Router, supervisor: control.ControlSocket) -> None:
        self._router, self._supervisor = router, supervisor
        self.by_identity: dict[bytes, RemoteSubscriber] = {}
        self.copies = Copies()
        self._departed: list[tuple[Peer | None, RemoteSubscriber, float]] = []

    def __iter__(self) -> Iterator[RemoteSubscriber]:
        """Give those who are there now, also if some leave meanwhile."""
        return iter(tuple(self.by_identity.values()))

    def __len__(self) -> int:
        """Return how many are there."""
        return len(self.by_identity)

    def add(self, subscriber: RemoteSubscriber) -> None:
        """Take one in."""
        self.by_identity[subscriber.identity] = subscriber
        self._supervisor.send(control.Joined(subscriber.name, len(self)))

    def send(
        self, subscriber: RemoteSubscriber, message: wire.Message, payload: bytes = b""
    ) -> bool:
        """Send one a message; False, and it is gone, if that can't be done."""
        posted = self._router.answer(subscriber.identity, message, payload)
        if posted is not Posted.QUEUED:
            self.lose(subscriber, posted)
        return posted is Posted.QUEUED

    def finish(self, subscriber: RemoteSubscriber) -> None:
        """Say that nothing will come any more; if there is no room for it, that is said later."""
        if not subscriber.finished:
            head = wire.encode("", wire.Finish())
            posted = self._router.post(subscriber.identity, head, b"")
            subscriber.finished = posted is not Posted.FULL

    def drop(self, subscriber: RemoteSubscriber, reason: str) -> None:
        """Count one no longer, and what it has not acknowledged as lost."""
        if self.by_identity.pop(subscriber.identity, None) is None:
            return
        lost = subscriber.leave()
        left = control.Left(subscriber.name, reason, lost, len(self), subscriber.ledger())
        self._supervisor.send(left)
        if subscriber.unread:
            peer = self._router.peers.of(subscriber.identity)
            until = time.monotonic() + FAREWELL_SECONDS
            self._departed.append((peer, subscriber, until))

    def lose(self, subscriber: RemoteSubscriber, posted: Posted) -> None:
        """Part with a subscriber that nothing can be sent to."""
        full = posted is Posted.FULL
        self.drop(subscriber, "read nothing" if full else "disconnected")
        if full:
            self._router.peers.disconnect(subscriber.identity)

    def give_up(self, subscriber: RemoteSubscriber, seconds: float) -> None:
        """Part with a subscriber that has acknowledged nothing for so long."""
        reason = f"{control.SILENT} {seconds:g} s"
        self._router.farewell(subscriber.identity, f"this subscriber {reason}")
        self.drop(subscriber, reason)

    def let_go_of_departed(self) -> None:
        """Count no longer what was queued for those who left, and have read it or are gone.

        Who has said goodbye, and has not read by a certain time, is disconnected. That is not done
        at once: by then it is known whether the descriptor has become that of another.
        """
        departed, self._departed = self._departed, []
        for peer, subscriber, until in departed:
            if peer is None or peer.gone or not peer.unread:
                self.copies.bytes -= subscriber.unread
                continue
            if time.monotonic() > until:
                peer.disconnect()
            self._departed.append((peer, subscriber, until))
