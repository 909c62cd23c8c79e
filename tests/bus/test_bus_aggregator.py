"""Aggregators: what they are fed, what the outcome says, and the law of merging."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import PublisherLost
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.aggregator import Aggregator, aggregate
from mttcg_bus.subscriber.items import Batch, End, Gap, Item
from mttcg_bus.wire.stream import Records

RUN = RunInfo("r", "g", 2, "none", 0, 0, 0)
RECORD = np.dtype([("value", "<u8")])


class Summing(Aggregator):
    total = 0

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        self.total += int(records["value"].sum())

    def merge(self, other: Aggregator) -> None:
        super().merge(other)
        assert isinstance(other, Summing)
        self.total += other.total

    def report(self) -> dict[str, Any]:
        return {"total": self.total}


class Recorded:
    """Items that a subscriber would give."""

    def __init__(self, items: list[Item], missing: tuple[tuple[str, int], ...] = ()) -> None:
        self._items, self.missing = items, missing
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[Item]:
        yield from self._items
        if self.failure:
            raise self.failure


def batch(cpu: int, *values: int) -> Batch:
    return Batch("plug.event", cpu, 0, np.array([(value,) for value in values], RECORD))


def test_a_whole_stream_is_complete() -> None:
    items: list[Item] = [
        batch(0, 1, 2),
        batch(1, 4),
        End("plug.event", 0, 2, 0),
        End("plug.event", 1, 1, 0),
    ]
    outcome = aggregate(Recorded(items), Summing(None, RUN))
    assert outcome.report == {"total": 7}
    assert outcome.complete


def test_gaps_are_reported_by_stream_and_cpu() -> None:
    items: list[Item] = [
        Gap("plug.event", 1, 5, 5, "missed"),
        batch(1, 3),
        Gap("plug.event", 1, 6, 2, "dropped"),
    ]
    outcome = aggregate(Recorded(items), Summing(None, RUN))
    assert not outcome.complete
    assert outcome.gaps == {("plug.event", 1): 7}
    assert outcome.report == {
        "total": 3,
        "lost": [{"stream": "event", "cpu": 1, "records": 7}],
    }


def test_a_missing_end_is_incomplete() -> None:
    outcome = aggregate(Recorded([batch(0, 1)], (("plug.event", 0),)), Summing(None, RUN))
    assert not outcome.complete
    assert outcome.missing == (("plug.event", 0),)


def test_a_lost_publisher_leaves_what_came() -> None:
    recorded = Recorded([batch(0, 9)])
    recorded.failure = PublisherLost("ipc:///x", "died")
    outcome = aggregate(recorded, Summing(None, RUN))
    assert outcome.report == {"total": 9}
    assert outcome.failure == "bus ipc:///x: publisher lost: died"
    assert not outcome.complete


@settings(deadline=None)
@given(some.lists(some.tuples(some.integers(0, 1), some.integers(0, 9)), max_size=20))
def test_parts_merge_to_the_whole(parts: list[tuple[int, int]]) -> None:
    items: list[Item] = []
    for cpu, value in parts:
        items += [batch(cpu, value), Gap("plug.event", cpu, 0, value + 1, "missed")]
    whole, halves = Summing(None, RUN), [Summing(None, RUN), Summing(None, RUN)]
    aggregate(Recorded(items), whole)
    for cpu, half in enumerate(halves):
        aggregate(Recorded([item for item in items if item.cpu == cpu]), half)
    halves[1].merge(halves[0])
    assert halves[1].report() == whole.report()
    assert halves[1].gaps == whole.gaps
