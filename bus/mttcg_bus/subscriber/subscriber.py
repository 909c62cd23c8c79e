"""The receiving end of the bus."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import zmq
from zmq.utils.monitor import recv_monitor_message

from mttcg_bus.errors import (
    KeyRefused,
    NoPublisher,
    ProtocolError,
    PublisherLost,
    SubscriptionRefused,
)
from mttcg_bus.host.limits import check_socket_room
from mttcg_bus.ring.segments import borrow
from mttcg_bus.ring.view import RingView
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.dealer import Dealer
from mttcg_bus.subscriber.items import Batch, Item, Opened
from mttcg_bus.subscriber.parts import Key, Parts, records_of_payload
from mttcg_bus.subscriber.snapshot import Snapshot
from mttcg_bus.wire import wire
from mttcg_bus.wire.address import check_address
from mttcg_bus.wire.limits import LARGEST_PAYLOAD, MOST_CREDIT, MOST_RECEIVED
from mttcg_bus.wire.policy import Policy, parse_policy
from mttcg_bus.wire.security import REFUSALS, ClientSecurity, Credentials, Security
from mttcg_bus.wire.socket_options import set_common_options
from mttcg_bus.wire.stream import StreamSpec

M = TypeVar("M", bound=wire.Message)

LOOK_MILLISECONDS = 250
"""How often a waiting subscriber looks whether it was told to stop."""
STRAGGLER_MILLISECONDS = 100
"""How long messages that came before a disconnection may take to surface after it is reported."""
LINGER_MILLISECONDS = 1000


class Subscriber:
    """A subscription, and an iterator over what it receives.

    url: of the publisher. prefixes: of the topics ("<plugin>.<event>/<cpu, four digits>") that are
    wanted, "" for all. name: for people. credit: bytes of records taken in advance, `MOST_CREDIT`
    at most.
    connect_seconds: how long to wait for the publisher's welcome. policy: what becomes of records
    that this subscriber has no room for (see `policy`), "" for what each stream says. borrow_rings:
    read records where the vCPUs wrote them if the publisher is on this host; False: have them sent.
    security: keys, which a publisher beyond this machine asks for, or a token, if that is not where
    it is found by itself. later: take streams as well that
    are opened while the guest runs, each announced by an item Opened; there may be none at first.

    Asking for the next item acknowledges the one before, and ends the life of its records.
    Iteration ends when every stream has ended on every vCPU, or after `stop`; it raises
    PublisherLost if the publisher goes before that.
    parts: how far each vCPU's part of each stream has come. idle: called several times a second
    while nothing comes.
    Raises AddressRefused, NoPublisher, KeyRefused, SubscriptionRefused, WrongVersion,
    ProtocolError.
    """

    def __init__(
        self,
        url: str,
        prefixes: Sequence[str],
        name: str,
        *,
        credit: int = MOST_CREDIT,
        connect_seconds: float = 10.0,
        policy: str = "",
        borrow_rings: bool = True,
        security: Security | None = None,
        later: bool = False,
    ) -> None:
        self.url, self.name = url, name
        self._views: dict[tuple[str, int], RingView] = {}
        self._ready: deque[Item] = deque()
        self._unacknowledged: Batch | None = None
        self._credit, self._held = credit, 0
        self._over = self._stopped = self._lost = self._finished = False
        self.idle: Callable[[], None] = lambda: None
        self._answer: dict[type[wire.Message], Callable[[Any, memoryview], None]] = {
            wire.Batch: self._on_batch,
            wire.End: self._on_end,
            wire.Opened: self._on_opened,
            wire.Finish: self._on_finish,
            wire.Goodbye: self._on_goodbye,
            wire.Refused: self._on_refused,
        }
        self._address = check_address(url, secured=isinstance(security, ClientSecurity))
        self._credentials = Credentials(self._address, security)
        self._hello = wire.Hello(name, tuple(prefixes), credit, policy, int(later))
        check_socket_room()
        self._context = zmq.Context()
        try:
            self._connect()
            welcome, payload = self._wait(wire.Welcome, connect_seconds)
            self.parts = Parts.from_welcome(payload, tuple(prefixes))
            self._borrow = partial(
                self._borrow_from, welcome, parse_policy(policy), connect_seconds
            )
            self._borrows = borrow_rings
            if borrow_rings:
                self._borrow(self.parts)
        except BaseException:
            self._over = True
            self._context.destroy(linger=0)
            raise

    def _connect(self) -> None:
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        set_common_options(self._socket, self._address, LARGEST_PAYLOAD, MOST_RECEIVED)
        self._credentials.secure(self._socket)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | REFUSALS)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(self._address)
        self._send(self._hello)

    def _refused(self) -> None:
        """Connect again if there is another token to show; raises KeyRefused."""
        if not self._credentials.renew():
            self._lost = True
            raise KeyRefused(self.url, self._credentials.refusal)
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)
        self._connect()

    def _wait(self, kind: type[M], seconds: float) -> tuple[M, memoryview]:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            received = self._receive(max(1, int(left * 1000)))
            if received is not None:
                if isinstance(received.message, kind):
                    return received.message, received.payload
                self._take(received)
            elif self._lost:
                break
        raise NoPublisher(self.url, f"no publisher answered within {seconds:g} s")

    def _borrow_from(
        self, welcome: wire.Welcome, policy: Policy | None, seconds: float, parts: Iterable[Key]
    ) -> None:
        wanted = [part for part in parts if (policy or self.streams[part[0]].how).whole]
        try:
            self._views |= borrow(welcome, wanted, self.streams, seconds)
        except TimeoutError:
            raise NoPublisher(self.url, f"no ring was lent within {seconds:g} s") from None

    def snapshot(self, seconds: float = 10.0) -> Snapshot:
        """Return what the run has counted so far, for a subscriber that came late.

        The items that come before it are kept for iteration, so the first batch of a vCPU's stream
        after those begins where the snapshot stands. Raises NoPublisher, PublisherLost.
        """
        self._send(wire.Ask("snapshot"))
        _, payload = self._wait(wire.SnapshotNow, seconds)
        return Snapshot.from_plain(wire.unpack(payload, LARGEST_PAYLOAD))

    @property
    def run(self) -> RunInfo:
        """What is run."""
        return self.parts.run

    @property
    def streams(self) -> dict[str, StreamSpec]:
        """The streams, by name."""
        return self.parts.streams

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """The (stream, cpu) whose end has not come yet."""
        return self.parts.missing

    def stop(self) -> None:
        """Make iteration end soon, with what has come; may be called from a signal handler."""
        self._stopped = True

    def __iter__(self) -> Iterator[Item]:
        """Return itself."""
        return self

    def __next__(self) -> Item:
        """Return the next item, waiting for it."""
        if self._unacknowledged is not None:
            batch, self._unacknowledged = self._unacknowledged, None
            self._check_held(batch)
            self._held -= batch.records.nbytes
            following = batch.first + len(batch.records)
            self._send(wire.Acknowledge(batch.stream, batch.cpu, following))
        while not self._ready:
            if self._finished and not self._over:
                self._over = True
                self._send(wire.Goodbye("finished"))
            if self._over or self._stopped:
                raise StopIteration
            received = self._receive(LOOK_MILLISECONDS)
            if received is not None:
                self._take(received)
            elif self._lost:
                self._over = True
                raise PublisherLost(self.url, "its connection closed before the stream had ended")
            else:
                self.idle()
        item = self._ready.popleft()
        if isinstance(item, Batch):
            self._unacknowledged = item
        return item

    def _check_held(self, batch: Batch) -> None:
        """Raise PublisherLost if a borrowed batch was taken back while it was read."""
        view = self._views.get((batch.stream, batch.cpu))
        borrowed = view is not None and batch.records.base is view.slots
        if view is not None and borrowed and view.tail > batch.first:
            self._over = self._lost = True
            wrong = "it gave this subscriber up and took its records back; the last batch is void"
            raise PublisherLost(self.url, wrong)

    def _send(self, message: wire.Message) -> None:
        if self._lost:
            return
        try:
            self._socket.send_multipart([*wire.encode("", message), b""], zmq.NOBLOCK)
        except zmq.Again:
            self._over = self._lost = True
            raise PublisherLost(self.url, "it reads nothing") from None

    def _receive(self, milliseconds: int) -> wire.ReceivedMessage | None:
        """Return the next message, None if none came in time or the publisher is lost."""
        with contextlib.suppress(zmq.Again):
            frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            return wire.decode([frame.buffer for frame in frames])
        if self._lost:
            return None
        ready = dict(self._poller.poll(milliseconds))
        if self._monitor in ready and self._socket not in ready:
            if recv_monitor_message(self._monitor)["event"] & REFUSALS:
                self._refused()
                return None
            self._lost = True
            self._poller.unregister(self._monitor)
            self._socket.poll(STRAGGLER_MILLISECONDS)
        return self._receive(0) if ready else None

    def _take(self, received: wire.ReceivedMessage) -> None:
        answer = self._answer.get(type(received.message))
        if answer:  # beats and types of later versions are ignored
            answer(received.message, received.payload)

    def _on_batch(self, message: wire.Batch, payload: memoryview) -> None:
        dtype = self.parts.dtype_of(message)
        view = self._views.get((message.stream, message.cpu))
        if message.at and message.count and not payload and view is not None:
            records = view.records(message.at, message.count)
        else:
            records = records_of_payload(message, payload, dtype)
        if self._held and self._held + records.nbytes > self._credit:
            raise ProtocolError(f"batches beyond the credit of {self._credit} bytes")
        self._held += records.nbytes
        self._ready.extend(self.parts.batch(message, records))

    def _on_opened(self, message: wire.Opened, payload: memoryview) -> None:
        opened = self.parts.open(payload)
        keys = [(spec.name, cpu) for spec in opened for cpu in range(self.run.smp)]
        for key in keys:
            self._views.pop(key, None)
        if self._borrows:
            self._borrow(key for key in keys if key in self.parts)
        self._ready.append(Opened(opened))

    def _on_end(self, message: wire.End, payload: memoryview) -> None:
        self._ready.extend(self.parts.end(message))

    def _on_finish(self, message: wire.Finish, payload: memoryview) -> None:
        self._finished = True  # goodbye is said when the items that came before are done with

    def _on_goodbye(self, message: wire.Goodbye, payload: memoryview) -> None:
        self._over = self._lost = True
        raise PublisherLost(self.url, message.reason)

    def _on_refused(self, message: wire.Refused, payload: memoryview) -> None:
        raise SubscriptionRefused(self.url, message.reason)

    def close(self, reason: str = "left") -> None:
        """Leave, telling the publisher why, and free the sockets; a second call does nothing."""
        if self._context.closed:
            return
        self._lost = self._lost or bool(self._monitor.poll(0))
        if not self._over:
            self._send(wire.Goodbye(reason))
        self._over = True
        self._socket.disable_monitor()
        self._context.destroy(linger=0 if self._lost else LINGER_MILLISECONDS)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def ask_ledger(
    url: str, seconds: float = 10.0, security: Security | None = None, *, awaits: bool = True
) -> dict[str, Any]:
    """Return where the records of a run are now: what the publisher at `url` answers.

    {"streams": {name: counts}, "subscribers": [{"name": text, "ledger": {name: counts}}]}, where
    the counts are those of `Ledger.to_plain`. awaits: whether the run may begin only later; else
    NoPublisher comes at once if nobody listens at the address. Raises AddressRefused, NoPublisher,
    KeyRefused, ProtocolError.
    """
    return _ask(url, "ledger", seconds, security, awaits)


def ask_snapshot(
    url: str, seconds: float = 10.0, security: Security | None = None, *, awaits: bool = True
) -> Snapshot:
    """Return what the run at `url` has counted so far, without subscribing.

    awaits: as of `ask_ledger`. Raises AddressRefused, NoPublisher, KeyRefused, ProtocolError.
    """
    return Snapshot.from_plain(_ask(url, "snapshot", seconds, security, awaits))


def _ask(
    url: str, what: str, seconds: float, security: Security | None, awaits: bool
) -> dict[str, Any]:
    with Dealer(url, security, awaits) as dealer:
        dealer.send(wire.Ask(what))
        received = dealer.receive(seconds)
    if isinstance(received.message, wire.Refused):
        raise SubscriptionRefused(url, received.message.reason)
    return wire.unpack(received.payload, LARGEST_PAYLOAD)
