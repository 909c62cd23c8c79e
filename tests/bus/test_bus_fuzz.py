"""Whatever comes from outside: at most an error of the bus, memory in proportion, and a count."""

import contextlib
import dataclasses
import socket
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq
from bus_harness import LIMIT_SECONDS, TestBus, check_whole, collect
from golden_messages import DESCRIBED, RECORDS, RUN, SPEC, STREAM, VERSION_1, frames_of
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import BusError, ProtocolError, RecordingCut, RecordingError, WrongVersion
from mttcg_bus.recording.recording import MAGIC, Recording
from mttcg_bus.subscriber.aggregator import Aggregator
from mttcg_bus.subscriber.parts import Parts
from mttcg_bus.subscriber.snapshot import Snapshot
from mttcg_bus.subscriber.state import pack_state, unpack_state
from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger
from mttcg_bus.wire import control, limits, wire
from mttcg_bus.wire.address import socket_path
from mttcg_bus.wire.control import ControlSocket

MakeBus = Callable[..., TestBus]
PER_BYTE = 100
"""Bytes that reading may take for each byte that came: an empty list is a byte, and an object."""
FIXED = 1 << 20
ARRAY_32, ARRAY_16, MAP_32, BYTES_32 = 0xDD, 0xDC, 0xDF, 0xC6
MANY = 10_000_000
CLAIMS = {
    "a long list": bytes([ARRAY_32]) + struct.pack(">I", MANY),
    "long lists in long lists": (bytes([ARRAY_32]) + struct.pack(">I", 2000)) * 500,
    "short lists in short lists": (bytes([ARRAY_16]) + struct.pack(">H", 1000)) * 500,
    "a long map": bytes([MAP_32]) + struct.pack(">I", MANY),
    "long bytes": bytes([BYTES_32]) + struct.pack(">I", MANY),
    "deep lists": b"\x91" * 60_000,
}
"""Messages that say they are much larger than they are."""


class Gathering(Aggregator):
    def report(self) -> dict[str, Any]:
        return {}


def new_aggregator() -> Gathering:
    return Gathering(None, RUN)


def peak_of(function: Callable[[], Any]) -> int:
    """Bytes that it takes at most, its errors being those of the bus.

    The less of two calls: in one of them, something else of this process may take some, such as an
    import, or what a collection of garbage ends.
    """
    return min(_peak_of_one(function) for _ in range(2))


