"""Recordings: what comes back, what a cut leaves, and what is no recording."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bus_harness import LIMIT_SECONDS, RECORD, TestBus, check_whole, records_of
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import BusError, RecordingCut, RecordingError
from mttcg_bus.recording.recording import MAGIC, Recording, RecordingWriter
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.aggregator import Aggregator, aggregate
from mttcg_bus.subscriber.items import Batch, End, Gap, Item
from mttcg_bus.subscriber.parts import Parts
from mttcg_bus.wire import wire
from mttcg_bus.wire.stream import Records, StreamSpec

MakeBus = Callable[..., TestBus]
STREAM = "test.event"
RUN = RunInfo("r1", "/g.elf", 2, "none", 0, 0, 0, ((16, 8, "main"),), ("memtrace",))
STREAMS = {STREAM: StreamSpec(STREAM, RECORD), "other.event": StreamSpec("other.event", RECORD)}
ITEMS: list[Item] = [
    Batch(STREAM, 0, 0, records_of(0, 0, 10)),
    Batch(STREAM, 1, 0, records_of(1, 0, 3)),
    Gap(STREAM, 0, 10, 2, "dropped"),
    Batch(STREAM, 0, 10, records_of(0, 10, 5)),
    Gap(STREAM, 0, 17, 2, "missed"),
    Batch(STREAM, 0, 17, records_of(0, 17, 1)),
    End(STREAM, 0, 18, 2),
    Batch("other.event", 1, 0, records_of(1, 0, 1)),
    End(STREAM, 1, 3, 0),
]


def write(path: Path, items: list[Item], finish: bool = True) -> Path:
    writer = RecordingWriter(path, Parts(RUN, STREAMS, ("",)))
    for item in items:
        writer.write(item)
    if finish:
        writer.finish()
    writer.close()
    return path


def plain(items: list[Item]) -> list[Any]:
    return [
        (i.stream, i.cpu, i.first, i.records.tolist()) if isinstance(i, Batch) else i for i in items
    ]


def read(path: Path, *prefixes: str) -> list[Item]:
    with Recording(path, prefixes or ("",)) as recording:
        return list(recording)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = write(tmp_path / "r", ITEMS)
    assert plain(read(path)) == plain(ITEMS)
    with Recording(path) as recording:
        assert (recording.run, recording.streams) == (RUN, STREAMS)
        list(recording)
        assert (recording.batches, recording.records) == (5, 20)
        assert recording.good == path.stat().st_size
        assert recording.missing == (("other.event", 0), ("other.event", 1))


def test_a_part_of_the_streams_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "r", ITEMS)
    assert plain(read(path, "other.")) == plain(ITEMS[7:8])
    assert {(item.stream, item.cpu) for item in read(path, f"{STREAM}/0001")} == {(STREAM, 1)}


def test_a_cut_at_any_byte_leaves_whole_batches(tmp_path: Path) -> None:
    path = write(tmp_path / "r", ITEMS)
    content, cut, whole = path.read_bytes(), tmp_path / "cut", plain(ITEMS)
    with Recording(path) as recording:
        start = recording.good
    seen = set()
    for length in range(start, len(content)):
        cut.write_bytes(content[:length])
        items: list[Item] = []
        with Recording(cut) as recording, pytest.raises(RecordingCut) as caught:
            items.extend(recording)
        with Recording(cut) as recording:
            items = take(recording)
        assert plain(items) == whole[: len(items)]
        error = caught.value
        assert (error.good, error.batches) == (recording.good, recording.batches)
        assert error.good <= length
        assert error.records == sum(len(i.records) for i in items if isinstance(i, Batch))
        seen.add(len(items))
    assert len(items) == len(whole)
    assert {0, 1, len(whole)} <= seen


def take(recording: Recording) -> list[Item]:
    items: list[Item] = []
    try:
        for item in recording:
            items.append(item)
    except RecordingCut as cut:
        assert str(cut).startswith(f"recording {recording.path}: cut after byte {cut.good}; ")
    return items


@settings(deadline=None, max_examples=60)
@given(data=some.data())
def test_a_damaged_recording_is_cut_where_it_is_damaged(
    tmp_path_factory: pytest.TempPathFactory, data: some.DataObject
) -> None:
    path = write(tmp_path_factory.mktemp("damage") / "r", ITEMS)
    content = bytearray(path.read_bytes())
    at = data.draw(some.integers(0, len(content) - 1))
    content[at] ^= data.draw(some.integers(1, 255))
    path.write_bytes(content)
    try:
        with Recording(path) as recording:
            items = take(recording)
    except RecordingError:
        return
    assert recording.good <= at
    assert plain(items) == plain(ITEMS)[: len(items)]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "not a recording"),
        (b"\x7fELF" + bytes(99), "not a recording"),
        (MAGIC, "cut before its first batch"),
        (MAGIC + bytes(15), "cut before its first batch"),
        (MAGIC + b"\xff" * 999, "cut before its first batch"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "r"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=wrong) as caught:
        Recording(path)
    assert caught.value.exit_status == 2


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        Recording(tmp_path / "absent")


def test_another_protocol_version_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PROTOCOL_VERSION", 9)
    path = write(tmp_path / "r", ITEMS)
    monkeypatch.undo()
    with pytest.raises(BusError, match="version 9; expected version 1"):
        Recording(path)


class Summing(Aggregator):
    total = 0

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        self.total += int(records["number"].sum())

    def report(self) -> dict[str, Any]:
        return {"total": self.total}


def test_an_aggregator_runs_over_a_cut_recording(tmp_path: Path) -> None:
    path = write(tmp_path / "r", ITEMS[:2], finish=False)
    with Recording(path, ("test.",)) as recording:
        outcome = aggregate(recording, Summing(None, recording.run))
    assert outcome.report == {"total": sum(range(10)) + sum(range(3))}
    assert outcome.missing == ((STREAM, 0), (STREAM, 1))
    assert "cut after byte" in outcome.failure
    assert "13 records in 2 batches are good" in outcome.failure


def test_a_run_is_recorded_and_read_again(make_bus: MakeBus, tmp_path: Path) -> None:
    bus, count = make_bus(2, capacity=1024), 20_000
    handle, path = bus.start(), tmp_path / "r"
    subscriber = bus.subscribe()
    writer = RecordingWriter(path, subscriber.parts)

    def record() -> None:
        for item in subscriber:
            writer.write(item)
        writer.finish()

    recorded = bus.spawn(record)
    for cpu in range(2):
        bus.produce(cpu, count)
    assert handle.finish(LIMIT_SECONDS)
    recorded.result(LIMIT_SECONDS)
    writer.close()
    items = read(path)
    for cpu in range(2):
        check_whole(items, cpu, count)
    assert bus.ledger().complete


RECORD_FOR_EVER = """
import sys
from pathlib import Path
from mttcg_bus.recording.recording import RecordingWriter
from mttcg_bus.subscriber.subscriber import Subscriber
subscriber = Subscriber(sys.argv[1], ("",), "recorder")
writer = RecordingWriter(Path(sys.argv[2]), subscriber.parts)
for item in subscriber:
    writer.write(item)
    print(writer.records, flush=True)
