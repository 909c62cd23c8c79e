"""The receiving end of the bus."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import zmq

from mttcg_bus import plain as checked
from mttcg_bus import wire
from mttcg_bus.address import check_address
from mttcg_bus.errors import (
    NoPublisher,
    ProtocolError,
    PublisherLost,
    SubscriptionRefused,
)
from mttcg_bus.items import Batch, End, Gap, Item
from mttcg_bus.router import set_common_options
from mttcg_bus.run_info import RunInfo
from mttcg_bus.stream import StreamSpec, topic_of

DEFAULT_CREDIT = 64 << 20
"""Bytes of records that may be on their way to a subscriber."""
LOOK_MILLISECONDS = 250
"""How often a waiting subscriber looks whether it was told to stop."""
STRAGGLER_MILLISECONDS = 100
"""How long messages that came before a disconnection may take to surface after it is reported."""
LINGER_MILLISECONDS = 1000


class _Part:
    """What is known of one vCPU's part of one stream."""

    def __init__(self, spec: StreamSpec) -> None:
        self.spec = spec
        self.next = 0
        self.dropped = 0
        self.ended = False


class Subscriber:
    """A subscription, and an iterator over what it receives.

    url: of the publisher. prefixes: of the topics ("<plugin>.<event>/<cpu, four digits>") that are
    wanted, "" for all. name: for people. credit: bytes of records taken in advance.
    connect_seconds: how long to wait for the publisher's welcome.

    Asking for the next item acknowledges the one before. Iteration ends when every stream has ended
    on every vCPU, or after `stop`; it raises PublisherLost if the publisher goes before that.
    run: what is run. streams: by name. missing: the (stream, cpu) that have not ended yet.
    Raises AddressRefused, NoPublisher, SubscriptionRefused, WrongVersion, ProtocolError.
    """

    def __init__(
        self,
        url: str,
        prefixes: Sequence[str],
        name: str,
        *,
        credit: int = DEFAULT_CREDIT,
        connect_seconds: float = 10.0,
    ) -> None:
        self.url, self.name = url, name
        self._parts: dict[tuple[str, int], _Part] = {}
        self._ready: deque[Item] = deque()
        self._unacknowledged: Batch | None = None
        self._over = self._stopped = self._lost = False
        self._answer: dict[type[wire.Message], Callable[[Any, memoryview], None]] = {
            wire.Batch: self._on_batch,
            wire.End: self._on_end,
            wire.Finish: self._on_finish,
            wire.Goodbye: self._on_goodbye,
            wire.Refused: self._on_refused,
        }
        address = check_address(url)
        self._context = zmq.Context()
        try:
            self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
            set_common_options(self._socket, address, wire.LARGEST_PAYLOAD)
            self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            self._poller = zmq.Poller()
            self._poller.register(self._socket, zmq.POLLIN)
            self._poller.register(self._monitor, zmq.POLLIN)
            self._socket.connect(address)
            self._send(wire.Hello(name, tuple(prefixes), credit))
            welcome = self._wait_welcome(connect_seconds)
            self.run, self.streams = self._read_welcome(welcome, tuple(prefixes))
        except BaseException:
            self._over = True
            self._context.destroy(linger=0)
            raise

    def _wait_welcome(self, seconds: float) -> memoryview:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            received = self._receive(max(1, int(left * 1000)))
            if received is not None:
                if isinstance(received.message, wire.Welcome):
                    return received.payload
                self._take(received)
            elif self._lost:
                break
        raise NoPublisher(self.url, f"no publisher answered within {seconds:g} s")

    def _read_welcome(
        self, payload: memoryview, prefixes: tuple[str, ...]
    ) -> tuple[RunInfo, dict[str, StreamSpec]]:
        plain = wire.unpack(payload, wire.LARGEST_PAYLOAD)
        run = RunInfo.from_plain(checked.take_mapping(plain, "run"))
        described = (checked.mapping_of(s, "stream") for s in checked.take_list(plain, "streams"))
        streams = {spec.name: spec for spec in map(StreamSpec.from_plain, described)}
        self._parts = {
            (name, cpu): _Part(spec)
            for name, spec in streams.items()
            for cpu in range(run.smp)
            if topic_of(name, cpu).startswith(prefixes)
        }
        return run, streams

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """The (stream, cpu) whose end has not come yet."""
        return tuple(key for key, part in self._parts.items() if not part.ended)

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
            following = batch.first + len(batch.records)
            self._send(wire.Acknowledge(batch.stream, batch.cpu, following))
        while not self._ready:
            if self._over or self._stopped:
                raise StopIteration
            received = self._receive(LOOK_MILLISECONDS)
            if received is not None:
                self._take(received)
            elif self._lost:
                self._over = True
                raise PublisherLost(self.url, "its connection closed before the stream had ended")
        item = self._ready.popleft()
        if isinstance(item, Batch):
            self._unacknowledged = item
        return item

    def _send(self, message: wire.Message) -> None:
        if not self._lost:
            self._socket.send_multipart([*wire.encode("", message), b""])

    def _receive(self, milliseconds: int) -> wire.Received | None:
        """Return the next message, None if none came in time or the publisher is lost."""
        try:
            frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            if self._lost:
                return None
            ready = dict(self._poller.poll(milliseconds))
            if self._monitor in ready and self._socket not in ready:
                self._monitor.recv_multipart()
                self._lost = True
                self._poller.unregister(self._monitor)
                self._socket.poll(STRAGGLER_MILLISECONDS)
            return self._receive(0) if ready else None
        return wire.decode([frame.buffer for frame in frames])

    def _take(self, received: wire.Received) -> None:
        answer = self._answer.get(type(received.message))
        if answer:  # beats and types of later versions are ignored
            answer(received.message, received.payload)

    def _part(self, message: wire.Batch | wire.End) -> _Part:
        try:
            return self._parts[message.stream, message.cpu]
        except KeyError:
            raise ProtocolError(f"{message.stream} of vCPU {message.cpu}: not subscribed") from None

    def _on_batch(self, message: wire.Batch, payload: memoryview) -> None:
        part = self._part(message)
        if len(payload) != message.count * part.spec.dtype.itemsize or not message.count:
            wrong = f"{len(payload)} bytes for {message.count} records"
            raise ProtocolError(f"{message.stream} of vCPU {message.cpu}: {wrong}")
        self._note_gaps(message, part, message.first, message.dropped)
        part.next = message.first + message.count
        records = np.frombuffer(payload, part.spec.dtype)
        self._ready.append(Batch(message.stream, message.cpu, message.first, records))

    def _on_end(self, message: wire.End, payload: memoryview) -> None:
        part = self._part(message)
        self._note_gaps(message, part, message.records, message.dropped)
        part.next, part.ended = message.records, True
        self._ready.append(End(message.stream, message.cpu, message.records, message.dropped))

    def _note_gaps(
        self, message: wire.Batch | wire.End, part: _Part, following: int, dropped: int
    ) -> None:
        """Put what is missing before sequence number `following` into the stream."""
        if following < part.next or dropped < part.dropped or part.ended:
            raise ProtocolError(f"{message.stream} of vCPU {message.cpu}: the stream went back")
        if following > part.next:
            count = following - part.next
            self._ready.append(Gap(message.stream, message.cpu, following, count, "missed"))
        if dropped > part.dropped:
            count, part.dropped = dropped - part.dropped, dropped
            self._ready.append(Gap(message.stream, message.cpu, following, count, "dropped"))

    def _on_finish(self, message: wire.Finish, payload: memoryview) -> None:
        self._over = True
        self._send(wire.Goodbye("finished"))

    def _on_goodbye(self, message: wire.Goodbye, payload: memoryview) -> None:
        self._over = self._lost = True
        raise PublisherLost(self.url, message.reason)

    def _on_refused(self, message: wire.Refused, payload: memoryview) -> None:
        raise SubscriptionRefused(self.url, message.reason)

    def close(self) -> None:
        """Leave, telling the publisher, and free the sockets; a second call does nothing."""
        if self._context.closed:
            return
        self._lost = self._lost or bool(self._monitor.poll(0))
        if not self._over:
            self._send(wire.Goodbye("left"))
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
