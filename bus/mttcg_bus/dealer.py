"""A connection to a publisher for questions and commands, without a subscription."""

import time
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from mttcg_bus import wire
from mttcg_bus.address import check_address
from mttcg_bus.errors import KeyRefused, NoPublisher, PublisherLost
from mttcg_bus.limits import LARGEST_PAYLOAD, MOST_RECEIVED
from mttcg_bus.router import set_common_options
from mttcg_bus.security import REFUSALS, ClientSecurity, refusal_of, secure_client

WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | REFUSALS
CONNECT_SECONDS = 10.0
"""How long a publisher may take to accept a connection, whatever it is asked then."""


class Dealer:
    """A connected DEALER socket.

    url: of the publisher. security: keys, which a publisher beyond this machine asks for. Raises
    AddressRefused.
    """

    def __init__(self, url: str, security: ClientSecurity | None = None) -> None:
        address = check_address(url, secured=security is not None)
        self.url, self._refusal = url, refusal_of(security)
        self._connected = False
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        set_common_options(self._socket, address, LARGEST_PAYLOAD, MOST_RECEIVED)
        secure_client(self._socket, security)
        self._monitor = self._socket.get_monitor_socket(WATCHED)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(address)

    def send(self, message: wire.Message, payload: bytes = b"") -> None:
        """Send a message."""
        self._socket.send_multipart([*wire.encode("", message), payload])

    def receive(self, seconds: float) -> wire.Received:
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
            raise KeyRefused(self.url, self._refusal)
        if event == zmq.EVENT_DISCONNECTED and self._connected:
            raise PublisherLost(self.url, "its connection closed before it had answered")
        self._connected = self._connected or event == zmq.EVENT_HANDSHAKE_SUCCEEDED

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
