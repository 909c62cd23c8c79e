"""The publisher process: drains all rings and serves the subscribers.

Started by `PublisherProcess` as `python -m mttcg_bus.publisher FD`, with a control socket at that
descriptor. One poll loop over the ROUTER socket, the doorbell of the producers and the control
socket; nothing in it waits for one subscriber or one producer.
"""

import math
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq

from mttcg_bus import control, wire
from mttcg_bus.delivery import LEAST_CREDIT, RemoteSubscriber, Sent, Source, bytes_of
from mttcg_bus.errors import AddressError, ProtocolError
from mttcg_bus.plain import mapping_of
from mttcg_bus.ring_consumer import RingConsumer
from mttcg_bus.router import Router
from mttcg_bus.stream import Records, StreamSpec

FLUSH_SECONDS = 0.04
"""How long a record waits at most for its batch to fill."""
BEAT_SECONDS = 0.5
"""Between two beats; sending one is how a dead subscriber is found while nothing else is sent."""
LINGER_SECONDS = 1.0
MESSAGES_A_TURN = 256


class Publisher:
    """All that one publisher process does; raises AddressError if it can't bind."""

    def __init__(self, config: control.Configure, supervisor: control.ControlSocket) -> None:
        self._supervisor = supervisor
        self._run = config.run
        streams = (mapping_of(plain, "stream") for plain in config.streams["list"])
        self._streams = [StreamSpec.from_plain(plain) for plain in streams]
        self._router = Router(config.url, Path(config.directory) if config.directory else None)
        self._sources = {
            (spec.name, cpu): Source(spec, cpu, RingConsumer(fd, spec.dtype, config.space[cpu]))
            for spec in self._streams
            for cpu, fd in enumerate(config.rings[spec.name])
        }
        self._subscribers: dict[bytes, RemoteSubscriber] = {}
        self._doorbell = config.doorbell
        self._flush_at = self._beat_at = self._progress_at = time.monotonic()
        self._limit: float | None = None
        self._finish_sent = False
        self._answer: dict[type[wire.Message], Callable[[bytes, Any], None]] = {
            wire.Hello: self._on_hello,
            wire.Acknowledge: self._on_acknowledge,
            wire.Goodbye: self._on_goodbye,
        }
        supervisor.send(control.Bound(self._router.url))

    def run(self) -> None:
        """Serve until everybody has everything after FinishAll, or the supervisor is gone."""
        poller = zmq.Poller()
        ready: dict[Any, Callable[[], None]] = {
            self._router.socket: self._on_router,
            self._doorbell: self._on_doorbell,
            self._supervisor.fileno(): self._on_supervisor,
        }
        for handle in ready:
            poller.register(handle, zmq.POLLIN)
        while not (self._supervisor.closed_by_peer or self._is_finished()):
            busy = self._send_round()
            wait = 0.0 if busy else max(0.0, self._flush_at - time.monotonic())
            for handle, _ in poller.poll(math.ceil(wait * 1000)):
                ready[handle]()
            self._keep_time()
        self._leave()

    def _is_finished(self) -> bool:
        return self._finish_sent and not self._subscribers

    def _leave(self) -> None:
        for identity in self._subscribers:
            self._post(identity, "", wire.Goodbye("the run was given up"))
        self._router.close(LINGER_SECONDS)
        self._supervisor.send(control.Finished())
        self._supervisor.close()

    def _post(self, identity: bytes, topic: str, message: wire.Message) -> bool:
        return self._router.post(identity, wire.encode(topic, message), b"")

    # what is sent

    def _send_round(self) -> bool:
        """Send at most one batch from every ring; return whether there may be more to send."""
        now = time.monotonic()
        flush = now >= self._flush_at
        if flush:
            self._flush_at = now + FLUSH_SECONDS
        busy = False
        for source in self._sources.values():
            if source.ended:
                continue
            span = source.next_span(flush)
            if span is not None:
                self._send_batch(source, span)
                busy = True
            elif source.ended:
                for subscriber in tuple(source.subscribers):
                    self._send_end(source, subscriber)
        return busy

    def _send_batch(self, source: Source, span: Records) -> None:
        count, first = len(span), source.ring.tail
        if not source.subscribers:
            source.lose(count)
            return
        name, dropped = source.stream.name, source.ring.dropped
        message = wire.Batch(self._run["run"], name, source.cpu, first, count, dropped)
        head, payload = wire.encode(source.topic, message), zmq.Frame(bytes_of(span), copy=True)
        sent = Sent(source, first + count, count, span.nbytes)
        source.ring.release(count)
        for subscriber in tuple(source.subscribers):
            if self._router.post(subscriber.identity, head, payload):
                subscriber.charge(sent)
            else:
                self._drop(subscriber, "disconnected")
        sent.spoiled = sent.waiting == 0
        sent.settle()

    def _send_end(self, source: Source, subscriber: RemoteSubscriber) -> None:
        name, ring = source.stream.name, source.ring
        message = wire.End(self._run["run"], name, source.cpu, ring.head, ring.dropped)
        if not self._post(subscriber.identity, source.topic, message):
            self._drop(subscriber, "disconnected")

    def _keep_time(self) -> None:
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + BEAT_SECONDS
            records = sum(source.ring.tail for source in self._sources.values())
            for subscriber in tuple(self._subscribers.values()):
                if not self._post(subscriber.identity, "", wire.Beat(records)):
                    self._drop(subscriber, "disconnected")
            if self._limit is not None:
                self._supervisor.send(control.Progress())
        if self._limit is None:
            return
        if now - self._progress_at > self._limit:
            for subscriber in tuple(self._subscribers.values()):
                self._drop(subscriber, f"acknowledged nothing in {self._limit:g} s")
        if not self._finish_sent and all(source.ended for source in self._sources.values()):
            self._finish_sent = True
            for identity in self._subscribers:
                self._post(identity, "", wire.Finish())

    # what comes in

    def _on_doorbell(self) -> None:
        os.eventfd_read(self._doorbell)

    def _on_supervisor(self) -> None:
        for message in self._supervisor.receive():
            if isinstance(message, control.FinishAll):
                self._limit = message.limit_ms / 1000
                self._progress_at = time.monotonic()

    def _on_router(self) -> None:
        for _ in range(MESSAGES_A_TURN):
            frames = self._router.receive()
            if frames is None:
                return
            identity = frames[0]
            try:
                message = wire.decode(frames[1:]).message
            except ProtocolError as error:
                self._post(identity, "", wire.Refused(str(error)))
                continue
            answer = self._answer.get(type(message))
            if answer:  # messages of other types, known or not, are ignored
                answer(identity, message)

    def _on_hello(self, identity: bytes, hello: wire.Hello) -> None:
        if identity in self._subscribers:
            return
        subscriber = RemoteSubscriber(identity, hello.name, hello.prefixes, hello.credit)
        wanted = [s for s in self._sources.values() if subscriber.wants(s.topic)]
        if not wanted or hello.credit < LEAST_CREDIT:
            self._post(identity, "", wire.Refused(self._why_refused(hello)))
            return
        names = {source.stream.name for source in wanted}
        streams = [spec.to_plain() for spec in self._streams if spec.name in names]
        payload = wire.pack({"run": self._run, "streams": streams})
        if not self._router.post(identity, wire.encode("", wire.Welcome()), payload):
            return
        self._subscribers[identity] = subscriber
        self._progress_at = time.monotonic()
        self._supervisor.send(control.Joined(hello.name, len(self._subscribers)))
        for source in wanted:
            source.subscribers.append(subscriber)
            if source.ended:
                self._send_end(source, subscriber)
        if self._finish_sent:
            self._post(identity, "", wire.Finish())

    def _why_refused(self, hello: wire.Hello) -> str:
        if hello.credit < LEAST_CREDIT:
            return f"credit of {hello.credit} bytes; expected at least {LEAST_CREDIT}"
        names = ", ".join(spec.name for spec in self._streams) or "no stream"
        return f"no stream starts with {' or '.join(hello.prefixes)!r}; this run has {names}"

    def _on_acknowledge(self, identity: bytes, message: wire.Acknowledge) -> None:
        subscriber = self._subscribers.get(identity)
        source = self._sources.get((message.stream, message.cpu))
        if subscriber and source:
            subscriber.acknowledge(source, message.next)
            self._progress_at = time.monotonic()

    def _on_goodbye(self, identity: bytes, message: wire.Goodbye) -> None:
        subscriber = self._subscribers.get(identity)
        if subscriber:
            self._progress_at = time.monotonic()
            self._drop(subscriber, message.reason)

    def _drop(self, subscriber: RemoteSubscriber, reason: str) -> None:
        if self._subscribers.pop(subscriber.identity, None) is None:
            return
        for source in self._sources.values():
            if subscriber in source.subscribers:
                source.subscribers.remove(subscriber)
        lost = subscriber.leave()
        left = len(self._subscribers)
        self._supervisor.send(control.Left(subscriber.name, reason, lost, left))


def main(fd: int) -> int:
    """Publish what the supervisor at the control socket `fd` configures; return the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor says when to end
    supervisor = control.ControlSocket(socket.socket(fileno=fd))
    messages: list[wire.Message] = []
    while not messages and not supervisor.closed_by_peer:
        messages = supervisor.wait(60)
    if not messages or not isinstance(messages[0], control.Configure):
        return 1
    try:
        publisher = Publisher(messages[0], supervisor)
    except AddressError as error:
        supervisor.send(control.Failed(type(error).__name__, error.wrong))
        return 1
    publisher.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
