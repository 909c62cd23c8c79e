"""PROTOCOL.md against the code, and what was written once against what is read of it now."""

import dataclasses
import re
import struct
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from golden_messages import (
    DESCRIBED,
    FOLDER,
    LEDGER,
    RECORDS,
    RUN,
    SNAPSHOT,
    SPEC,
    STREAM,
    VERSIONS,
    Golden,
    frames_of,
)

from mttcg.instrument import events
from mttcg_bus.publisher import inquiries
from mttcg_bus.publisher.garbage import Garbage
from mttcg_bus.recording import columns, recording
from mttcg_bus.recording.recording import Recording
from mttcg_bus.ring import ring
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.subscriber.items import Batch, End, Gap
from mttcg_bus.subscriber.parts import Parts, records_of_payload
from mttcg_bus.subscriber.snapshot import Snapshot
from mttcg_bus.wire import limits, socket_options, stream, wire
from mttcg_bus.wire.policy import parse_policy

PAGE = (Path(__file__).parents[2] / "bus" / "PROTOCOL.md").read_text(encoding="utf-8")
TYPES = {"text": str, "integer": int, "list of texts": tuple[str, ...]}


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found, title
    return found[1]


def rows(text: str, columns: int) -> list[list[str]]:
    """The cells of all tables with so many columns, without the lines under their heads."""
    found = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[c.strip() for c in r] for r in found if len(r) == columns and "---" not in r[0]]


def named(text: str) -> list[str]:
    """The first cells of the rows that begin with a name."""
    return re.findall(r"^\| `(\w+)` \|", text, re.M)


# the page


def test_the_version() -> None:
    assert re.findall(r"^Protocol version: (\d+)$", PAGE, re.M) == [str(wire.PROTOCOL_VERSION)]


def test_every_message_type_has_its_fields_and_its_reason() -> None:
    frames = section("Frames")
    documented = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[2])
        for row in rows(frames, 4)
        if row[0] != "type"
    }
    built = {
        name: [field.name for field in dataclasses.fields(kind)]
        for name, kind in wire.MESSAGES.items()
    }
    assert documented == built
    reasons = "".join(row[1] for row in rows(section("Sockets"), 3))
    assert set(re.findall(r"`(\w+)`", reasons)) == set(wire.MESSAGES)


def test_every_field_has_its_type() -> None:
    documented = {
        row[0].strip("`"): TYPES[row[1]] for row in rows(section("Frames"), 3) if row[0] != "field"
    }
    built = {
        field.name: field.type
        for kind in wire.MESSAGES.values()
        for field in dataclasses.fields(kind)
    }
    assert documented == built


def test_a_field_that_may_be_absent_is_said_to_be() -> None:
    [said] = re.findall(r"A field that may be absent.*?\n\n", section("Frames"), re.S)
    optional = {
        field.name
        for kind in wire.MESSAGES.values()
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING
    }
    assert set(re.findall(r"`(\w+)`", said)) - {"ledger"} == optional


def test_the_bounds() -> None:
    documented = {row[0]: row[1] for row in rows(section("Frames"), 2) if row[0] != "bound"}
    bounds = {name: value for name, value in vars(limits).items() if isinstance(value, int)}
    assert documented == {limits.WORDS[name]: str(value) for name, value in bounds.items()}
    assert limits.WORDS.keys() == bounds.keys()
    assert f"at least {limits.LEAST_CREDIT}. More than {limits.MOST_CREDIT} is" in section("Frames")
    assert f"may have {limits.LARGEST_PAYLOAD} bytes of these" in section("Bounds")
    assert (socket_options.BEAT_MILLISECONDS, socket_options.SILENCE_MILLISECONDS) == (1000, 10_000)
    assert "(every second; ten\nseconds of silence end the connection)" in section("Sockets")
    ask = next(row for row in rows(section("Frames"), 3) if row[0] == "`what`")
    assert set(re.findall(r"`(\w+)`", ask[2])) - {"refused"} == set(inquiries.WHAT)


def test_policies_ledger_and_garbage() -> None:
    names = re.findall(r"`([a-z:N]+)`", "".join(row[0] for row in rows(section("Policies"), 3)))
    assert names == ["block", "drop", "drop:newest", "drop:oldest", "sample:N"]
    assert all(parse_policy(name.replace("N", "7")) for name in names)
    assert named(section("The ledger")) == list(Ledger().to_plain())
    assert named(section("Garbage")) == list(Garbage().to_plain())


def test_descriptions_and_snapshots() -> None:
    described = section("Descriptions in `welcome`")
    run, streams = described.split("**Stream description**")
    names = re.findall(r"`(\w+)`", run.partition("(`run`)")[2])
    assert sorted(names) == sorted(field.name for field in dataclasses.fields(RUN))
    assert set(re.findall(r"`(\w+)`", streams)) >= SPEC.to_plain().keys()
    assert set(named(section("Snapshots"))) == {*SNAPSHOT, "at_ns", "vcpus"}