def _peak_of_one(function: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        with contextlib.suppress(BusError):
            function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


DECODERS: dict[str, Callable[[bytes], Any]] = {
    "header": wire.decode_header,
    "frames": lambda data: wire.decode([b"", data, b""]),
    "control": lambda data: wire.decode_header(data, control.MESSAGES, limits.LARGEST_PAYLOAD),
    "welcome": lambda data: Parts.from_welcome(data, ("",)),
    "snapshot": lambda data: Snapshot.from_plain(wire.unpack(data, limits.LARGEST_PAYLOAD)),
    "state": lambda data: unpack_state(data, new_aggregator()),
}
WHOLE = {
    "header": wire.encode_header(VERSION_1["batch"].message),
    "frames": wire.encode_header(VERSION_1["hello"].message),
    "control": wire.encode_header(control.State(1, {"tables": [], "counters": {}})),
    "welcome": frames_of(VERSION_1["welcome"])[2],
    "snapshot": frames_of(VERSION_1["snapshot"])[2],
    "state": pack_state(new_aggregator()),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
@pytest.mark.parametrize("name", DECODERS)
def test_what_is_only_claimed_takes_no_memory(name: str, claim: bytes) -> None:
    decode = DECODERS[name]
    named = b"\x83\xa1v\x01\xa4type\xa4beat\xa7records" + claim
    # lists in headers are not looked through before; 1024 of 1024 elements are 8 MiB
    fixed = 10 * FIXED if name in ("header", "frames") else FIXED
    for data in (claim, named):
        assert peak_of(lambda data=data: decode(data)) < PER_BYTE * len(data) + fixed


@pytest.mark.parametrize("name", DECODERS)
@settings(deadline=None, max_examples=150)
@given(data=some.data())
def test_damaged_bytes_are_at_most_an_error_of_the_bus(name: str, data: some.DataObject) -> None:
    damaged = bytearray(WHOLE[name])
    for _ in range(data.draw(some.integers(1, 4))):
        at = data.draw(some.integers(0, len(damaged)))
        damaged[at : at + data.draw(some.integers(0, 9))] = data.draw(some.binary(max_size=9))
    assert peak_of(lambda: DECODERS[name](bytes(damaged))) < PER_BYTE * len(damaged) + FIXED


@pytest.mark.parametrize("name", DECODERS)
@settings(deadline=None, max_examples=80)
@given(data=some.binary(max_size=300))
def test_random_bytes_are_at_most_an_error_of_the_bus(name: str, data: bytes) -> None:
    assert peak_of(lambda: DECODERS[name](data)) < PER_BYTE * len(data) + FIXED


def test_a_run_with_too_many_parts_is_refused() -> None:
    streams = [SPEC.to_plain() | {"name": f"a.s{number}"} for number in range(100)]
    welcome = wire.pack({"run": RUN.to_plain() | {"smp": 9999}, "streams": streams})
    with pytest.raises(ProtocolError, match="100 streams of 9999 vCPUs: too many"):
        Parts.from_welcome(welcome, ("",))


# states of aggregators

LEAVES = (
    some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1) | some.floats()
    | some.text(max_size=9) | some.binary(max_size=9)
    | some.sampled_from(["<u8", "O", "V0", "(9,)u8", "os", "system", "Gathering", "gaps", "report"])
)  # fmt: skip
TAGS = some.sampled_from(
    "list tuple set frozenset dict Counter defaultdict deque integer array scalar path object "
    "nothing".split()
)
TAGGED = some.recursive(
    LEAVES,
    lambda inner: (
        some.tuples(TAGS, inner | some.lists(inner, max_size=5)).map(list)
        | some.lists(inner, max_size=4)
    ),
    max_leaves=14,
)


@settings(deadline=None, max_examples=400)
@given(some.dictionaries(some.text(max_size=9), TAGGED, max_size=3))
def test_states_of_any_values_are_at_most_an_error_of_the_bus(plain: dict[str, Any]) -> None:
    data = wire.pack(plain)
    assert peak_of(lambda: unpack_state(data, new_aggregator())) < PER_BYTE * len(data) + FIXED


def test_a_state_that_is_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = ["list", []]
    for _ in range(400):
        deep = ["list", [deep]]
    with pytest.raises(ProtocolError, match="malformed list of a state"):
        unpack_state(wire.pack({"value": deep}), new_aggregator())


def test_a_state_replaces_no_method() -> None:
    with pytest.raises(ProtocolError, match="an attribute merge, which is a method"):
        unpack_state(wire.pack({"merge": 1}), new_aggregator())


# recordings


def entry(header: bytes, payload: bytes) -> bytes:
    sizes = struct.pack("<IQ", len(header), len(payload))
    return struct.pack("<I", zlib.crc32(sizes + header + payload)) + sizes + header + payload


WELCOME = entry(wire.encode_header(wire.Welcome()), wire.pack(DESCRIBED))


def read_all(path: Path) -> None:
    with Recording(path) as recorded:
        for _ in recorded:
            pass


@settings(deadline=None, max_examples=150)
@given(some.data())
def test_recordings_of_any_entries_are_at_most_cut_or_damaged(
    tmp_path_factory: pytest.TempPathFactory, data: some.DataObject
) -> None:
    content = MAGIC + data.draw(some.sampled_from([WELCOME, b"", entry(b"\x80", b"")]))
    for _ in range(data.draw(some.integers(0, 4))):
        cpu, first = data.draw(some.integers(0, 5)), data.draw(some.integers(0, 9))
        batch = wire.Batch("r1", data.draw(some.sampled_from([STREAM, "x.y"])), cpu, first, 2, 0)
        header = data.draw(some.sampled_from([wire.encode_header(batch), b"\xc1", b"\x80"]))
        content += entry(header, data.draw(some.sampled_from([RECORDS.tobytes(), b"", b"x"])))
    content += data.draw(some.binary(max_size=60))
    path = tmp_path_factory.mktemp("fuzz") / "file"
    path.write_bytes(content)
    with pytest.raises((RecordingCut, RecordingError)) as caught:
        read_all(path)
    assert str(caught.value).startswith(f"recording {path}: ")


def test_a_recording_whose_stream_goes_back_is_named(tmp_path: Path) -> None:
    header = wire.encode_header(wire.Batch("r1", STREAM, 0, 0, 2, 0))
    twice = 2 * entry(header, RECORDS.tobytes())
    path = tmp_path / "file"
    path.write_bytes(MAGIC + WELCOME + twice)
    at = len(MAGIC + WELCOME + twice)
    wrong = f"at byte {at}: {STREAM} of vCPU 0: the stream went back"
    with pytest.raises(RecordingError, match=wrong):
        read_all(path)


# sockets


def wait_garbage(url: str, **wanted: int) -> dict[str, int]:
    until = time.monotonic() + LIMIT_SECONDS
    while True:
        garbage: dict[str, int] = ask_ledger(url, LIMIT_SECONDS)["garbage"]
        if all(garbage[where] >= count for where, count in wanted.items()):
            return garbage
        assert time.monotonic() < until, garbage


def test_garbage_at_every_socket_is_counted_and_dropped(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    received = bus.spawn(collect, bus.subscribe())
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(handle.url)
        for frames in ([b"x"], [b"", b"\xc1", b""], [b"\xff", b"", b""], [b""] * 9):
            stranger.send_multipart(frames)
            assert stranger.poll(int(LIMIT_SECONDS * 1000))
            assert isinstance(wire.decode(stranger.recv_multipart()).message, wire.Refused)
        tomorrow = wire.pack({"v": 1, "type": "tomorrow"})
        stranger.send_multipart([b"", tomorrow, b""])  # of a type that it does not know: ignored
    path = socket_path(handle.url)
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n" + bytes(100))
        raw.settimeout(LIMIT_SECONDS)
        with contextlib.suppress(ConnectionResetError):
            while raw.recv(1000):
                pass
    welcome = hello_of(handle.url)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as packets:
        packets.connect(f"\0{welcome.segments}")
        packets.send(b"\xc1")
        packets.settimeout(LIMIT_SECONDS)
        assert isinstance(wire.decode_header(packets.recv(4096)), wire.Refused)
    handle._control._socket.sendall(struct.pack("<I", 3) + b"xyz")
    told = wait_garbage(handle.url, messages=4, connections=1, packets=1, orders=1)
    assert told == {"messages": 4, "packets": 1, "connections": 1, "orders": 1, "excess": 0}
    bus.produce(0, 1000)
    assert handle.finish(LIMIT_SECONDS)
    assert handle.garbage.to_plain() == told
    check_whole(received.result(LIMIT_SECONDS), 0, 1000)


def hello_of(url: str) -> wire.Welcome:
    """The welcome of somebody who says hello, and goodbye."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(url)
        dealer.send_multipart([*wire.encode("", wire.Hello("h", ("",), 1 << 20)), b""])
        assert dealer.poll(int(LIMIT_SECONDS * 1000))
        welcome = wire.decode(dealer.recv_multipart()).message
        dealer.send_multipart([*wire.encode("", wire.Goodbye("left")), b""])
    assert isinstance(welcome, wire.Welcome)
    return welcome


@settings(deadline=None, max_examples=100)
@given(some.lists(some.binary(max_size=60), max_size=5), some.binary(max_size=20))
def test_a_control_socket_drops_what_says_nothing(bodies: list[bytes], rest: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        end = ControlSocket(ours)
        theirs.sendall(b"".join(struct.pack("<I", len(body)) + body for body in bodies))
        assert end.receive() == []
        assert end.garbage == len(bodies)
        theirs.sendall(struct.pack("<I", limits.LARGEST_PAYLOAD + 1) + rest)
        assert end.receive() == []
        assert (end.garbage, end.closed_by_peer) == (len(bodies) + 1, True)
        end.close()


def test_an_answer_to_a_question_that_nobody_asked_is_counted(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    handle._control.send(control.State(77, {}))
    handle._control.send(control.State(78, {"tables": [{"stream": 5}]}))
    assert wait_garbage(handle.url, orders=2)["orders"] == 2
    assert handle.finish(LIMIT_SECONDS)


# another version


def test_a_subscriber_of_tomorrow_is_told_both_versions(
    make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = make_bus(1).start()
    monkeypatch.setattr(wire, "PROTOCOL_VERSION", 2)  # here; the publisher is another process
    with pytest.raises(WrongVersion, match="message of protocol version 1; expected version 2"):
        Subscriber(handle.url, ("",), "tomorrow")
    monkeypatch.undo()
    assert wait_garbage(handle.url, messages=1)["messages"] == 1


def test_every_message_of_tomorrow_names_both_versions() -> None:
    for golden in VERSION_1.values():
        plain = {"v": 2, "type": golden.message.TYPE} | dataclasses.asdict(golden.message)
        with pytest.raises(WrongVersion, match="version 2; expected version 1"):
            wire.decode_header(msgpack.packb(plain))
