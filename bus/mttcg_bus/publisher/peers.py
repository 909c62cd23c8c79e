"""The connections of a publisher: how many there are, and what waits to be read by each.

ZeroMQ queues what is sent to a peer and closes no connection by itself as long as the peer answers
its heartbeats. So a peer that does not read is found here, and its connection shut down, which
frees what was queued.
"""

import contextlib
import os
import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from mttcg_bus.wire.limits import HELLO_SECONDS, LARGEST_PAYLOAD, MOST_ANSWERS, MOST_HELLOS


class Tracker(Protocol):
    """Says whether ZeroMQ is done with a message: it has been read, or its connection is gone."""

    @property
    def done(self) -> bool:
        """Whether it is."""


@dataclass(slots=True)
class Unread:
    """A message that was queued for a peer: bytes of its payload, and when it must be read."""

    size: int
    tracker: Tracker
    until: float


def _inode_of(descriptor: int) -> int:
    """Which socket a descriptor stands for; 0 if it is closed."""
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return 0


@dataclass(slots=True, eq=False)
class Peer:
    """One connection. unread: what it is to read, the oldest first. gone: whether it has ended."""

    descriptor: int
    inode: int
    gone: bool = False
    unread: deque[Unread] = field(default_factory=deque)
    hellos: deque[float] = field(default_factory=deque)

    @classmethod
    def at(cls, descriptor: int) -> "Peer":
        """Return the peer that a descriptor stands for now."""
        return cls(descriptor, _inode_of(descriptor))

    def may_say_hello(self, now: float) -> bool:
        """Whether it has not said hello too often; this time counts if it may."""
        while self.hellos and now - self.hellos[0] > HELLO_SECONDS:
            self.hellos.popleft()
        if len(self.hellos) >= MOST_HELLOS:
            return False
        self.hellos.append(now)
        return True

    def disconnect(self) -> None:
        """Shut the connection down, unless its descriptor has become that of another."""
        if self.inode == 0:
            return
        with (
            contextlib.suppress(OSError),  # it is closed already
            socket.socket(fileno=os.dup(self.descriptor)) as same,
        ):
            if _inode_of(same.fileno()) == self.inode:
                same.shutdown(socket.SHUT_RDWR)


class Peers:
    """Everybody that has sent something, by identity, for as long as the connection is there.

    answers: bytes of payloads that are queued for all of them.
    """

    def __init__(self) -> None:
        self._peers: dict[bytes, Peer] = {}
        self._identities: dict[int, bytes] = {}
        self._readers: dict[bytes, Peer] = {}  # those that have something to read
        self.answers = 0

    def heard(self, identity: bytes, descriptor: int) -> Peer:
        """Return the peer that a message came from."""
        peer = self._peers.get(identity)
        if peer is None or peer.descriptor != descriptor:
            self.gone(descriptor)
            self._forget(identity)
            peer = self._peers[identity] = Peer.at(descriptor)
            self._identities[descriptor] = identity
        return peer

    def of(self, identity: bytes) -> Peer | None:
        """Return a peer, None if it has sent nothing or is not there any more."""
        return self._peers.get(identity)

    def gone(self, descriptor: int) -> None:
        """A connection has ended."""
        identity = self._identities.get(descriptor)
        if identity is not None:
            self._forget(identity)

    def _forget(self, identity: bytes) -> None:
        peer = self._peers.pop(identity, None)
        if peer is not None:
            peer.gone = True
            self._identities.pop(peer.descriptor, None)
            self._readers.pop(identity, None)
            self.answers -= sum(each.size for each in peer.unread)

    def has_room(self, identity: bytes, size: int) -> bool:
        """Whether an answer of so many bytes may be queued for a peer."""
        if self.answers:
            self._settle_all()
        peer = self._peers.get(identity)
        mine = sum(each.size for each in peer.unread) if peer else 0
        return mine + size <= LARGEST_PAYLOAD and self.answers + size <= MOST_ANSWERS

    def queued(self, identity: bytes, unread: Unread) -> None:
        """Note what was queued for a peer."""
        peer = self._peers.get(identity)
        if peer is not None:
            peer.unread.append(unread)
            self._readers[identity] = peer
            self.answers += unread.size

    def late(self, now: float) -> Iterator[bytes]:
        """Give those that have not read something in time."""
        self._settle_all()
        for identity, peer in tuple(self._readers.items()):
            if any(now > each.until for each in peer.unread):
                yield identity

    def disconnect(self, identity: bytes) -> None:
        """Shut a peer's connection down, if it is there."""
        peer = self._peers.get(identity)
        if peer is not None:
            peer.disconnect()

    def _settle_all(self) -> None:
        """Forget what was read."""
        for identity, peer in tuple(self._readers.items()):
            while peer.unread and peer.unread[0].tracker.done:
                self.answers -= peer.unread.popleft().size
            if not peer.unread:
                del self._readers[identity]
