"""What an aggregator has found while records still come."""

import time
from collections.abc import Callable, Iterator

from mttcg_bus.errors import NoPublisher, SubscriptionRefused
from mttcg_bus.subscriber.aggregator import AggregatorType
from mttcg_bus.subscriber.items import Item
from mttcg_bus.subscriber.subscriber import Subscriber


class Paced:
    """A subscription that calls `look` after each item, and several times a second otherwise."""

    def __init__(self, subscriber: Subscriber, look: Callable[[], None]) -> None:
        self._subscriber, self._look = subscriber, look
        subscriber.idle = look

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """The (stream, cpu) whose end has not come yet."""
        return self._subscriber.missing

    def __iter__(self) -> Iterator[Item]:
        """Iterate over the subscriber's items."""
        for item in self._subscriber:
            yield item
            self._look()  # the item was consumed


class Every:
    """Calls a function when so many seconds have passed since it last did; not more often."""

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self._seconds, self._function = seconds, function
        self._due = time.monotonic() + seconds

    def __call__(self) -> None:
        """Look whether it is time."""
        if time.monotonic() >= self._due:
            self._function()
            self._due = time.monotonic() + self._seconds


def so_far(
    subscriber: Subscriber, plugin: str, aggregator: AggregatorType, empty: AggregatorType
) -> AggregatorType:
    """Return `empty`, a new one, with what `aggregator` would have if the run ended now.

    Tables of the plugin, which become records when their vCPU ends, are read from a snapshot.
    """
    empty.merge(aggregator)
    try:
        snapshot = subscriber.snapshot()
    except (NoPublisher, SubscriptionRefused):
        return empty  # without tables this time: the supervisor, who has them, is busy
    for table in snapshot.tables:
        part = table.stream, table.cpu
        # a vCPU that has ended has sent its table as records
        if table.plugin == plugin and part in subscriber.parts and not snapshot.next.get(part):
            empty.consume(table.stream.partition(".")[2], table.cpu, table.records)
    return empty
