"""The network device, and frames on a stream socket."""

import os
import select
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from virtio_driver import DeviceQueues

from mttcg.hardware.devices.virtio.frame_stream import MOST_FRAME, FrameStream
from mttcg.hardware.devices.virtio.layout import Feature, QueueWord, queue_word
from mttcg.hardware.devices.virtio.network import RECEIVED, SENT, NetworkDevice, NetworkFeature
from mttcg.hardware.devices.virtio.transport import CONFIG_START

ADDRESS = bytes.fromhex("525400123456")
HEADER = bytes(12)
FRAME = bytes(range(60))


def framed(frame: bytes) -> bytes:
    return struct.pack("!I", len(frame)) + frame


class NetworkMachine(DeviceQueues):
    """A machine with a network, whose other end a test has."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        self.peer.settimeout(10)
        self.said: list[str] = []
        self.stream = FrameStream(None, ours, self.said.append)
        super().__init__(NetworkDevice(self.stream, ADDRESS), queues=2)

    def count(self, queue: int, word: QueueWord) -> int:
        return int(self.state.cast("Q")[queue_word(queue, word)])


@pytest.fixture
def machine() -> Iterator[NetworkMachine]:
    machine = NetworkMachine()
    machine.start(machine.features())
    yield machine
    machine.peer.close()
    machine.stream.close()


def test_the_device_has_its_address(machine: NetworkMachine) -> None:
    assert machine.features() & NetworkFeature.MAC
    assert bytes(machine.front.read(CONFIG_START + at, 1) for at in range(6)) == ADDRESS


def test_frames_go_out_behind_their_length(machine: NetworkMachine) -> None:
    machine.put(SENT, [HEADER, FRAME])
    machine.put(SENT, [HEADER + FRAME[:20]])
    assert machine.peer.recv(1000) == framed(FRAME) + framed(FRAME[:20])


def test_frames_come_in_whatever_the_stream_makes_of_them(machine: NetworkMachine) -> None:
    for _ in range(3):
        machine.give(RECEIVED, 1526)
    for byte in framed(FRAME) + framed(FRAME[:30]):
        machine.peer.send(bytes((byte,)))
        machine.serve()
    header = bytes(10) + b"\1\0"
    assert machine.got(RECEIVED) == [header + FRAME, header + FRAME[:30]]


def test_frames_wait_for_buffers(machine: NetworkMachine) -> None:
    machine.peer.send(framed(FRAME) * 2)
    machine.serve()
    assert machine.wanted() == {}
    machine.give(RECEIVED, 1526)
    machine.give(RECEIVED, 1526)
    assert [frame[12:] for frame in machine.got(RECEIVED)] == [FRAME, FRAME]
    machine.serve()
    assert list(machine.wanted().values()) == [select.POLLIN]


def test_a_frame_that_does_not_fit_is_dropped_and_counted(machine: NetworkMachine) -> None:
    machine.give(RECEIVED, 50)
    machine.peer.send(framed(FRAME) + framed(FRAME[:20]))
    machine.serve()
    assert [frame[12:] for frame in machine.got(RECEIVED)] == [FRAME[:20]]
    assert machine.count(RECEIVED, QueueWord.DROPPED) == 1


def test_a_peer_that_takes_nothing_makes_the_guest_wait(machine: NetworkMachine) -> None:
    frame, sent = bytes(1500), 0
    while not any(events & select.POLLOUT for events in machine.wanted().values()):
        machine.put(SENT, [HEADER, frame])
        sent += 1
        assert sent < 10_000
    machine.put(SENT, [HEADER, FRAME])
    assert machine.count(SENT, QueueWord.REQUESTS) == sent
    found = b""
    while len(found) < sent * len(framed(frame)) + len(framed(FRAME)):
        found += machine.peer.recv(1 << 16)
        machine.serve()
    assert found == framed(frame) * sent + framed(FRAME)
    assert machine.count(SENT, QueueWord.DROPPED) == 0


def test_what_nobody_takes_is_dropped_and_counted(machine: NetworkMachine) -> None:
    machine.peer.close()
    machine.serve()
    assert machine.said == ["it has closed the connection"]
    machine.put(SENT, [HEADER, FRAME])
    assert machine.count(SENT, QueueWord.DROPPED) == 1
    assert machine.wanted() == {}


@pytest.mark.parametrize("length", [0, 13, MOST_FRAME + 1, (1 << 32) - 1])
def test_a_peer_whose_frames_can_not_be_is_parted_with(
    machine: NetworkMachine, length: int
) -> None:
    machine.give(RECEIVED, 1526)
    machine.peer.send(framed(FRAME) + struct.pack("!I", length))
    machine.serve()
    machine.serve()
    assert machine.said == [f"it sends a frame of {length} bytes"]


def test_what_is_no_frame_is_not_sent(machine: NetworkMachine) -> None:
    for parts in ([HEADER], [HEADER, b"short"], [b"x"], [HEADER, bytes(MOST_FRAME + 1)]):
        machine.put(SENT, parts)
    assert machine.count(SENT, QueueWord.FAILED) == 4
    assert machine.count(SENT, QueueWord.DROPPED) == 4
    machine.put(SENT, [HEADER, FRAME])
    assert machine.peer.recv(1000) == framed(FRAME)


def test_an_older_driver_has_a_shorter_header() -> None:
    machine = NetworkMachine()
    machine.start(machine.features() & ~Feature.VERSION_1)
    machine.put(SENT, [bytes(10) + FRAME])
    assert machine.peer.recv(1000) == framed(FRAME)
    machine.peer.close()
    machine.stream.close()


def test_peers_come_and_go_at_a_socket(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    path, said = os.fspath(tmp_path / "net"), list[str]()
    listener.bind(path)
    listener.listen(1)
    stream = FrameStream(listener, None, said.append)
    assert not stream.send(FRAME)
    for _ in range(2):
        assert stream.wanted(True) == {listener.fileno(): select.POLLIN}
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
            peer.send(framed(FRAME) + framed(FRAME)[:10])
            assert stream.has_frame()
            assert stream.frame() == FRAME
            assert stream.send(FRAME)
            assert peer.recv(100) == framed(FRAME)
        assert not stream.has_frame(), "what was only begun means nothing to another"
    assert len(said) == 2
    stream.close()