"""


def test_a_killed_recorder_leaves_what_it_had(make_bus: MakeBus, tmp_path: Path) -> None:
    bus = make_bus(1, capacity=1024)
    handle, path = bus.start(), tmp_path / "r"
    command = [sys.executable, "-c", RECORD_FOR_EVER, handle.url, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert handle.wait_subscribers(1, LIMIT_SECONDS)
        bus.producer(0).append(records_of(0, 0, 1000))
        assert child.stdout is not None
        while int(child.stdout.readline()) < 1000:
            assert child.poll() is None
        child.kill()
    with Recording(path) as recording:
        items = take(recording)
    numbers = np.concatenate([item.records for item in items if isinstance(item, Batch)])
    assert np.array_equal(numbers, records_of(0, 0, 1000))


# columns


TYPES = np.dtype(
    [
        ("cpu", "<u4"),
        ("flag", "|b1"),
        ("rate", "<f8"),
        ("delta", "<i2"),
        ("code", "|S4"),
        ("pair", "<u2", (2,)),
    ]
)


def test_every_type_of_field_reaches_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    polars = pytest.importorskip("polars")
    from mttcg_bus.recording import parquet

    monkeypatch.setattr(parquet, "ROWS_A_FILE", 4)
    records = np.zeros(3, TYPES)
    records["cpu"], records["flag"], records["rate"] = [7, 8, 9], [True, False, True], 0.5
    records["delta"], records["code"], records["pair"] = -3, b"a\0b", [[1, 2], [3, 4], [5, 6]]
    writer = parquet.ParquetWriter(tmp_path)
    for first in (0, 3, 6):
        writer.write(Batch("a.b", 1, first, records))
    writer.write(End("a.b", 1, 9, 0))
    writer.finish()
    assert writer.rows == {"a.b": 9}
    files = sorted(file.name for file in (tmp_path / "a.b").iterdir())
    assert files == ["00000.parquet", "00001.parquet"]
    table = polars.read_parquet(tmp_path / "a.b" / "*.parquet")
    assert table["number"].to_list() == list(range(9))
    assert table.row(0, named=True) == {
        "cpu": 1,
        "number": 0,
        "field_cpu": 7,
        "flag": True,
        "rate": 0.5,
        "delta": -3,
        "code": b"a\0b\0",
        "pair": [1, 2],
    }
