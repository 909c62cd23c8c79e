"""A connection to a publisher for questions and commands, without a subscription."""

import time
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from mttcg_bus import wire
from mttcg_bus.address import check_address
from mttcg_bus.errors import KeyRefused, NoPublisher, PublisherLost
from mttcg_bus.router import set_common_options
from mttcg_bus.security import REFUSALS, ClientSecurity, refusal_of, secure_client


class Dealer:
    """A connected DEALER socket.

    url: of the publisher. security: keys, which a publisher beyond this machine asks for. Raises
    AddressRefused.
    """

    def __init__(self, url: str, security: ClientSecurity | None = None) -> None:
        address = check_address(url, secured=security is not None)
        self.url, self._refusal = url, refusal_of(security)
        self._answered = False
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        set_common_options(self._socket, address, wire.LARGEST_PAYLOAD)
        secure_client(self._socket, security)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | REFUSALS)
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
        before it has answered, ProtocolError, WrongVersion.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready = dict(self._poller.poll(max(1, int(left * 1000))))
            if self._socket in ready:
                self._answered = True
                return wire.decode(self._socket.recv_multipart())
            if self._monitor in ready:
                self._lose(recv_monitor_message(self._monitor)["event"])
        raise NoPublisher(self.url, f"no publisher answered within {seconds:g} s")

    def _lose(self, event: int) -> None:
        if event & REFUSALS:
            raise KeyRefused(self.url, self._refusal)
        if self._answered:
            raise PublisherLost(self.url, "its connection closed before it had answered")

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
