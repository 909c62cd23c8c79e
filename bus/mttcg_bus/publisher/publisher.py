"""The publisher process: drains all rings and serves the subscribers.

Started by `PublisherProcess` as `python -m mttcg_bus.publisher FD`, with a control socket at that
descriptor. One poll loop over the ROUTER socket, the doorbell of the producers and the control
socket; nothing in it waits for one subscriber or one producer.
"""

import math
import os
import resource
import secrets
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import zmq

from mttcg_bus.errors import AddressError, HostLimit, KeyFileError, ProtocolError, TokenError
from mttcg_bus.host.limits import check_socket_room, descriptors_left, host_refusal
from mttcg_bus.publisher.admission import why_not, why_not_now
from mttcg_bus.publisher.commands import Commands
from mttcg_bus.publisher.delivery import RemoteSubscriber, Source
from mttcg_bus.publisher.garbage import Garbage
from mttcg_bus.publisher.inquiries import Inquiries
from mttcg_bus.publisher.peers import Peer
from mttcg_bus.publisher.published import Published, specs_of
from mttcg_bus.publisher.router import NO_ROOM, Posted, Router
from mttcg_bus.publisher.sending import Sending
from mttcg_bus.publisher.subscribers import Subscribers
from mttcg_bus.ring.segments import Lender
from mttcg_bus.wire import control, wire
from mttcg_bus.wire.limits import (
    MOST_CONNECTIONS,
    MOST_CREDIT,
    MOST_LENDING,
)
from mttcg_bus.wire.policy import parse_policy
from mttcg_bus.wire.security import ServerSecurity
from mttcg_bus.wire.stream import StreamSpec

ROOM_FOR_PEERS, DESCRIPTORS_A_PEER = 32, 3
"""Descriptors to have for all who connect at the least, and for each of them."""
BEAT_SECONDS = 0.5
"""Between two beats; sending one is how a dead subscriber is found while nothing else is sent."""
LINGER_SECONDS = 1.0
MESSAGES_A_TURN = 256
UNDER_LOAD_SECONDS = 0.001
"""How long the publisher ignores doorbells while records gather to a large batch."""


