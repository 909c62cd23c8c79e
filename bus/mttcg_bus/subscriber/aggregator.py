"""Aggregators: the second half of a plugin, which sees the records of all vCPUs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

from mttcg_bus.errors import OutputFull, StreamBroken
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch, Gap, Item, Opened
from mttcg_bus.wire.stream import Received, Records

AggregatorType = TypeVar("AggregatorType", bound="Aggregator")


class Aggregator:
    """What a plugin's class `Aggregator` derives from.

    options: the plugin's options. run: what is run. A new one is empty, and has touched no file.

    `check` comes first of all, when nothing is there yet. It may work alone or in shards, each in a
    process of its own with the records of some vCPUs: `begin`, which is done when the guest starts,
    then `consume` and `lost` for what comes, then `end`. What the shards have is merged into a new
    one, which reports. So `merge` is associative and commutative, and what `consume` does with one
    vCPU's records does not depend on when another's come.

    One that follows the order of all vCPUs' records sets `in_shards` to False: it works alone, and
    `merge` adds up what was found.

    faults: what could not be done, as text, such as a file without room; the run fails then, and
    the report is given nevertheless.

    Attributes are plain data, numpy arrays, or objects of the plugin's own classes, so that they
    can go to another process; `local` names those that stay, such as open files.
    """

    local: ClassVar[frozenset[str]] = frozenset()
    in_shards: ClassVar[bool] = True

    def __init__(self, options: Any, run: RunInfo) -> None:
        self.options, self.run = options, run
        self.gaps: dict[tuple[str, int], int] = defaultdict(int)
        self.faults: list[str] = []
        self.shard: int | None = None

    @classmethod
    def check(cls, options: Any, run: RunInfo) -> None:
        """Raise an error for options that can't be met in this run; open and write no file.

        A run that is to have the aggregator asks this before it starts anything, for all plugins.
        """

    def begin(self, shard: int | None = None) -> None:
        """Get ready to consume, as number `shard` of several, None if alone; open files here."""
        self.shard = shard

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        """Take in `records` of vCPU `cpu`; `stream` is the name after the dot."""
        raise NotImplementedError

    def lost(self, stream: str, cpu: int, count: int) -> None:
        """Take in that `count` records are missing here; remembered in `gaps` and reported."""
        self.gaps[stream, cpu] += count

    def end(self) -> None:
        """Nothing comes any more; close files here."""

    def file_for(self, path: Path) -> Path:
        """Return the file that is this one's alone: `path`, or name.2.ext for shard 2."""
        return path if self.shard is None else path.with_suffix(f".{self.shard}{path.suffix}")

    def merge(self, other: Self) -> None:
        """Take in what `other` has, of the same run, and leave it as it is.

        Extend it by calling this one as well.
        """
        for key, count in other.gaps.items():
            self.gaps[key] += count
        self.faults += other.faults

    def save(self) -> None:
        """Write what was found to files, those of earlier calls anew; nothing unless extended.

        Called with what all shards have, when the streams have ended and after each interim report.
        """

    def report(self) -> dict[str, Any]:
        """Return what was found, as JSON takes it; lists of dicts are shown as tables.

        May be called more than once, also while records still come.
        """
        raise NotImplementedError


def report_of(aggregator: Aggregator) -> dict[str, Any]:
    """Return the report, with a table `lost` if the aggregator has gaps."""
    report = aggregator.report()
    lost = [
        {"stream": stream, "cpu": cpu, "records": count}
        for (stream, cpu), count in sorted(aggregator.gaps.items())
    ]
    return {**report, "lost": lost} if lost else report


def merged(parts: Iterable[AggregatorType], empty: AggregatorType) -> AggregatorType:
    """Return `empty`, a new one, with what `parts` have."""
    for part in parts:
        empty.merge(part)
    return empty


@dataclass(frozen=True)
class Outcome:
    """How an aggregation ended.

    report: of the aggregator, with a table `lost` if it has gaps. complete: nothing is missing.
    gaps: missing records by (stream, cpu). missing: the (stream, cpu) whose end did not come.
    failure: why the stream broke off, and the aggregator's faults; "" without either.
    received: what came, by (stream, cpu).
    """

    report: dict[str, Any]
    complete: bool
    gaps: dict[tuple[str, int], int]
    missing: tuple[tuple[str, int], ...]
    failure: str
    received: dict[tuple[str, int], Received] = field(default_factory=dict)


class Subscription(Protocol):
    """What `aggregate` needs of a Subscriber or a Recording."""

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """The (stream, cpu) whose end has not come yet."""

    def __iter__(self) -> Iterator[Item]:
        """Iterate over the items."""


def consume_all(subscription: Subscription, aggregator: Aggregator) -> Outcome:
    """Feed all that `subscription` receives to `aggregator`, until the end or a loss.

    The outcome has no report yet. `begin` and `end` are the caller's.
    """
    gaps: dict[tuple[str, int], int] = defaultdict(int)
    received: dict[tuple[str, int], Received] = defaultdict(Received)
    failure = ""
    try:
        for item in subscription:
            if isinstance(item, Opened):
                continue
            part, event = (item.stream, item.cpu), item.stream.partition(".")[2]
            so_far = received[part]
            if isinstance(item, Batch):
                received[part] = so_far._replace(records=so_far.records + len(item.records))
                aggregator.consume(event, item.cpu, item.records)
            elif isinstance(item, Gap):
                count = {item.cause: getattr(so_far, item.cause) + item.count}
                received[part] = so_far._replace(**count)
                gaps[part] += item.count
                aggregator.lost(event, item.cpu, item.count)
    except StreamBroken as error:
        failure = str(error)
    complete = not (gaps or subscription.missing or failure)
    return Outcome({}, complete, dict(gaps), subscription.missing, failure, dict(received))


def aggregate(
    subscription: Subscription,
    aggregator: Aggregator,
    begun: Callable[[], None] | None = None,
) -> Outcome:
    """Let one `aggregator` consume all that `subscription` receives, and report.

    begun: called when it is ready to consume.
    """
    aggregator.begin()
    if begun is not None:
        begun()
    outcome = consume_all(subscription, aggregator)
    aggregator.end()
    save(aggregator)
    return with_report(outcome, aggregator)


def save(aggregator: Aggregator) -> None:
    """Have what was found written to files; those without room are among the faults."""
    try:
        aggregator.save()
    except OutputFull as full:
        aggregator.faults.append(str(full))


def with_report(outcome: Outcome, aggregator: Aggregator) -> Outcome:
    """Return `outcome` with the report of what was found, and the faults."""
    failure = "; ".join(filter(None, [outcome.failure, *aggregator.faults]))
    complete = outcome.complete and not failure
    return replace(outcome, report=report_of(aggregator), complete=complete, failure=failure)
