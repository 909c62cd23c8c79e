"""The wire format: round trips, bounds, and that nothing but ProtocolError comes of bad bytes."""

import contextlib
import dataclasses
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import ProtocolError, WrongVersion
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire import control, limits, wire
from mttcg_bus.wire.stream import StreamSpec

RECORD = np.dtype(
    {
        "names": ["pc", "data", "flag"],
        "formats": ["<u8", ("<f4", (2, 3)), "|b1"],
        "offsets": [0, 8, 40],
        "itemsize": 48,
    }
)
SPEC = StreamSpec("memtrace.access", RECORD, batch=16, capacity=64)
RUN = RunInfo("r1", "/g.elf", 2, "unicorn", 1 << 31, 4096, 1 << 31, ((16, 8, "main"),), ("icount",))

_VALUES: dict[Any, some.SearchStrategy[Any]] = {
    str: some.text(max_size=50),
    int: some.integers(0, 2**64 - 1),
    tuple[str, ...]: some.lists(some.text(max_size=9), max_size=5).map(tuple),
}
PLAIN = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1) | some.floats()
    | some.text(max_size=9) | some.binary(max_size=9),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=9), inner),
    max_leaves=12,
)  # fmt: skip


@some.composite
def messages(draw: some.DrawFn) -> wire.Message:
    kind: Any = draw(some.sampled_from(list(wire.MESSAGES.values())))
    fields = {field.name: draw(_VALUES[field.type]) for field in dataclasses.fields(kind)}
    message: wire.Message = kind(**fields)
    return message


@settings(deadline=None, max_examples=60)
@given(messages(), some.text(max_size=60), some.binary(max_size=99))
def test_a_message_comes_back_as_it_was(message: wire.Message, topic: str, payload: bytes) -> None:
    received = wire.decode([*wire.encode(topic, message), payload])
    assert (received.topic, received.message) == (topic, message)
    assert received.payload == payload


@settings(deadline=None, max_examples=60)
@given(some.lists(some.binary(max_size=200), max_size=4))
def test_random_frames_are_at_most_a_protocol_error(frames: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        wire.decode(frames)


@settings(deadline=None, max_examples=60)
@given(some.dictionaries(some.text(max_size=9), PLAIN, max_size=4), some.data())
def test_random_headers_are_at_most_a_protocol_error(plain: Any, data: some.DataObject) -> None:
    table = {**wire.MESSAGES, **control.MESSAGES}
    kind: Any = data.draw(some.sampled_from(list(table.values())))
    for field in dataclasses.fields(kind):
        if data.draw(some.booleans()):
            plain[field.name] = data.draw(PLAIN)
    plain |= {"v": wire.PROTOCOL_VERSION, "type": kind.TYPE}
    with contextlib.suppress(ProtocolError):
        assert isinstance(wire.decode_header(msgpack.packb(plain), table), kind)


@pytest.mark.parametrize("whole", [SPEC.to_plain(), RUN.to_plain()], ids=["stream", "run"])
@settings(deadline=None, max_examples=60)
@given(data=some.data())
def test_random_descriptions_are_at_most_a_protocol_error(
    whole: dict[str, Any], data: some.DataObject
) -> None:
    plain = wire.unpack(wire.pack(whole), 10_000)
    for key in data.draw(some.sets(some.sampled_from(sorted(plain)), min_size=1)):
        plain[key] = data.draw(PLAIN)
    kind = StreamSpec if "fields" in whole else RunInfo
    with contextlib.suppress(ProtocolError):
        assert isinstance(kind.from_plain(plain), kind)


@settings(deadline=None, max_examples=60)
@given(
    some.lists(some.tuples(some.sampled_from(["<u8", "|b1", "|O", "|S99", "<M8"]), PLAIN, PLAIN))
)
def test_random_record_fields_are_at_most_a_protocol_error(fields: list[Any]) -> None:
    plain = SPEC.to_plain()
    plain["fields"] = [[f"f{i}", *rest] for i, rest in enumerate(fields)]
    with contextlib.suppress(ProtocolError):
        StreamSpec.from_plain(plain)


def test_descriptions_come_back_as_they_were() -> None:
    assert StreamSpec.from_plain(wire.unpack(wire.pack(SPEC.to_plain()), 10_000)) == SPEC
    assert RunInfo.from_plain(wire.unpack(wire.pack(RUN.to_plain()), 10_000)) == RUN


def test_unknown_fields_and_types_are_ignored() -> None:
    plain = {"v": 1, "type": "beat", "records": 5, "colour": "blue"}
    assert wire.decode_header(msgpack.packb(plain)) == wire.Beat(5)
    plain["type"] = "tomorrow"
    assert wire.decode_header(msgpack.packb(plain)) == wire.Unknown("tomorrow")


def test_another_version_is_refused_with_both_numbers() -> None:
    with pytest.raises(WrongVersion, match="version 2; expected version 1") as caught:
        wire.decode_header(msgpack.packb({"v": 2, "type": "beat", "other": 1}))
    assert (caught.value.theirs, caught.value.ours) == (2, 1)


def test_sizes_are_bounded() -> None:
    header = wire.encode_header(wire.Acknowledge("x" * limits.LARGEST_HEADER, 0, 0))
    with pytest.raises(ProtocolError, match="expected at most 65536"):
        wire.decode_header(header)
    with pytest.raises(ProtocolError, match="too large"):
        wire.decode([b"t" * 257, wire.encode_header(wire.Finish()), b""])
    with pytest.raises(ProtocolError, match="too large"):
        wire.decode([b"", wire.encode_header(wire.Finish()), bytes(limits.LARGEST_PAYLOAD + 1)])


def test_symbols_are_found_by_address() -> None:
    symbols = ((0x100, 0, "_start"), (0x200, 0x40, "main"), (0x210, 4, "inner"), (0x300, 8, "data"))
    run = dataclasses.replace(RUN, symbols=symbols)
    expected = {0xFF: "", 0x100: "_start", 0x108: "_start+0x8", 0x200: "main", 0x210: "inner"}
    expected |= {0x220: "main+0x20", 0x2FF: "_start+0x1ff", 0x304: "data+0x4", 0x9999: ""}
    assert {address: run.symbol_at(address) for address in expected} == expected
