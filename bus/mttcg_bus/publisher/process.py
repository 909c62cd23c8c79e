"""The supervisor's handle of the publisher process."""

import contextlib
import dataclasses
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mttcg_bus.errors import (
    AddressError,
    AddressInUse,
    AddressRefused,
    HostLimit,
    PublisherLost,
)
from mttcg_bus.host.threads import single_threaded
from mttcg_bus.publisher.departures import Departures
from mttcg_bus.publisher.garbage import Garbage
from mttcg_bus.ring.ring import mark_closed, mark_consumer_gone
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire import address, control, wire
from mttcg_bus.wire.control import Joined, Left, StreamEnded, StreamsOpened
from mttcg_bus.wire.stream import StreamSpec
from mttcg_bus.wire.tokens import make_token, remove_token

if TYPE_CHECKING:
    from mttcg_bus.wire.security import ServerSecurity

PUBLISHER = ("-P", "-m", "mttcg_bus.publisher")
"""What Python runs; -P: a module in the directory that the user is in is none of ours."""
START_SECONDS = 60.0
"""How long a publisher may take to import its modules and bind."""
SILENCE_SECONDS = 10.0
"""How long a finishing publisher, which reports twice a second, may stay silent."""
END_SECONDS = 3.0
"""How long a publisher may take from its last word, or a SIGTERM, to its exit."""


@dataclass(frozen=True)
class Died:
    """The publisher process is no more, before it was told to finish; wrong: its words, if any."""

    exit_status: int
    wrong: str = ""


PublisherEvent: TypeAlias = Joined | Left | StreamsOpened | StreamEnded | Died

_ADDRESS_ERRORS = {error.__name__: error for error in (AddressInUse, AddressRefused)}