class Publisher:
    """All that one publisher process does; raises AddressError if it can't bind."""

    def __init__(self, config: control.Configure, supervisor: control.ControlSocket) -> None:
        self._supervisor = supervisor
        self._run = config.run
        security = None
        if config.keys:
            security = ServerSecurity(Path(config.keys), config.allowed, config.controllers)
        directory = Path(config.directory) if config.directory else None
        self._router = Router(config.url, directory, security, config.token)
        self._published = Published(config.space)
        self._sources = self._published.sources
        for spec in specs_of(config.streams):
            self._published.add(spec, config.rings[spec.name])
        self._lender = Lender(self._published.lend)
        check_socket_room(ROOM_FOR_PEERS)  # libzmq ends the process when it can't accept one
        room = descriptors_left() // DESCRIPTORS_A_PEER
        self._router.connections.most = min(MOST_CONNECTIONS, room)
        self._garbage, self._garbage_told = self._router.garbage, Garbage()
        self._inquiries = Inquiries(
            self._run,
            self._sources,
            self._router,
            supervisor,
            self._garbage,
            self._published.past,
        )
        self._commands = Commands(self._router, supervisor)
        self._takes_commands = bool(config.control)
        self._subscribers = Subscribers(self._router, supervisor)
        self._sending = Sending(self._run["run"], self._sources, self._router, self._subscribers)
        self._doorbell = config.doorbell
        self._beat_at = self._progress_at = time.monotonic()
        self._limit: float | None = None
        self._stall = config.stall_ms / 1000 or math.inf
        self._obey: dict[type[wire.Message], Callable[[Any], None]] = {
            control.FinishAll: self._on_finish_all,
            control.State: self._on_state,
            control.Answer: self._commands.answer,
            control.OpenStreams: self._on_open_streams,
            control.EndStreams: self._on_end_streams,
        }
        supervisor.send(control.Bound(self._router.url))

    def run(self) -> None:
        """Serve until everybody has everything after FinishAll, or the supervisor is gone."""
        poller, deaf = zmq.Poller(), zmq.Poller()
        ready: dict[Any, Callable[[], None]] = {
            self._router.socket: self._on_router,
            self._doorbell: self._on_doorbell,
            self._supervisor.fileno(): self._on_supervisor,
            self._lender.fileno(): self._on_lender,
            self._router.connections.monitor: self._on_connection,
        }
        if self._router.guard is not None:
            ready[self._router.guard.socket] = self._router.guard.serve
        for handle in ready:
            poller.register(handle, zmq.POLLIN)
            if handle != self._doorbell:
                deaf.register(handle, zmq.POLLIN)
        while not (self._supervisor.closed_by_peer or self._is_finished()):
            busy = self._sending.send_round()
            for name in self._published.let_go():
                self._supervisor.send(control.StreamEnded(name))
            wait = 0.0 if busy else max(0.0, self._sending.flush_at - time.monotonic())
            loaded = not busy and self._sending.waits
            wait = min(wait, UNDER_LOAD_SECONDS) if loaded else wait
            for handle, _ in (deaf if loaded else poller).poll(math.ceil(wait * 1000)):
                ready[handle]()
            self._keep_time()
        self._leave()

    def _is_finished(self) -> bool:
        return self._limit is not None and self._published.all_ended and not self._subscribers

    def _tell_garbage(self) -> None:
        self._garbage.orders = self._supervisor.garbage
        if self._garbage != self._garbage_told:
            self._garbage_told = replace(self._garbage)
            self._supervisor.send(control.GarbageSeen(**self._garbage.to_plain()))

    def _leave(self) -> None:
        self._on_connection()
        self._tell_garbage()
        for identity in self._subscribers.by_identity:
            self._router.answer(identity, wire.Goodbye("the run was given up"))
        self._lender.close()
        self._router.close(LINGER_SECONDS)
        self._supervisor.send(control.Finished())
        self._supervisor.close()

    # what time brings

    def _keep_time(self) -> None:
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + BEAT_SECONDS
            self._beat(now)
            self._tell_garbage()
            if self._limit is not None:
                self._supervisor.send(control.Progress())
        if self._limit is None:
            return
        if now - self._progress_at > self._limit:
            self._give_up_silent(now, self._limit)
        if self._published.all_ended:
            for subscriber in self._subscribers:
                if subscriber.has_ends:
                    self._subscribers.finish(subscriber)

    def _beat(self, now: float) -> None:
        """Tell every subscriber that this one is here, and see who is."""
        records = sum(source.ring.next for source in self._sources.values())
        for subscriber in self._subscribers:
            if not self._subscribers.send(subscriber, wire.Beat(records)):
                continue
            if subscriber.is_silent(now, self._stall):
                self._subscribers.give_up(subscriber, self._stall)
            elif subscriber.has_all:
                self._subscribers.finish(subscriber)
        for identity in self._router.disconnect_late(now):
            if identity in self._subscribers.by_identity:
                self._subscribers.drop(self._subscribers.by_identity[identity], "read nothing")
        self._subscribers.let_go_of_departed()

    def _give_up_silent(self, now: float, limit: float) -> None:
        """Give those up who owe something; the others may still get what these held up."""
        there = tuple(self._subscribers)
        for subscriber in [one for one in there if one.owes] or there:
            self._subscribers.give_up(subscriber, limit)
        self._progress_at = now

    # what comes in

    def _on_doorbell(self) -> None:
        os.eventfd_read(self._doorbell)

    def _on_supervisor(self) -> None:
        for message in self._supervisor.receive():
            obey = self._obey.get(type(message))
            if obey:
                obey(message)

    def _on_finish_all(self, message: control.FinishAll) -> None:
        self._limit = message.limit_ms / 1000
        self._progress_at = time.monotonic()

    def _on_open_streams(self, message: control.OpenStreams) -> None:
        """Publish more; those subscribers hear of it who asked for it."""
        specs = specs_of(message.streams)
        for spec in specs:
            rings = [self._supervisor.descriptors.popleft() for _ in range(self._published.cpus)]
            self._published.add(spec, rings)
        self._run["plugins"] = list(message.plugins)
        for subscriber in self._subscribers:
            if subscriber.later:
                self._offer(subscriber, specs)
        self._supervisor.send(control.StreamsOpened(tuple(spec.name for spec in specs)))

    def _offer(self, subscriber: RemoteSubscriber, specs: list[StreamSpec]) -> None:
        """Let a subscriber have of some streams what it wants."""
        wanted = self._published.wanted(subscriber, {spec.name for spec in specs})
        payload = wire.pack({"streams": self._published.described(wanted)})
        if not wanted:
            return
        if self._subscribers.send(subscriber, wire.Opened(), payload):
            for source in wanted:
                subscriber.join(source)

    def _on_end_streams(self, message: control.EndStreams) -> None:
        self._published.end(message.names)
        self._run["plugins"] = list(message.plugins)

    def _on_state(self, state: control.State) -> None:
        try:
            self._inquiries.answer(state)
        except ProtocolError:
            self._supervisor.garbage += 1

    def _on_lender(self) -> None:
        self._lender.serve()
        self._garbage.packets = self._lender.garbage

    def _on_connection(self) -> None:
        self._garbage.connections = self._router.connections.count()

    def _on_router(self) -> None:
        for _ in range(MESSAGES_A_TURN):
            frames = self._router.receive()
            if frames is None:
                return
            identity = frames[0].bytes
            try:
                received = wire.decode([frame.buffer for frame in frames[1:]])
            except ProtocolError as error:
                self._garbage.messages += 1
                self._heard(identity, frames[-1])
                self._refuse(identity, str(error))
                continue
            message = received.message
            if isinstance(message, wire.Acknowledge):  # which nothing is sent back to
                self._on_acknowledge(identity, message)
                continue
            peer = self._heard(identity, frames[-1])
            match message:  # messages of other types, known or not, are ignored
                case wire.Hello():
                    self._on_hello(identity, peer, message)
                case wire.Goodbye():
                    self._on_goodbye(identity, message)
                case wire.Ask():
                    self._inquiries.ask(identity, message.what, self._subscribers)
                case wire.Command():
                    why = self._why_no_command(frames[-1])
                    self._commands.take(identity, message, received.payload, why)

    def _why_no_command(self, frame: zmq.Frame) -> str:
        """Say why the sender of a frame can't give commands; "" if it can."""
        if not self._takes_commands:
            return "this run takes no commands; expected it to be started with --control"
        if not self._router.may_control(frame):
            return "this key may not control the run; expected one that --allow-control names"
        return ""

    def _heard(self, identity: bytes, frame: zmq.Frame) -> Peer:
        """Know whose connection a message came from, before it is answered."""
        return self._router.peers.heard(identity, int(frame.get(zmq.SRCFD)))

    def _refuse(self, identity: bytes, why: str) -> None:
        self._router.answer(identity, wire.Refused(why))

    def _on_hello(self, identity: bytes, peer: Peer, hello: wire.Hello) -> None:
        if identity in self._subscribers.by_identity:
            return
        subscriber = RemoteSubscriber(
            identity,
            hello.name,
            hello.prefixes,
            min(hello.credit, MOST_CREDIT),
            parse_policy(hello.policy),
            secrets.token_hex(16),
            self._subscribers.copies,
            bool(hello.later),
        )
        why = why_not_now(peer, time.monotonic(), len(self._subscribers))
        if why:
            self._garbage.excess += 1
            self._refuse(identity, why)
            return
        wanted = self._published.wanted(subscriber, self._published.streams)
        why = why_not(hello, self._published.streams, bool(wanted))
        if why:
            self._refuse(identity, why)
        else:
            self._welcome(subscriber, wanted)

    def _welcome(self, subscriber: RemoteSubscriber, wanted: list[Source]) -> None:
        payload = wire.pack({"run": self._run, "streams": self._published.described(wanted)})
        welcome = wire.Welcome(self._lender.name, subscriber.ticket)
        posted = self._router.answer(subscriber.identity, welcome, payload)
        if posted is Posted.FULL:
            self._refuse(subscriber.identity, NO_ROOM)
        if posted is not Posted.QUEUED:
            return
        self._subscribers.add(subscriber)
        for source in wanted:
            subscriber.join(source)
        for source in wanted:
            if source.ended:
                self._sending.send_ends(source)

    def _on_acknowledge(self, identity: bytes, message: wire.Acknowledge) -> None:
        subscriber = self._subscribers.by_identity.get(identity)
        source = self._sources.get((message.stream, message.cpu))
        tap = subscriber.taps.get(source) if subscriber and source else None
        if subscriber and tap and tap.acknowledge(message.next):
            self._progress_at = subscriber.heard = time.monotonic()
            for waiting in subscriber.taps.values() if subscriber.queued else ():
                self._sending.send_backlog(waiting)

    def _on_goodbye(self, identity: bytes, message: wire.Goodbye) -> None:
        subscriber = self._subscribers.by_identity.get(identity)
        if subscriber:
            if subscriber.used:  # it may have held others up
                self._progress_at = time.monotonic()
            self._subscribers.drop(subscriber, message.reason)


def allow_descriptors() -> None:
    """Let this process have as many descriptors more as peers may take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = soft + MOST_CONNECTIONS + MOST_LENDING
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(fd: int) -> int:
    """Publish what the supervisor at the control socket `fd` configures; return the exit status."""
    allow_descriptors()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor says when to end
    supervisor = control.ControlSocket(socket.socket(fileno=fd))
    messages: list[wire.Message] = []
    while not messages and not supervisor.closed_by_peer:
        messages = supervisor.wait(60)
    if not messages or not isinstance(messages[0], control.Configure):
        return 1
    try:
        publisher = Publisher(messages[0], supervisor)
        publisher.run()
    except (AddressError, KeyFileError, TokenError) as error:
        supervisor.send(control.Failed(type(error).__name__, error.wrong))
        return 1
    except Exception as error:
        wrong = host_refusal(error)
        if not wrong:
            raise
        supervisor.send(control.Failed(HostLimit.__name__, wrong))
        return 1
    return 0
