"""The parts of a run by themselves: where whole runs would take long, or could not show it."""

import io
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mttcg.supervisor.delivery.aggregator_process import AggregatorProcess
from mttcg.supervisor.delivery.streams import Streams
from mttcg.supervisor.terminal import interrupts as interrupts_module
from mttcg.supervisor.terminal.console import ConsoleInput, TextConsole
from mttcg.supervisor.terminal.interrupts import Interrupts
from mttcg.vcpu.instrumentation import patience as patience_module
from mttcg.vcpu.instrumentation.patience import Patience
from mttcg_bus.ring.consumer import RingConsumer
from mttcg_bus.ring.ring import RingProducer, Space, ledger_of, wait_for_space
from mttcg_bus.wire.stream import StreamSpec

LARGE = bytes(range(256)) * 2048
"""Half a MiB, eight times what a pipe holds."""
NUMBER = np.dtype([("number", "<u8")])
SPEC = StreamSpec("test.numbers", NUMBER, policy="block", batch=4, capacity=16)


def press(number: int = signal.SIGINT) -> None:
    signal.raise_signal(number)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every signal count for itself, as if they came seconds apart."""
    monkeypatch.setattr(interrupts_module, "SAME_SECONDS", -1.0)


def readable(interrupts: Interrupts) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(interrupts, selectors.EVENT_READ)
        return bool(selector.select(0))


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    made = Interrupts()
    yield made
    made.close()


@pytest.mark.usefixtures("slowly")
def test_an_interrupt_is_noted_until_it_is_taken_up_and_the_next_one_raises(
    interrupts: Interrupts,
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts:
        assert not interrupts.take()
        for _ in range(2):
            press()
            assert readable(interrupts)
            assert interrupts.take()
            assert not readable(interrupts)
        press()
        with pytest.raises(KeyboardInterrupt):
            press()
        assert interrupts.take()
        interrupts.let_through()
        with pytest.raises(KeyboardInterrupt):
            press()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_comes_twice_at_once_is_one(interrupts: Interrupts) -> None:
    with interrupts:
        press()
        press()
        assert interrupts.take()
        press()
        assert not interrupts.take()


def test_only_signals_that_would_raise_are_noted(interrupts: Interrupts) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, frame: seen.append(number))
    try:
        with interrupts:
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            press(signal.SIGHUP)
            assert (seen, interrupts.take()) == ([signal.SIGHUP], False)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_leaves_signals_alone(interrupts: Interrupts) -> None:
    before = signal.getsignal(signal.SIGINT)
    found: list[object] = []

    def enter() -> None:
        with interrupts:
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [before]


def test_text_comes_in_pieces() -> None:
    stream = io.StringIO()
    console = TextConsole(stream)
    for byte in "grüß\xff".encode()[:6] + b"\xff!":
        console.write(bytes([byte]))
    console.flush()
    assert stream.getvalue() == "grüß\N{REPLACEMENT CHARACTER}!"


@pytest.fixture
def guest_pipe() -> Iterator[tuple[int, int]]:
    """A pipe as the guest's UART has it, both ends non-blocking: (reading, writing)."""
    reading, writing = os.pipe2(os.O_NONBLOCK)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def carried(source: int, guest_pipe: tuple[int, int], size: int) -> bytes:
    """What gets through to a guest that reads only when nothing else can be done."""
    reading, writing = guest_pipe
    got = b""
    until = time.monotonic() + 20
    with selectors.DefaultSelector() as selector:
        ConsoleInput(selector, source, writing, lambda: None)
        while len(got) < size or selector.get_map():
            assert time.monotonic() < until  # not for ever, and not for its input after the end
            ready = selector.select(0)
            if not ready:
                try:
                    got += os.read(reading, 50_000)
                except BlockingIOError:
                    ready = selector.select(1)
            for key, _ in ready:
                key.data()
    return got


