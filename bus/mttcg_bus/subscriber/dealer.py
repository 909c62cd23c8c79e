"""A connection to a publisher for questions and commands, without a subscription."""

import time
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from mttcg_bus.errors import KeyRefused, NoPublisher, PublisherLost
from mttcg_bus.host.limits import check_socket_room
from mttcg_bus.wire import wire
from mttcg_bus.wire.address import check_address
from mttcg_bus.wire.limits import LARGEST_PAYLOAD, MOST_RECEIVED
from mttcg_bus.wire.security import REFUSALS, ClientSecurity, Credentials, Security
from mttcg_bus.wire.socket_options import set_common_options

WATCHED = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED | REFUSALS
)
CONNECT_SECONDS = 10.0
"""How long a publisher may take to accept a connection, whatever it is asked then."""


class Dealer:
    """A connected DEALER socket.

    url: of the publisher. security: keys, which a publisher beyond this machine asks for, or a
    token, if that is not where it is found by itself. awaits: whether the publisher may come only
    later; else it is an error at once that nobody listens at the address. Raises AddressRefused.
    """

    def __init__(self, url: str, security: Security | None = None, awaits: bool = True) -> None:
        self._address = check_address(url, secured=isinstance(security, ClientSecurity))
        self.url, self._credentials = url, Credentials(self._address, security)
        self._awaits, self._connected = awaits, False
        self._sent: list[list[bytes]] = []
        check_socket_room()
        self._context = zmq.Context()
        self._connect()

    def _connect(self) -> None:
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        set_common_options(self._socket, self._address, LARGEST_PAYLOAD, MOST_RECEIVED)
        self._credentials.secure(self._socket)
        self._monitor = self._socket.get_monitor_socket(WATCHED)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(self._address)
        for frames in self._sent:
            self._socket.send_multipart(frames)

    def _disconnect(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)

    def send(self, message: wire.Message, payload: bytes = b"") -> None:
        """Send a message."""
        frames = [*wire.encode("", message), payload]
        if not self._connected:
            self._sent.append(frames)
        self._socket.send_multipart(frames)

    def receive(self, seconds: float) -> wire.ReceivedMessage:
        """Return the next message.

        Raises NoPublisher if none comes in time, KeyRefused, PublisherLost if the publisher goes
        meanwhile, ProtocolError, WrongVersion.
        """
        began = time.monotonic()
        while True:
            limit = seconds if self._connected else min(seconds, CONNECT_SECONDS)
            left = began + limit - time.monotonic()
            if left <= 0:
                raise NoPublisher(self.url, f"no publisher answered within {limit:.3g} s")
            ready = dict(self._poller.poll(max(1, int(left * 1000))))
            if self._socket in ready:
                return wire.decode(self._socket.recv_multipart())
            if self._monitor in ready:
                self._hear(recv_monitor_message(self._monitor)["event"])

    def _hear(self, event: int) -> None:
        if event & REFUSALS:
            if not self._credentials.renew():
                raise KeyRefused(self.url, self._credentials.refusal)
            self._disconnect()
            self._connect()
            return
        if event == zmq.EVENT_DISCONNECTED and self._connected:
            raise PublisherLost(self.url, "its connection closed before it had answered")
        if event == zmq.EVENT_CONNECT_RETRIED and not (self._awaits or self._connected):
            raise NoPublisher(self.url, "nobody listens there: the run has ended, or not begun")
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._connected = True
            self._sent.clear()

    def close(self) -> None:
        """Close the connection; what was not sent by now is not sent any more."""
        if not self._context.closed:
            self._socket.disable_monitor()
            self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close."""
        self.close()