def _spawn(descriptors: Sequence[int]) -> tuple["subprocess.Popen[bytes]", socket.socket]:
    """Start a publisher that has these descriptors, by the same numbers; it, and our socket."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, *PUBLISHER, str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno(), *descriptors],
            stdin=subprocess.DEVNULL,
            stdout=2,
            env=single_threaded(),
            start_new_session=True,  # a signal to the user's group is the supervisor's
        )
    return process, ours


class PublisherProcess:
    """A running publisher; made by `start`, ended by `finish` or `terminate`.

    url: where subscribers connect. pid: of the process. As far as this handle has seen by now:
    alive: whether the process is there; subscribers: how many are connected; departures: those that
    left. state: gives what snapshots have of the run, plain: `counters`, `tables`.
    command: does a command, and gives its result to `answer`; None while there is no guest for it.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        end: control.ControlSocket,
        rings: Mapping[str, Sequence[int]],
        wakes: Sequence[int],
        directory: Path | None,
        token: str,
    ) -> None:
        self._process, self._control, self._directory = process, end, directory
        self._token = token
        self._rings = {name: tuple(fds) for name, fds in rings.items()}
        self._wakes = wakes
        self.url, self.pid = "", process.pid
        self.subscribers = 0
        self.departures = Departures()
        self._garbage = Garbage()
        self.alive = True
        self._wrong = ""
        self.state: Callable[[], dict[str, Any]] = dict
        self.command: Callable[[control.Command], None] | None = None

    @classmethod
    def start(
        cls,
        url: str | None,
        run_info: RunInfo,
        streams: Sequence[StreamSpec],
        ring_fds: Mapping[str, Sequence[int]],
        doorbell_fd: int,
        space_fds: Sequence[int],
        stall_seconds: float = 0.0,
        security: "ServerSecurity | None" = None,
        takes_commands: bool = False,
    ) -> "PublisherProcess":
        """Start a publisher and wait until it is bound.

        url: ipc:///path, tcp://127.0.0.1:port (port * for any), None for a private ipc address.
        ring_fds: rings by stream name, then by vCPU. doorbell_fd, space_fds (by vCPU): non-blocking
        eventfds. The descriptors stay the caller's, open until the handle has ended.
        stall_seconds: a subscriber that has records, and acknowledges nothing for so long,
        is given up; 0: never. security: whom to accept, which addresses beyond this machine need;
        without it, a TCP address is for processes of this user, which find a token (`tokens`).
        takes_commands: whether who may control the run can give commands.
        Raises AddressRefused, AddressInUse, PublisherLost.
        """
        directory = None
        if url is None:
            url, directory = address.private_address()
        try:
            address.check_address(url, secured=security is not None)
            address.check_free(url)
            rings = chain.from_iterable(ring_fds.values())
            process, ours = _spawn([doorbell_fd, *space_fds, *rings])
        except BaseException:
            address.remove_socket("", directory)
            raise
        token = make_token() if security is None and url.startswith("tcp:") else ""
        handle = cls(process, control.ControlSocket(ours), ring_fds, space_fds, directory, token)
        handle.url = url if directory else ""  # only once bound is somebody's path ours to remove
        try:
            handle._control.send(
                control.Configure(
                    url=url,
                    directory=str(directory or ""),
                    run=run_info.to_plain(),
                    streams={"list": [spec.to_plain() for spec in streams]},
                    rings={name: list(fds) for name, fds in ring_fds.items()},
                    doorbell=doorbell_fd,
                    space=tuple(space_fds),
                    stall_ms=math.ceil(stall_seconds * 1000),
                    keys=str(security.file) if security is not None else "",
                    allowed=security.allowed if security is not None else (),
                    controllers=security.controllers if security is not None else (),
                    control=int(takes_commands),
                    token=token,
                )
            )
            handle._wait_bound(url)
        except BaseException:
            handle.terminate()
            raise
        return handle

    def _wait_bound(self, url: str) -> None:
        messages = self._control.wait(START_SECONDS)
        match messages:
            case [control.Bound(bound), *_]:
                self.url = bound
            case [control.Failed(kind, wrong), *_] if kind == HostLimit.__name__:
                raise HostLimit("the bus publisher", wrong)
            case [control.Failed(kind, wrong), *_]:
                raise _ADDRESS_ERRORS.get(kind, AddressError)(url, wrong)
            case _:
                raise PublisherLost(url, "the process ended, or hung, before it was bound")

    def fileno(self) -> int:
        """Return the descriptor that is readable when `receive` has something; -1 when ended."""
        return self._control.fileno()

    @property
    def garbage(self) -> Garbage:
        """What came that is none of the protocol's, as far as the publisher has told."""
        told = self._garbage
        return dataclasses.replace(told, orders=told.orders + self._control.garbage)

    def receive(self) -> list[PublisherEvent]:
        """Return what happened since the last call, without waiting.

        After Died, every producer has been told that nobody consumes, the socket file is removed,
        and `fileno` is not to be polled any more.
        """
        return self._receive(0.0)

    def _receive(self, seconds: float) -> list[PublisherEvent]:
        if not self.alive:
            return []
        events = self._note(self._control.wait(seconds))
        if self._control.closed_by_peer:
            self._end()
            events.append(Died(self._process.returncode, self._wrong))
        return events

    def _note(self, messages: Sequence[wire.Message]) -> list[PublisherEvent]:
        events: list[PublisherEvent] = []
        for message in messages:
            if isinstance(message, Joined | Left | StreamsOpened | StreamEnded):
                events.append(message)
            if isinstance(message, Joined | Left):
                self.subscribers = message.subscribers
            if isinstance(message, control.Failed):
                self._wrong = message.wrong
            if isinstance(message, Left):
                self.departures.add(message)
            if isinstance(message, control.GarbageSeen):
                self._garbage = Garbage(**dataclasses.asdict(message))
            if isinstance(message, control.Wanted):
                self._tell_state(message.question)
            if isinstance(message, control.Command):
                self._do(message)
        return events

    def _tell_state(self, question: int) -> None:
        if not self._control.send(control.State(question, self.state())):
            self._control.send(control.State(question, {}, "the state of the run is too large"))

    def _do(self, command: control.Command) -> None:
        if self.command is None:
            self.answer(command.question, "no guest to control: it has not begun, or is over")
        else:
            self.command(command)

    def answer(self, question: int, error: str, answer: Mapping[str, Any] | None = None) -> None:
        """Give the result of a command: an error, or "" and plain data."""
        if self.alive and not self._control.send(
            control.Answer(question, error, dict(answer or {}))
        ):
            self._control.send(control.Answer(question, "it was done; its result is too large", {}))

    def open_streams(
        self,
        streams: Sequence[StreamSpec],
        ring_fds: Mapping[str, Sequence[int]],
        plugins: Sequence[str],
    ) -> None:
        """Publish more streams; StreamsOpened comes when subscribers can have them.

        ring_fds: as `start` takes them. plugins: all that the run has then.
        """
        self._rings |= {name: tuple(fds) for name, fds in ring_fds.items()}
        plain = {"list": [spec.to_plain() for spec in streams]}
        rings = [fd for spec in streams for fd in ring_fds[spec.name]]
        self._control.send(control.OpenStreams(plain, tuple(plugins)), rings)

    def end_streams(self, names: Sequence[str], plugins: Sequence[str]) -> None:
        """Let go of streams when all have what is in them; StreamEnded comes for each.

        Every producer has closed its ring, and keeps it till then.
        """
        self._control.send(control.EndStreams(tuple(names), tuple(plugins)))

    def forget_streams(self, names: Iterable[str]) -> None:
        """The rings of streams that have ended are the caller's alone again."""
        for name in names:
            del self._rings[name]

    def wait_subscribers(self, count: int, limit_seconds: float) -> bool:
        """Wait until `count` subscribers are there at once; return whether they are.

        Raises PublisherLost if the publisher dies meanwhile.
        """
        until = time.monotonic() + limit_seconds
        while self.subscribers < count and time.monotonic() < until:
            for event in self._receive(until - time.monotonic()):
                if isinstance(event, Died):
                    why = event.wrong or f"exit status {event.exit_status}"
                    raise PublisherLost(self.url, why)
        return self.subscribers >= count

    def finish(self, limit_seconds: float) -> bool:
        """Deliver what is in the rings, end the streams, and wait for the publisher's end.

        Call it when every producer has ended; rings that are not closed are closed. A subscriber is
        waited for as long as some subscriber acknowledges something within `limit_seconds`; what is
        unacknowledged then is counted as lost. Returns whether the publisher ended in order.
        """
        if not self.alive:
            return False
        for fd in chain.from_iterable(self._rings.values()):
            mark_closed(fd)
        self._control.send(control.FinishAll(math.ceil(limit_seconds * 1000)))
        finished = False
        while not (finished or self._control.closed_by_peer):
            messages = self._control.wait(SILENCE_SECONDS)
            if not messages:
                break
            self._note(messages)
            finished = any(isinstance(message, control.Finished) for message in messages)
        self._end(wait_seconds=END_SECONDS if finished else 0.0)
        return finished and self._process.returncode == 0

    def terminate(self) -> None:
        """End the publisher now; what was not delivered stays counted as in flight."""
        if self.alive:
            self._process.terminate()
            self._end()

    def _end(self, wait_seconds: float = END_SECONDS) -> None:
        """See the process gone, and leave nothing of it behind."""
        self.alive = False
        self.subscribers = 0
        self.state = dict  # what it knew of the run is not to live as long as this
        self.command = None
        self._control.close()
        for stop in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(wait_seconds)
                break
            except subprocess.TimeoutExpired:
                stop()
                wait_seconds = END_SECONDS
        self._process.wait()
        for fd in chain.from_iterable(self._rings.values()):
            mark_consumer_gone(fd)
        for fd in self._wakes:
            with contextlib.suppress(BlockingIOError):  # full: the producer is awake anyway
                os.eventfd_write(fd, 1)
        with contextlib.suppress(OSError):  # somebody else put something into the directory
            address.remove_socket(self.url, self._directory)
        if self._token:
            remove_token(self.url, self._token)