def test_input_that_the_guest_does_not_take_waits(
    guest_pipe: tuple[int, int], tmp_path: Path
) -> None:
    file = tmp_path / "typed"
    file.write_bytes(LARGE)
    with file.open("rb") as stream:
        assert carried(stream.fileno(), guest_pipe, len(LARGE)) == LARGE
    with subprocess.Popen(["cat", str(file)], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        assert carried(cat.stdout.fileno(), guest_pipe, len(LARGE)) == LARGE


@pytest.fixture
def streams() -> Iterator[Streams]:
    """The rings of one stream of two vCPUs, without a publisher."""
    described = json.loads(json.dumps(SPEC.to_plain()))  # as it comes from the host
    made = Streams.prepare([described], 2)
    yield made
    made.close()


def producer_of(streams: Streams, cpu: int) -> RingProducer:
    fd = streams.ring_fds[SPEC.name][cpu]
    return RingProducer(fd, SPEC.dtype, streams.doorbell_fd, streams.space_fds[cpu])


def test_a_dead_vcpus_records_are_emitted_once(streams: Streams) -> None:
    records = np.arange(7).astype(NUMBER)
    producer_of(streams, 1).append(records[:3])  # and there it died
    streams.emit_for(SPEC.name, 1, records, lambda: None)
    streams.emit_for(SPEC.name, 1, records, lambda: None)
    consumer = RingConsumer(streams.ring_fds[SPEC.name][1], SPEC.dtype, streams.space_fds[1])
    assert consumer.peek()["number"].tolist() == list(range(7))
    assert streams.ledger()[SPEC.name].emitted == 7


def test_a_stalled_producer_gives_up_only_when_it_stops_and_nothing_moves(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience_module, "STALL_SECONDS", 0.3)
    stopping = threading.Event()
    patience = Patience(stopping.is_set)
    producer = producer_of(streams, 0)
    consumer = RingConsumer(streams.ring_fds[SPEC.name][0], SPEC.dtype, streams.space_fds[0])
    many = np.arange(3 * SPEC.capacity).astype(NUMBER)
    done = threading.Event()

    def consume() -> None:
        """Take a few at a time: slower than a stall may last in all, but on and on."""
        while not done.wait(0.1):
            consumer.release(min(consumer.available, 4))

    thread = threading.Thread(target=consume)
    stopping.set()
    thread.start()
    try:
        assert producer.append(many, patience.over(producer)) == len(many)
    finally:
        done.set()
        thread.join()
    producer.append(many[: producer.room])
    began = time.monotonic()
    assert wait_for_space(producer, 1, patience.over(producer)) is Space.INTERRUPTED
    assert time.monotonic() - began >= 0.3
    assert producer.append(many[:5], patience.over(producer)) == 0  # it waits no more
    assert time.monotonic() - began < 10
    assert ledger_of(producer.words).dropped == 5


def aggregator(program: str) -> AggregatorProcess:
    """An aggregator's stand-in, which finds the descriptor of its report in sys.argv."""
    reading, writing = os.pipe()
    command = [sys.executable, "-c", program, str(writing)]
    process = subprocess.Popen(command, pass_fds=[writing])
    os.close(writing)
    return AggregatorProcess("plug", process, reading)


def said(report: dict[str, int] | None, final: bool = True, failure: str = "") -> str:
    line = json.dumps({"report": report, "final": final, "failure": failure}) + "\n"
    return f"import os, sys; os.write(int(sys.argv[1]), {line.encode()!r})"


@pytest.mark.parametrize(
    ("program", "report", "wrong"),
    [
        (said({"a": 1}), {"a": 1}, ""),
        (
            f"{said({})}; sys.exit(70)",
            {},
            "the report of the aggregator of plug is incomplete (exit status 70)",
        ),
        (
            said({"a": 1}, failure="shard 0 died"),
            {"a": 1},
            "the report of the aggregator of plug is incomplete (shard 0 died)",
        ),
        (
            f"{said({'a': 1}, final=False)}; {said({'a': 2}, final=False)}; os._exit(3)",
            {"a": 2},
            "the aggregator of plug gave no report (exit status 3); its last interim report is "
            "used",
        ),
        (
            "import os, sys; os.write(int(sys.argv[1]), b'no\\nreport{\\n')",
            None,
            "the aggregator of plug gave no report (exit status 0)",
        ),
        (
            said(None, failure="bus ipc:///x: publisher lost"),
            None,
            "the aggregator of plug gave no report (bus ipc:///x: publisher lost)",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            None,
            "the aggregator of plug gave no report (signal 9)",
        ),
        (
            "import signal; signal.pause()",
            None,
            "the aggregator of plug did not report within 0.5 s and was killed",
        ),
    ],
    ids=["good", "incomplete", "shard", "interim", "garbage", "told", "killed", "hanging"],
)
def test_what_an_aggregator_leaves(program: str, report: object, wrong: str) -> None:
    process = aggregator(program)
    try:
        found = process.report(0.5 if "pause" in program else 30)
        assert (found.report, found.wrong) == (report, wrong)
        assert process.ended() is not None
    finally:
        process.end()
