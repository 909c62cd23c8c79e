"""What an aggregator has gathered, there and back."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mttcg_bus.errors import BusError, ProtocolError, StateError
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.aggregator import Aggregator, merged, report_of
from mttcg_bus.subscriber.state import pack_state, unpack_state
from mttcg_bus.wire import wire

RUN = RunInfo("r", "g", 2, "none", 0, 0, 0)
RECORD = np.dtype([("value", "<u8"), ("pair", "<u4", (2,)), ("text", "|S3")])
KEYS = some.integers() | some.text(max_size=3) | some.binary(max_size=3) | some.booleans()
PLAIN = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.tuples(inner, inner)
        | some.dictionaries(KEYS, inner, max_size=3)
        | some.dictionaries(some.tuples(KEYS, KEYS), inner, max_size=3)
        | some.sets(KEYS, max_size=3)
        | some.lists(inner, max_size=3).map(deque)
    ),
    max_leaves=8,
)


@dataclass(frozen=True)
class Frozen:
    name: str
    at: Any


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


class Named(NamedTuple):
    first: int
    second: str


class Gathering(Aggregator):
    local = frozenset({"file"})

    def report(self) -> dict[str, Any]:
        return {}


def there_and_back(value: Any) -> Any:
    sender = Gathering(None, RUN)
    sender.value = value  # type: ignore[attr-defined]
    return unpack_state(pack_state(sender), Gathering(None, RUN)).value  # type: ignore[attr-defined]


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    found = there_and_back(value)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "value",
    [
        frozenset({(1, "a")}),
        1 << 200,
        -(1 << 64),
        Counter({("a", 1): 5}),
        deque([1, 2], maxlen=2),
        Path("a/b"),
        Frozen("a", (1, [2])),
        Named(1, "b"),
        [Frozen("a", {1: Named(2, "c")})],
    ],
)
def test_values_of_more_kinds_come_back(value: Any) -> None:
    found = there_and_back(value)
    assert (type(found), found) == (type(value), value)


def test_arrays_come_back_and_can_be_written() -> None:
    records = np.array([(1, (2, 3), b"abc")], RECORD)
    for array in (records, np.arange(6.0).reshape(2, 3).T, np.array([], "<u2"), np.zeros((0, 4))):
        found = there_and_back(array)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert np.array_equal(found, array)
        found[...] = np.zeros(1, found.dtype)
    assert there_and_back(np.uint64(7)) == 7
    assert there_and_back(Slotted(4)).value == 4


@pytest.mark.parametrize("factory", [int, list, Counter, Slotted])
def test_a_defaultdict_keeps_its_factory(factory: type[Any]) -> None:
    found = there_and_back({"inner": defaultdict(factory)})["inner"]
    assert found.default_factory is factory


class Nameless(Gathering):
    def __init__(self, options: Any, run: RunInfo) -> None:
        super().__init__(options, run)
        self.rows: dict[str, list[int]] = defaultdict(lambda: [0, 0])


def test_an_attribute_that_makes_its_values_by_a_lambda_goes_on_doing_so() -> None:
    sender = Nameless(None, RUN)
    sender.rows["a"][1] = 5
    found = unpack_state(pack_state(sender), Nameless(None, RUN))
    assert (found.rows["a"], found.rows["new"]) == ([0, 5], [0, 0])


def test_what_is_given_and_what_is_local_stays() -> None:
    sender = Gathering({"options": 1}, RUN)
    sender.begin(3)
    sender.lost("event", 1, 5)
    with open("/dev/null") as sender.file:  # type: ignore[attr-defined]  # noqa: PTH123
        data = pack_state(sender)
    found = unpack_state(data, Gathering("mine", RUN))
    assert (found.options, found.shard) == ("mine", None)
    assert not hasattr(found, "file")
    assert report_of(found) == {"lost": [{"stream": "event", "cpu": 1, "records": 5}]}


@pytest.mark.parametrize(
    "value", [object(), print, lambda: 0, np.array([object()]), {1: [open]}, {"a": 1j}]
)
def test_what_can_not_be_sent_is_named_by_its_attribute(value: Any) -> None:
    with pytest.raises(StateError, match="attribute value: "):
        there_and_back(value)


@pytest.mark.parametrize(
    "plain",
    [
        ["object", ["os", "system", [], [], None]],
        ["object", ["builtins", "list", [], [], None]],
        ["defaultdict", [["os", "system"], [], []]],
        ["defaultdict", [["", "eval"], [], []]],
        ["nothing", 1],
        ["integer", "x"],
        ["array", ["<u8", [3], b"1"]],
        ["array", ["O", [1], b"12345678"]],
        [],
    ],
)
def test_nothing_else_is_ever_made_of_a_state(plain: Any) -> None:
    with pytest.raises(BusError):
        unpack_state(wire.pack({"value": plain}), Gathering(None, RUN))


@given(some.binary(max_size=40))
def test_garbage_is_an_error_of_the_bus(data: bytes) -> None:
    try:
        unpack_state(data, Gathering(None, RUN))
    except (ProtocolError, StateError):
        return
    assert isinstance(wire.unpack(data, len(data)), dict)


def test_files_of_shards_have_names_of_their_own() -> None:
    alone, second = Gathering(None, RUN), Gathering(None, RUN)
    alone.begin()
    second.begin(1)
    assert alone.file_for(Path("d/trace.npy")) == Path("d/trace.npy")
    assert second.file_for(Path("d/trace.npy")) == Path("d/trace.1.npy")
    assert second.file_for(Path("trace")) == Path("trace.1")


def test_gaps_of_parts_add_up() -> None:
    parts = [Gathering(None, RUN), Gathering(None, RUN)]
    for part in parts:
        part.lost("event", 0, 2)
    assert merged(parts, Gathering(None, RUN)).gaps == {("event", 0): 4}
