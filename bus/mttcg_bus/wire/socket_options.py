"""The options of the sockets at both ends."""

import zmq

from mttcg_bus.wire.limits import MOST_UNREAD

BEAT_MILLISECONDS = 1000
SILENCE_MILLISECONDS = 10_000
"""A peer whose connection stays silent for this long (ZMTP heartbeats) is gone."""


def set_common_options(
    socket: "zmq.Socket[bytes]", address: str, largest: int, received: int
) -> None:
    """Set what both ends need, before bind or connect to `address`.

    largest: bytes of a frame that this end accepts; a peer that sends more is disconnected.
    received: messages of a peer that may wait here; what more it sends waits there.
    """
    socket.set(zmq.SNDHWM, MOST_UNREAD)
    socket.set(zmq.RCVHWM, received)
    socket.set(zmq.MAXMSGSIZE, largest)
    socket.set(zmq.HEARTBEAT_IVL, BEAT_MILLISECONDS)
    socket.set(zmq.HEARTBEAT_TIMEOUT, SILENCE_MILLISECONDS)
    socket.set(zmq.HEARTBEAT_TTL, SILENCE_MILLISECONDS)
    socket.set(zmq.IPV6, "[" in address)
