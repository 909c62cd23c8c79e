"""Each bound of `limits`: somebody tries to go beyond it, and nothing grows."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from bus_harness import LIMIT_SECONDS, RECORD, Pumped, TestBus, next_events, records_of
from raw_peer import RawPeer, sent_until_full

from mttcg_bus.errors import (
    CommandFailed,
    SubscriptionRefused,
)
from mttcg_bus.publisher import process as publisher_process
from mttcg_bus.publisher.departures import Departures
from mttcg_bus.publisher.process import PublisherProcess
from mttcg_bus.publisher.router import Router
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.subscriber.controller import Control
from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger, ask_snapshot
from mttcg_bus.wire import limits, wire
from mttcg_bus.wire.address import socket_path
from mttcg_bus.wire.control import Joined, Left
from mttcg_bus.wire.limits import CUT, LEAST_CREDIT, LONGEST_NAME, LONGEST_REASON, cut

MakeBus = Callable[..., TestBus]
Raw = Callable[[PublisherProcess], RawPeer]
EVENT = "test.event"
FITS = LEAST_CREDIT // RECORD.itemsize
LIMIT_MS = int(LIMIT_SECONDS * 1000)


@pytest.fixture
def bound(
    monkeypatch: pytest.MonkeyPatch, child_script: Callable[[str], str]
) -> Callable[..., None]:
    """Let publishers that start from now on have other bounds."""

    def set_bounds(**bounds: int) -> None:
        assert bounds.keys() <= limits.WORDS.keys()
        text = ",".join(f"{name}={value}" for name, value in bounds.items())
        script = child_script("small_publisher.py")
        monkeypatch.setattr(publisher_process, "PUBLISHER", ("-P", script, text))

    return set_bounds


@contextmanager
def dealer(url: str, **options: int) -> Iterator["zmq.Socket[bytes]"]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as connected:
        for name, value in {"LINGER": 0, **options}.items():
            connected.set(getattr(zmq, name), value)
        connected.connect(url)
        yield connected


def say(to: "zmq.Socket[bytes]", message: wire.Message) -> None:
    to.send_multipart([*wire.encode("", message), b""])


def hear(at: "zmq.Socket[bytes]") -> wire.Message:
    """The next message but beats."""
    while True:
        assert at.poll(LIMIT_MS)
        message = wire.decode(at.recv_multipart()).message
        if not isinstance(message, wire.Beat):
            return message


@pytest.fixture
def raw() -> Iterator[Callable[[PublisherProcess], RawPeer]]:
    made: list[RawPeer] = []

    def connect(handle: PublisherProcess) -> RawPeer:
        made.append(RawPeer(str(socket_path(handle.url)), LIMIT_SECONDS))
        return made[-1]

    yield connect
    for peer in made:
        peer.close()


def wait_for(handle: PublisherProcess, kind: type[Any]) -> Any:
    while True:
        for event in next_events(handle):
            if isinstance(event, kind):
                return event


def in_flight(handle: PublisherProcess) -> list[int]:
    """Bytes that each subscriber has not acknowledged."""
    there = ask_ledger(handle.url, LIMIT_SECONDS)["subscribers"]
    return [each["ledger"][EVENT]["in_flight"] * RECORD.itemsize for each in there]


# texts


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert cut("x" * 5, 5) == "xxxxx"
    assert cut("x" * 6, 5) == f"xxxx{CUT}"


@pytest.mark.parametrize(
    ("kind", "field", "longest"),
    [
        (wire.Hello("", ("",), 0), "name", LONGEST_NAME),
        (wire.Command(1, ""), "name", LONGEST_NAME),
        (wire.Refused(""), "reason", LONGEST_REASON),
        (wire.Goodbye(""), "reason", LONGEST_REASON),
        (wire.Result(1), "error", LONGEST_REASON),
    ],
    ids=lambda value: getattr(value, "TYPE", value),
)
def test_texts_for_people_are_short(kind: wire.Message, field: str, longest: int) -> None:
    plain = wire.unpack(wire.encode_header(kind), limits.LARGEST_HEADER)
    read = wire.decode_header(wire.pack(plain | {field: "n" * 60_000}))
    assert getattr(read, field) == "n" * (longest - 1) + CUT
    long = type(kind)(**{**vars(kind), field: "n" * 60_000})
    assert len(wire.encode_header(long)) < longest + 100
    assert wire.decode_header(wire.encode_header(long)) == read


def test_who_comes_and_goes_with_long_texts_is_cut_short(make_bus: MakeBus) -> None:
    handle = make_bus(1).start()
    hello = wire.pack({**vars(wire.Hello("n" * 60_000, ("",), 1 << 20)), "v": 1, "type": "hello"})
    goodbye = wire.pack({"v": 1, "type": "goodbye", "reason": "r" * 60_000})
    with dealer(handle.url) as peer:
        peer.send_multipart([b"", hello, b""])
        assert isinstance(hear(peer), wire.Welcome)
        peer.send_multipart([b"", goodbye, b""])
        left = wait_for(handle, Left)
    assert left.name == "n" * (LONGEST_NAME - 1) + CUT
    assert left.reason == "r" * (LONGEST_REASON - 1) + CUT


@pytest.mark.parametrize(
    ("prefixes", "wrong"),
    [
        (("test.",) * (limits.LONGEST_HEADER_LIST + 1), "malformed msgpack: 1025"),
        (("test.", "p" * (limits.LARGEST_TOPIC + 1)), "a prefix is too long; expected at most 256"),
    ],
)
def test_prefixes_are_few_and_short(
    make_bus: MakeBus, prefixes: tuple[str, ...], wrong: str
) -> None:
    handle = make_bus(1).start()
    with pytest.raises(SubscriptionRefused, match=wrong):
        Subscriber(handle.url, prefixes, "many")


# records that are not acknowledged


@pytest.mark.parametrize("policy", ["drop", "drop:oldest", "block"])
def test_credit_is_what_the_publisher_has_for_it(
    make_bus: MakeBus, bound: Callable[..., None], policy: str
) -> None:
    bound(MOST_CREDIT=2 * LEAST_CREDIT)
    bus = make_bus(1)
    with dealer(bus.start().url) as peer:
        say(peer, wire.Hello("greedy", ("",), 2**63, policy))
        assert isinstance(hear(peer), wire.Welcome)
        bus.produce(0, 20 * FITS, chunk=FITS)
        size, more = 0, 50
        while more:  # so many turns of the publisher after the first of it came
            say(peer, wire.Ask())
            while not isinstance(message := hear(peer), wire.LedgerNow):
                size += message.count * RECORD.itemsize if isinstance(message, wire.Batch) else 0
            more -= size >= LEAST_CREDIT // 2
        assert size <= 2 * LEAST_CREDIT


def test_all_together_have_a_bound_and_each_has_a_batch(
    make_bus: MakeBus, bound: Callable[..., None]
) -> None:
    bound(MOST_UNACKNOWLEDGED=2 * LEAST_CREDIT)
    bus = make_bus(1)
    handle = bus.start()
    for _ in range(5):
        bus.subscribe(policy="drop", borrow_rings=False)
    assert handle.wait_subscribers(5, LIMIT_SECONDS)
    bus.produce(0, 50 * FITS, chunk=FITS)
    largest_batch = 4 << 20  # of a ring
    most = 2 * LEAST_CREDIT + 5 * min(limits.LARGEST_BATCH, largest_batch // 4)
    # what is still in the ring counts, too, and is dropped; nobody acknowledges what was sent
    while sum(found := in_flight(handle)) > most:
        pass
    assert min(found) > 0


def test_batches_under_way_have_a_bound(make_bus: MakeBus, bound: Callable[..., None]) -> None:
    bound(MOST_BATCHES=3)
    bus = make_bus(1, batch=1, policy="drop")
    handle = bus.start()
    with dealer(handle.url) as peer:
        say(peer, wire.Hello("slow", ("",), 1 << 20))
        assert isinstance(hear(peer), wire.Welcome)
        for number in range(10):
            bus.produce_one(0, number)
            while ask_ledger(handle.url)["streams"][EVENT]["emitted"] <= number:
                pass
        bus.producer(0).close()
        got = []
        while not isinstance(message := hear(peer), wire.End):
            got.append(message)
        assert len(got) == 3
        assert message.records == 10


@pytest.mark.parametrize("policy", ["drop", "drop:oldest", "block", "sample:2"])
def test_who_acknowledges_nothing_is_given_up_whatever_its_policy(
    make_bus: MakeBus, policy: str
) -> None:
    bus = make_bus(1)
    handle = bus.start(stall_seconds=0.3)
    with dealer(handle.url) as peer:
        say(peer, wire.Hello("greedy", ("",), 2**63, policy))
        assert isinstance(hear(peer), wire.Welcome)
        bus.producer(0).append(records_of(0, 0, 64))
        assert isinstance(hear(peer), wire.Batch)
        while not peer.poll(100):
            say(peer, wire.Acknowledge(EVENT, 0, 0))  # which acknowledges nothing
        assert hear(peer) == wire.Goodbye("this subscriber acknowledged nothing in 0.3 s")
    assert wait_for(handle, Left).reason == "acknowledged nothing in 0.3 s"
    assert bus.ledger() == Ledger(64, 0, 64)


def test_what_a_subscriber_has_not_read_goes_with_it(
    make_bus: MakeBus, raw: Raw, bound: Callable[..., None]
) -> None:
    """Its bytes count until its connection is closed, which is soon."""
    bus = make_bus(1)
    handle = bus.start(stall_seconds=0.3)
    peer = raw(handle)
    assert peer.send(wire.Hello("greedy", ("",), 2**63, "drop"))
    assert wait_for(handle, Joined).subscribers == 1
    bus.produce(0, 20 * FITS)
    assert wait_for(handle, Left).reason == "acknowledged nothing in 0.3 s"
    while peer.beat():
        pass
    assert peer.read_to_end() < 20 * LEAST_CREDIT
    assert handle.finish(LIMIT_SECONDS)


def test_a_subscriber_that_leaves_in_the_middle_has_nothing_kept_for_it(
    make_bus: MakeBus, raw: Raw
) -> None:
    bus = make_bus(1)
    handle = bus.start()
    peer = raw(handle)
    assert peer.send(wire.Hello("greedy", ("",), 2**63, "drop"))
    assert wait_for(handle, Joined).subscribers == 1
    bus.producer(0).append(records_of(0, 0, 10 * FITS))
    while not in_flight(handle)[0]:
        pass
    assert peer.send(wire.Goodbye("enough"))
    assert peer.read_to_end() < 11 * LEAST_CREDIT
    assert handle.finish(LIMIT_SECONDS)


# who comes


def test_subscribers_are_so_many(make_bus: MakeBus, bound: Callable[..., None]) -> None:
    bound(MOST_SUBSCRIBERS=2)
    bus = make_bus(1)
    handle = bus.start()
    first = bus.subscribe()
    bus.subscribe()
    with pytest.raises(SubscriptionRefused, match="there are 2 subscribers already"):
        bus.subscribe()
    first.close()
    assert wait_for(handle, Left).subscribers == 1
    bus.subscribe()
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    assert ask_ledger(handle.url)["garbage"]["excess"] == 1


def test_a_connection_says_hello_so_often(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    hello, goodbye = wire.Hello("again", ("",), 1 << 20), wire.Goodbye("and again")
    with dealer(handle.url) as peer:
        for _ in range(limits.MOST_HELLOS):
            say(peer, hello)
            assert isinstance(hear(peer), wire.Welcome)
            say(peer, goodbye)
        for _ in range(3):
            say(peer, hello)
            refused = hear(peer)
            assert isinstance(refused, wire.Refused)
            assert refused.reason == "hello too often; expected at most 16 within 10 s"
            say(peer, goodbye)
        assert isinstance(bus.subscribe(), Subscriber)  # another connection
        assert ask_ledger(handle.url)["garbage"]["excess"] == 3


def test_a_connection_may_say_hello_again_after_a_while(
    make_bus: MakeBus, bound: Callable[..., None]
) -> None:
    bound(MOST_HELLOS=1, HELLO_SECONDS=1)
    with dealer(make_bus(1).start().url) as peer:
        hello, goodbye = wire.Hello("again", ("",), 1 << 20), wire.Goodbye("left")
        for message in (hello, goodbye, hello):
            say(peer, message)
        assert [type(hear(peer)) for _ in range(2)] == [wire.Welcome, wire.Refused]
        answer: wire.Message = wire.Refused("")
        while not isinstance(answer, wire.Welcome):
            say(peer, hello)
            answer = hear(peer)


def test_connections_are_so_many(make_bus: MakeBus, bound: Callable[..., None]) -> None:
    bound(MOST_CONNECTIONS=3)
    handle = make_bus(1).start()
    path = str(socket_path(handle.url))
    with socket.socket(socket.AF_UNIX) as a, socket.socket(socket.AF_UNIX) as b:
        a.connect(path)
        b.connect(path)
        assert ask_ledger(handle.url)["garbage"]["connections"] == 0
        with socket.socket(socket.AF_UNIX) as c, socket.socket(socket.AF_UNIX) as d:
            c.connect(path)
            c.settimeout(LIMIT_SECONDS)
            assert c.recv(100)  # its greeting
            d.connect(path)
            d.settimeout(LIMIT_SECONDS)
            while d.recv(100):
                pass  # closed
    while ask_ledger(handle.url)["garbage"]["connections"] < 4:
        pass


def test_departures_beyond_a_few_are_summed_up() -> None:
    departures, most = Departures(), limits.MOST_DEPARTURES
    counts = Ledger(emitted=9, delivered=6, dropped=3).to_plain()
    for number in range(most + 10):
        departures.add(Left(f"n{number}", "r", 3, 0, {EVENT: counts}))
    assert [left.name for left in departures.listed] == [f"n{number}" for number in range(most)]
    assert (departures.others.count, departures.others.lost) == (10, 30)
    assert departures.others.ledger == {EVENT: Ledger(90, 60, 30)}


def test_who_comes_and_goes_does_not_keep_the_run_from_its_end(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    bus.subscribe()  # acknowledges nothing
    assert handle.wait_subscribers(1, LIMIT_SECONDS)
    bus.produce(0, 1000)
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            with dealer(handle.url) as peer:
                say(peer, wire.Hello("visitor", ("",), 1 << 20))
                if peer.poll(200):
                    say(peer, wire.Goodbye("left"))
                    say(peer, wire.Ask())
                    peer.poll(200)

    visits = bus.spawn(come_and_go)
    try:
        assert handle.finish(1.0)
    finally:
        over.set()
        visits.result(LIMIT_SECONDS)
    assert bus.ledger().in_flight == 0


# questions and commands


def test_open_questions_are_so_many(make_bus: MakeBus) -> None:
    handle = make_bus(1).start()  # which nobody answers
    with dealer(handle.url) as peer:
        for _ in range(limits.MOST_QUESTIONS + 1):
            say(peer, wire.Ask("snapshot"))
        refused = hear(peer)
        assert isinstance(refused, wire.Refused)
        assert "not too many at once" in refused.reason
        assert not peer.poll(0)


def test_commands_under_way_are_so_many(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    whole = (bus.run, bus.streams, bus.rings, bus.doorbell, bus.spaces)
    handle = bus.handle = PublisherProcess.start(None, *whole, takes_commands=True)
    with dealer(handle.url) as peer:
        for number in range(limits.MOST_COMMANDS + 1):
            peer.send_multipart([*wire.encode("", wire.Command(number, "status")), wire.pack({})])
        wrong = "64 commands are under way; expected fewer"
        assert hear(peer) == wire.Result(limits.MOST_COMMANDS, wrong)


def test_answers_that_nobody_reads_have_a_bound(
    bound: Callable[..., None], pumped: Callable[[int], Pumped], raw: Raw
) -> None:
    bound(MOST_ANSWERS=3 << 20)
    handle = pumped(1 << 20).handle
    peer = raw(handle)
    for _ in range(10):
        assert peer.send(wire.Ask("snapshot"))
    while ask_ledger(handle.url)["garbage"]["excess"] < 8:
        pass
    with pytest.raises(SubscriptionRefused, match="no room for the answer"):
        ask_snapshot(handle.url)
    with (
        Control(handle.url) as control,
        pytest.raises(CommandFailed, match="it was done; no room for the answer"),
    ):
        control.command("anything")
    peer.close()
    while True:
        try:
            assert ask_snapshot(handle.url).counters == {"text": "x" * (1 << 20)}
            break
        except SubscriptionRefused:
            continue  # until it has been seen that the peer is gone


def test_an_answer_that_is_too_large_is_refused(pumped: Callable[[int], Pumped]) -> None:
    handle = pumped(limits.LARGEST_PAYLOAD).handle
    with pytest.raises(SubscriptionRefused, match="the state of the run is too large"):
        ask_snapshot(handle.url, LIMIT_SECONDS)
    with (
        Control(handle.url) as control,
        pytest.raises(CommandFailed, match="it was done; its result is too large"),
    ):
        control.command("anything")
    assert handle.alive


@pytest.mark.parametrize("kind", ["garbage", "questions"])
def test_who_asks_and_does_not_read_is_disconnected(
    make_bus: MakeBus, raw: Raw, bound: Callable[..., None], kind: str
) -> None:
    bound(MOST_UNREAD=50)
    handle = make_bus(1).start()
    peer = raw(handle)
    message = wire.Ask("x" * 3000) if kind == "garbage" else wire.Ask()
    while peer.send(message):
        pass
    peer.read_to_end()
    assert ask_ledger(handle.url)["garbage"]["excess"] > 0


def test_an_answer_that_is_not_read_in_time_ends_its_connection(
    make_bus: MakeBus, raw: Raw, bound: Callable[..., None]
) -> None:
    bound(UNREAD_SECONDS=1)
    bus = make_bus(1)
    handle = bus.start()
    peer = raw(handle)
    assert peer.send(wire.Hello("deaf", ("",), 2**63, "drop"))
    assert wait_for(handle, Joined).subscribers == 1
    bus.producer(0).append(records_of(0, 0, 50 * FITS))
    while peer.beat():
        pass
    peer.read_to_end()
    assert wait_for(handle, Left).reason == "read nothing"


def test_messages_from_one_peer_wait_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mttcg_bus.publisher.router.MOST_UNHEARD", 5)
    router = Router(f"ipc://{tmp_path}/bus", None)
    try:
        with dealer(router.url, SNDHWM=5) as peer:
            assert sent_until_full(lambda: peer.send_multipart([b"", b"x" * 60_000], zmq.NOBLOCK))
    finally:
        router.close(0)
