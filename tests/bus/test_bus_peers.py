"""Whose connection a descriptor is, when messages come later than what they were sent on."""

import os
import select
import socket
from collections.abc import Iterator

import pytest

from mttcg_bus.publisher.peers import Peers


class Pair:
    """Both ends of a connection; `ours` is the end that a publisher has."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()

    @property
    def is_open(self) -> bool:
        """Whether the other side sees it open."""
        return not select.select([self.theirs], [], [], 0)[0]

    def close(self) -> None:
        """Close both."""
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def first() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_a_peer_is_disconnected(first: Pair) -> None:
    peers = Peers()
    peers.heard(b"first", first.ours.fileno())
    peers.disconnect(b"first")
    assert not first.is_open


@pytest.mark.parametrize("late", [True, False])
def test_who_has_the_descriptor_of_another_stays_connected(first: Pair, late: bool) -> None:
    """late: the first one's message is read when its connection has ended."""
    peers, descriptor = Peers(), first.ours.fileno()
    if not late:
        old = peers.heard(b"first", descriptor)
    second = Pair()
    os.dup2(second.ours.fileno(), descriptor)  # as if it had been accepted when the first had ended
    if late:
        old = peers.heard(b"first", descriptor)
    peers.heard(b"second", descriptor)
    peers.heard(b"first", descriptor)
    peers.disconnect(b"first")
    old.disconnect()
    assert second.is_open
    second.close()
