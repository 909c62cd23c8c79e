"""The bus side of a run: rings, the publisher, the aggregators and their reports."""

import os
import select
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mttcg.errors import MttcgError
from mttcg.machine.aggregator_process import AggregatorProcess
from mttcg.machine.launch import end_text
from mttcg.vcpu.patience import Patience
from mttcg_bus.control import Joined
from mttcg_bus.errors import PublisherLost
from mttcg_bus.ledger import Ledger
from mttcg_bus.publisher_process import Died, PublisherProcess
from mttcg_bus.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.run_info import RunInfo
from mttcg_bus.stream import StreamSpec

SUBSCRIBER_SECONDS = 60.0
"""How long to wait for the subscribers that the run is to begin with."""
SILENCE_SECONDS = 30.0
"""At the end: how long all subscribers may acknowledge nothing."""
REPORT_SECONDS = 60.0
"""How long an aggregator may take from the end of its streams to its report."""


class SubscribersMissingError(MttcgError):
    """Subscribers that the run was to begin with did not come; `missing` names them."""

    def __init__(self, missing: list[str], why: str) -> None:
        super().__init__(f"the run can't begin without {', '.join(missing)}: {why}")
        self.missing, self.why = missing, why


@dataclass
class Delivery:
    """The streams of one run.

    `ring_fds` are by stream name ("<plugin>.<event>"), then by vCPU; the publisher exists if there
    is a stream or an address to serve.
    """

    specs: dict[str, StreamSpec]
    ring_fds: dict[str, list[int]]
    doorbell_fd: int
    space_fds: list[int]
    publisher: PublisherProcess | None = None
    aggregators: list[AggregatorProcess] = field(default_factory=list)
    closed: bool = False

    @classmethod
    def prepare(cls, streams: list[dict[str, Any]], smp: int) -> "Delivery":
        """Make the rings of the declared streams."""
        specs = {spec.name: spec for spec in map(StreamSpec.from_plain, streams)}
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        made = cls(specs, {name: [] for name in specs}, os.eventfd(0, flags), [])
        try:
            for _ in range(smp):
                made.space_fds.append(os.eventfd(0, flags))
                for name, spec in specs.items():
                    made.ring_fds[name].append(create_ring(spec))
        except OSError:
            made.close()
            raise
        return made

    def publish(self, url: str | None, run: RunInfo) -> PublisherProcess:
        """Start the publisher; raises the bus's address errors."""
        self.publisher = publisher = PublisherProcess.start(
            url, run, list(self.specs.values()), self.ring_fds, self.doorbell_fd, self.space_fds
        )
        return publisher

    def aggregate(self, plugins: list[dict[str, Any]]) -> None:
        """Start an aggregator for each plugin that has one."""
        assert self.publisher is not None
        for plugin in plugins:
            if plugin["aggregator"]:
                url = self.publisher.url
                self.aggregators.append(
                    AggregatorProcess.start(plugin["name"], plugin["spec"], url)
                )

    def wait_subscribers(self, others: int, seconds: float) -> None:
        """Wait until every aggregator and `others` more have subscribed.

        Raises SubscribersMissingError, as soon as an aggregator ends before it has; PublisherLost.
        """
        publisher = self.publisher
        assert publisher is not None
        wanted = len(self.aggregators) + others
        joined: Counter[str] = Counter()
        poller = select.poll()
        for descriptor in (publisher.fileno(), *(a.report_fd for a in self.aggregators)):
            poller.register(descriptor, select.POLLIN)
        until = time.monotonic() + seconds
        while publisher.subscribers < wanted:
            if not poller.poll(max(0.0, until - time.monotonic()) * 1000):
                missing = self._missing(wanted, joined)
                raise SubscribersMissingError(missing, f"not there after {seconds:g} s")
            for event in publisher.receive():
                if isinstance(event, Died):
                    raise PublisherLost(publisher.url, end_text(event.exit_status))
                if isinstance(event, Joined):
                    joined[event.name] += 1
            self._check_aggregators()

    def _check_aggregators(self) -> None:
        for aggregator in self.aggregators:
            status = aggregator.ended()
            if status is not None:
                missing = [f"the aggregator of {aggregator.plugin}"]
                raise SubscribersMissingError(missing, f"it ended ({end_text(status)})")

    def _missing(self, wanted: int, joined: "Counter[str]") -> list[str]:
        """Who is not there, by name as far as names are known."""
        names = [f"the aggregator of {a.plugin}" for a in self.aggregators if not joined[a.plugin]]
        assert self.publisher is not None
        others = wanted - self.publisher.subscribers - len(names)
        return names + ([f"{others} of the subscribers to wait for"] if others > 0 else [])

    def emit_for(self, stream: str, cpu: int, records: Any) -> None:
        """Emit what is left of `records`, all that a dead vCPU's ring of a stream was to get.

        It may have died in the middle: those that the ring has had are not emitted again.
        """
        done = ledger_of(self.ring_fds[stream][cpu]).emitted
        producer = RingProducer(
            self.ring_fds[stream][cpu],
            self.specs[stream].dtype,
            self.doorbell_fd,
            self.space_fds[cpu],
        )
        give_up = Patience(lambda: True).over(producer)

        def interrupted() -> bool:
            # if the publisher is dead, receive() finds it out and tells the ring
            if self.publisher is not None:
                self.publisher.receive()
            return give_up()

        producer.append(records[done:], interrupted)
        producer.unmap()

    def ledger(self) -> dict[str, Ledger]:
        """Where the records of each stream are, summed over vCPUs."""
        return {
            name: sum((ledger_of(fd) for fd in fds), Ledger())
            for name, fds in self.ring_fds.items()
        }

    def finish(self, failed: Callable[[str], None]) -> dict[str, Any]:
        """Deliver the rest and collect the reports; `failed` is told what went wrong."""
        publisher = self.publisher
        if publisher is not None and publisher.alive and not publisher.finish(SILENCE_SECONDS):
            failed("the bus publisher did not end in order")
        reports: dict[str, Any] = {}
        for aggregator in self.aggregators:
            reported = aggregator.report(REPORT_SECONDS)
            if reported.wrong:
                failed(reported.wrong)
            if reported.report is not None:
                reports[aggregator.plugin] = reported.report
        return reports

    def close(self) -> None:
        """End every process that is left and close every descriptor."""
        if self.closed:
            return
        self.closed = True
        if self.publisher is not None:
            self.publisher.terminate()
        for aggregator in self.aggregators:
            aggregator.end()
        rings = [fd for fds in self.ring_fds.values() for fd in fds]
        for descriptor in [*rings, self.doorbell_fd, *self.space_fds]:
            os.close(descriptor)