def test_recordings_and_rings() -> None:
    text = section("Recordings")
    assert f"`{recording.MAGIC.decode()}`" in text
    sizes = [int(row[0]) for row in rows(text, 2) if row[0].isdigit()]
    assert sizes == [struct.calcsize(f"<{code}") for code in "IIQBB"]
    assert (recording._ENTRY.format, columns._HEAD.format) == ("<IIQ", "<BB")
    assert f"(unsigned 64 bits at byte {8 * ring.TAIL_WORD})" in section("The same host")


def test_layouts_of_records_that_translated_code_writes() -> None:
    lines = re.findall(r"^    ([A-Z_]+), (\d+) bytes: (.*)$", PAGE, re.M)
    documented = {name: (int(size), fields.split(", ")) for name, size, fields in lines}
    built = {}
    for name, dtype in vars(events).items():
        if isinstance(dtype, np.dtype):
            fields = [
                f"{field} {kind} {offset}{f' {shape}' if shape else ''}"
                for field, kind, offset, shape in stream._fields_of(dtype)
            ]
            built[name] = dtype.itemsize, fields
    assert documented == built


# what was written once


def goldens() -> list[Any]:
    return [
        pytest.param(version, name, golden, id=f"{version}-{name}")
        for version, messages in VERSIONS.items()
        for name, golden in messages.items()
    ]


def stored(version: int, name: str) -> list[bytes]:
    text = (FOLDER / str(version) / f"{name}.hex").read_text(encoding="ascii")
    return [bytes.fromhex(line) for line in text.splitlines()]


@pytest.mark.parametrize(("version", "name", "golden"), goldens())
def test_what_was_written_once_says_the_same_for_ever(
    version: int, name: str, golden: Golden
) -> None:
    frames = stored(version, name)
    received = wire.decode(frames)
    assert (received.topic, received.message) == (golden.topic, golden.message)
    if isinstance(golden.payload, bytes):
        assert received.payload == golden.payload
    else:
        plain = wire.unpack(received.payload, limits.LARGEST_PAYLOAD)
        assert plain == msgpack.unpackb(msgpack.packb(golden.payload))
    if version == wire.PROTOCOL_VERSION:
        assert frames_of(golden) == frames


def test_there_is_a_file_of_every_type_and_none_besides() -> None:
    files = {(int(path.parent.name), path.stem) for path in FOLDER.glob("*/*.hex")}
    assert files == {(version, name) for version in VERSIONS for name in VERSIONS[version]}
    now = VERSIONS[wire.PROTOCOL_VERSION].values()
    assert {type(golden.message) for golden in now} == set(wire.MESSAGES.values())


def test_payloads_that_were_written_once_are_understood() -> None:
    welcome = Parts.from_welcome(stored(1, "welcome")[2], ("",))
    assert (welcome.run, welcome.streams) == (RUN, {STREAM: SPEC})
    batch = wire.decode(stored(1, "batch"))
    assert isinstance(batch.message, wire.Batch)
    found = records_of_payload(batch.message, batch.payload, SPEC.dtype)
    assert np.array_equal(found, RECORDS)
    snapshot = Snapshot.from_plain(wire.unpack(stored(1, "snapshot")[2], 1 << 20))
    assert (snapshot.run, snapshot.next[STREAM, 2]) == (RUN, 3)
    assert wire.unpack(stored(1, "ledger")[2], 1 << 20) == LEDGER
    assert DESCRIBED["streams"] == [SPEC.to_plain()]


def test_a_recording_that_was_written_once_is_read() -> None:
    with Recording(FOLDER / "1" / "run.recording") as recorded:
        items = list(recorded)
    batches = [item for item in items if isinstance(item, Batch)]
    assert [(b.cpu, b.first, b.records.tolist()) for b in batches] == [
        (3, 0, RECORDS.tolist()),
        (3, 4, RECORDS[:1].tolist()),
    ]
    assert [item for item in items if isinstance(item, Gap)] == [
        Gap(STREAM, 3, 4, 2, "missed"),
        Gap(STREAM, 3, 4, 5, "dropped"),
    ]
    ends = [End(STREAM, 0, 0, 0), End(STREAM, 1, 0, 0), End(STREAM, 2, 0, 0), End(STREAM, 3, 5, 5)]
    assert [item for item in items if isinstance(item, End)] == ends


# what readers do with what they do not know


@pytest.mark.parametrize("kind", wire.MESSAGES.values(), ids=lambda kind: kind.TYPE)
def test_a_field_of_tomorrow_is_ignored(kind: type[wire.Message]) -> None:
    message = next(g.message for g in VERSIONS[1].values() if type(g.message) is kind)
    plain = msgpack.unpackb(wire.encode_header(message)) | {"colour": ["blue", {"x": 1}]}
    assert wire.decode_header(msgpack.packb(plain)) == message


def test_fields_of_tomorrow_in_descriptions_are_ignored() -> None:
    run = RUN.to_plain() | {"colour": 1}
    described = {"run": run, "streams": [SPEC.to_plain() | {"colour": 1}], "colour": 1}
    assert Parts.from_welcome(wire.pack(described), ("",)).streams == {STREAM: SPEC}
    snapshot = Snapshot.from_plain(
        wire.unpack(wire.pack(SNAPSHOT | {"run": run, "colour": 1}), 1 << 20)
    )
    assert snapshot.run == RUN
