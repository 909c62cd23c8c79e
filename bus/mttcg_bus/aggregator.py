"""Aggregators: the second half of a plugin, which sees the records of all vCPUs."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from mttcg_bus.errors import StreamBroken
from mttcg_bus.items import Batch, Gap, Item
from mttcg_bus.run_info import RunInfo
from mttcg_bus.stream import Records


class Aggregator:
    """What a plugin's class `Aggregator` derives from.

    options: the plugin's options. run: what is run.
    `merge` is associative and commutative, and what `consume` does with one vCPU's records does not
    depend on when another's come, so that work can be split by vCPU.
    """

    def __init__(self, options: Any, run: RunInfo) -> None:
        self.options, self.run = options, run
        self.gaps: dict[tuple[str, int], int] = defaultdict(int)

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        """Take in `records` of vCPU `cpu`; `stream` is the name after the dot."""
        raise NotImplementedError

    def lost(self, stream: str, cpu: int, count: int) -> None:
        """Take in that `count` records are missing here; remembered in `gaps` and reported."""
        self.gaps[stream, cpu] += count

    def merge(self, other: "Aggregator") -> None:
        """Take in what `other` has, of the same run; extend it by calling this one as well."""
        for key, count in other.gaps.items():
            self.gaps[key] += count

    def report(self) -> dict[str, Any]:
        """Return what was found, as JSON takes it; lists of dicts are shown as tables."""
        raise NotImplementedError


@dataclass(frozen=True)
class Outcome:
    """How an aggregation ended.

    report: of the aggregator, with a table `lost` if it has gaps. complete: nothing is missing.
    gaps: missing records by (stream, cpu). missing: the (stream, cpu) whose end did not come.
    failure: why the stream broke off, "" if it did not.
    """

    report: dict[str, Any]
    complete: bool
    gaps: dict[tuple[str, int], int]
    missing: tuple[tuple[str, int], ...]
    failure: str


class Subscription(Protocol):
    """What `aggregate` needs of a Subscriber or a Recording."""

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """The (stream, cpu) whose end has not come yet."""

    def __iter__(self) -> Iterator[Item]:
        """Iterate over the items."""


def aggregate(subscriber: Subscription, aggregator: Aggregator) -> Outcome:
    """Feed all that `subscriber` receives to `aggregator`, until the end or a loss."""
    gaps: dict[tuple[str, int], int] = defaultdict(int)
    failure = ""
    try:
        for item in subscriber:
            event = item.stream.partition(".")[2]
            if isinstance(item, Batch):
                aggregator.consume(event, item.cpu, item.records)
            elif isinstance(item, Gap):
                gaps[item.stream, item.cpu] += item.count
                aggregator.lost(event, item.cpu, item.count)
    except StreamBroken as error:
        failure = str(error)
    report = aggregator.report()
    if aggregator.gaps:
        lost = [
            {"stream": stream, "cpu": cpu, "records": count}
            for (stream, cpu), count in sorted(aggregator.gaps.items())
        ]
        report = {**report, "lost": lost}
    complete = not (gaps or subscriber.missing or failure)
    return Outcome(report, complete, dict(gaps), subscriber.missing, failure)
