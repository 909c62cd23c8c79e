"""Records as compressed columns: they come back, and hostile ones take little."""

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from golden_messages import FOLDER, RECORD, RECORDS, RUN, SPEC, STREAM
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import ProtocolError
from mttcg_bus.recording.columns import Packer, bytes_of_fields, unpack
from mttcg_bus.recording.recording import Recording, RecordingWriter
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.parts import Parts
from mttcg_bus.wire import wire
from mttcg_bus.wire.stream import Records

FORMATS = ("|b1", "|u1", "<u2", "<u4", "<u8", "|i1", "<i8", "<f4", "<f8", "|S3")
SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 2))


@some.composite
def records(draw: some.DrawFn) -> Records:
    """Records with fields of any kind, and bytes between them, of few different values or many."""
    fields = draw(some.lists(some.tuples(*map(some.sampled_from, (FORMATS, SHAPES))), min_size=1))
    names = [f"f{n}" for n in range(len(fields[:6]))]
    packed = np.dtype([(n, *field) for n, field in zip(names, fields, strict=False)])
    assert packed.fields is not None
    offsets = [packed.fields[name][1] + 2 * n for n, name in enumerate(names)]
    dtype = np.dtype(
        {
            "names": names,
            "formats": [packed[name] for name in names],
            "offsets": offsets,
            "itemsize": packed.itemsize + 2 * len(names),
        }
    )
    count = draw(some.integers(1, 200))
    random = np.random.default_rng(draw(some.integers(0, 99)))
    content = random.integers(0, draw(some.sampled_from([1, 2, 256])), count * dtype.itemsize)
    made = content.astype(np.uint8).view(dtype)
    if draw(some.booleans()):
        made = np.sort(made, order=names[:1])
    return made


@settings(deadline=None, max_examples=150)
@given(records())
def test_records_of_any_kind_come_back(made: Records) -> None:
    packed = Packer().pack(made)
    if packed is None:
        return
    assert len(packed) < made.nbytes
    found = unpack(packed, len(made), made.dtype)
    assert (found.dtype, found.flags.writeable) == (made.dtype, False)
    for name in made.dtype.names or ():
        assert found[name].tobytes() == np.ascontiguousarray(made[name]).tobytes()


def test_what_gets_no_smaller_stays_as_it_is() -> None:
    random = np.random.default_rng(1).integers(0, 256, 3 * RECORD.itemsize, np.uint8)
    assert Packer().pack(random.view(RECORD)) is None


def test_clocks_and_constants_take_next_to_nothing() -> None:
    made = np.zeros(10_000, np.dtype([("time", "<u8"), ("cpu", "<u2"), ("pc", "<u8")]))
    made["time"] = 10**15 + 40 * np.arange(10_000)
    made["cpu"], made["pc"] = 3, 0x8000_0000 + 4 * (np.arange(10_000) % 50)
    packed = Packer().pack(made)
    assert packed is not None and len(packed) < 500


def content_of(dtype: "np.dtype[Any]", *columns: tuple[int, int, bytes]) -> bytes:
    kinds = [np.dtype(f"<u{dtype[name].itemsize}") for name in dtype.names or ()]
    return b"".join(
        struct.pack("<BB", how, size) + bytes(kind.itemsize) + data
        for (how, size, data), kind in zip(columns, kinds, strict=False)
    )


PAIR = np.dtype([("a", "<u2"), ("b", "|u1")])
WRONG = {
    "no columns": (b"", "a column is cut"),
    "one of two": (content_of(PAIR, (0, 0, b"")), "a column is cut"),
    "a third": (content_of(PAIR, (0, 0, b""), (1, 0, b"")) + b"x", "1 bytes after the last"),
    "too many bytes": (
        content_of(PAIR, (0, 3, bytes(6)), (0, 0, b"")),
        "a column of kind 0, with 3",
    ),
    "too few numbers": (content_of(PAIR, (0, 1, b"x")), "a column of kind 0, with 1 bytes"),
    "another kind": (content_of(PAIR, (2, 0, b""), (0, 0, b"")), "a column of kind 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_columns_that_do_not_fit_are_an_error(name: str) -> None:
    content, wrong = WRONG[name]
    payload = zstandard.ZstdCompressor().compress(content)
    with pytest.raises(ProtocolError, match=wrong):
        unpack(payload, 2, PAIR)


def test_a_frame_after_the_frame_or_none_is_an_error() -> None:
    payload = Packer().pack(np.zeros(50, PAIR))
    assert payload is not None
    for bad in (payload + payload, payload[:-1], payload + b"x", b"", b"no frame at all"):
        with pytest.raises(ProtocolError):
            unpack(bad, 50, PAIR)


def claims(size: int) -> bytes:
    """A frame that says its content is so long, and has much less."""
    frame = bytearray(zstandard.ZstdCompressor().compress(bytes(1 << 20)))
    single = bytes([0b1110_0000]) + size.to_bytes(8, "little")
    header = zstandard.get_frame_parameters(bytes(frame))
    assert header.content_size == 1 << 20
    return bytes(frame[:4]) + single + bytes(frame[zstandard.frame_header_size(bytes(frame)) :])


@pytest.mark.parametrize("count", [1, 50, 1 << 24, 1 << 63])
def test_hostile_columns_take_no_more_than_their_records(count: int) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(256 << 20))
    room = min(count * bytes_of_fields(PAIR), wire.LARGEST_PAYLOAD)
    for payload in (bomb, claims(1 << 20), claims(1 << 40), claims(room)):
        tracemalloc.start()
        try:
            with pytest.raises(ProtocolError):
                unpack(payload, count, PAIR)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 5 * room + (1 << 20)


def test_columns_that_were_written_once_are_read(tmp_path: Path) -> None:
    stored = FOLDER / "1" / "columns.recording"
    batch = Batch(STREAM, 3, 0, np.tile(RECORDS, 50))
    writer = RecordingWriter(tmp_path / "now", Parts(RUN, {STREAM: SPEC}, ("",)))
    writer.write(batch)
    writer.stop("no room")
    writer.close()
    for path in (stored, tmp_path / "now"):
        with Recording(path) as recording:
            found = next(iter(recording))
            assert isinstance(found, Batch)
            assert (found.cpu, found.first) == (3, 0)
            assert np.array_equal(found.records, batch.records)
            with pytest.raises(Exception, match=r"stopped \(no room\); 100 records in 1 batches"):
                next(iter(recording))
