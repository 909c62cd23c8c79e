"""The bus side of a run: the publisher, the aggregators and their reports."""

import select
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mttcg.config import Config
from mttcg.errors import EXIT_FAULT, EXIT_USER, MttcgError, OptionError
from mttcg.option_values import not_in_shards
from mttcg.printable import printable
from mttcg.supervisor.delivery.aggregator_process import AggregatorProcess
from mttcg.supervisor.delivery.streams import Streams
from mttcg.supervisor.failures import Failures
from mttcg.supervisor.start.launch import end_text
from mttcg.vcpu.protocol.needs import LoadedPlugin
from mttcg_bus.errors import PublisherLost
from mttcg_bus.publisher.departures import Departures
from mttcg_bus.publisher.process import Died, PublisherProcess
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.control import SILENT

if TYPE_CHECKING:
    from mttcg_bus.wire.security import ServerSecurity

OTHERS = "1 for it, or PLUGIN=N for others"
SILENCE_SECONDS = 30.0
"""At the end: how long all subscribers may acknowledge nothing."""
REPORT_SECONDS = 60.0
"""How long an aggregator may take from the end of its streams to its report."""


def tell_undone(
    departures: Departures, failures: Failures, told: Collection[str], broken: bool
) -> None:
    """Tell `failures` of the records that subscribers left undone.

    told: names of those of whom something is known that this follows from; broken: whether it
    follows from the publisher's end, whoever they are.
    """
    for left in departures.listed:
        if left.lost:
            name, reason = printable(left.name), printable(left.reason)
            text = f"subscriber {name} left {left.lost} records undone: {reason}"
            failures.add(text, follows=broken or left.name.partition("/")[0] in told)
    others = departures.others
    if others.lost:
        text = f"{others.count} more subscribers left {others.lost} records undone"
        failures.add(text, follows=broken)


class SubscribersMissingError(MttcgError):
    """Subscribers that the run was to begin with did not come; `missing` names them."""

    def __init__(self, missing: list[str], why: str, exit_status: int = EXIT_FAULT) -> None:
        super().__init__(f"the run can't begin without {', '.join(missing)}: {why}")
        self.missing, self.why, self.exit_status = missing, why, exit_status


def security_of(config: Config) -> "ServerSecurity | None":
    """Read the keys that the options name; raises the bus's errors of key files."""
    if config.keys is None:
        return None
    from mttcg_bus.wire.security import ServerSecurity, read_keys, read_public

    read_keys(config.keys)
    allowed, controllers = (
        tuple(read_public(path) for path in paths) for paths in (config.allow, config.allow_control)
    )
    return ServerSecurity(config.keys, allowed, controllers)


@dataclass
class Delivery:
    """What brings the records of a run's streams to those who want them: the publisher, and ours.

    `recorder` writes everything that is published to a file.
    """

    streams: Streams
    publisher: PublisherProcess
    keys: Path | None
    aggregators: list[AggregatorProcess] = field(default_factory=list)
    recorder: AggregatorProcess | None = None

    @classmethod
    def publish(cls, streams: Streams, config: Config, run: RunInfo) -> "Delivery":
        """Start the publisher; raises the bus's errors of addresses and keys."""
        publisher = PublisherProcess.start(
            config.bus,
            run,
            list(streams.specs.values()),
            streams.ring_fds,
            streams.doorbell_fd,
            streams.space_fds,
            config.stall_limit,
            security_of(config),
            config.control,
        )
        return cls(streams, publisher, config.keys)

    def aggregate(self, plugins: Iterable[LoadedPlugin], config: Config) -> None:
        """Start an aggregator for each plugin that has one; OptionError for shards of another."""
        chosen = [plugin for plugin in plugins if plugin.aggregator]
        names = [plugin.name for plugin in chosen]
        for name in config.shards:
            if name and name not in names:
                there = f"one of {', '.join(names)}" if names else "a plugin that aggregates"
                raise OptionError("--shards", f"there is no aggregator of {name}", there)
        for plugin in chosen:
            self.start_aggregator(plugin, config)

    def start_aggregator(self, plugin: LoadedPlugin, config: Config) -> AggregatorProcess:
        """Start a plugin's aggregator."""
        wanted = config.shards.get(plugin.name, config.shards.get("", 1))
        if min(wanted, config.smp) > 1 and not plugin.in_shards:
            raise OptionError("--shards", not_in_shards(plugin.name), OTHERS)
        self.aggregators.append(
            AggregatorProcess.start(
                plugin.name,
                plugin.spec,
                self.publisher.url,
                self.keys,
                shards=min(wanted, config.smp),
                interim=config.interim,
            )
        )
        return self.aggregators[-1]

    def record(self, file: Path, limit: int) -> None:
        """Start a recorder of everything that is published, up to `limit` bytes if not 0."""
        self.recorder = AggregatorProcess.start_recorder(file, self.publisher.url, self.keys, limit)

    @property
    def children(self) -> list[AggregatorProcess]:
        """The aggregators, and the recorder if there is one."""
        return [*self.aggregators, *([self.recorder] if self.recorder is not None else [])]

    def wait_subscribers(self, others: int, seconds: float) -> None:
        """Wait until every aggregator and `others` more have subscribed.

        Raises SubscribersMissingError, as soon as an aggregator ends before it has; PublisherLost.
        """
        publisher = self.publisher
        children = {child.report_fd: child for child in self.children}
        poller = select.poll()
        for descriptor in (publisher.fileno(), *children):
            poller.register(descriptor, select.POLLIN)
        until = time.monotonic() + seconds
        while missing := self._missing(others):
            ready = poller.poll(max(0.0, until - time.monotonic()) * 1000)
            if not ready:
                raise SubscribersMissingError(missing, f"not there after {seconds:g} s")
            for event in publisher.receive():
                if isinstance(event, Died):
                    why = event.wrong or end_text(event.exit_status)
                    raise PublisherLost(publisher.url, why)
            for descriptor, _ in ready:
                child = children.get(descriptor)
                if child is not None and not child.take():
                    why, user = child.why_ended(), child.ended() == EXIT_USER
                    status = EXIT_USER if user else EXIT_FAULT
                    raise SubscribersMissingError([child.named], why, status)

    def _missing(self, others: int) -> list[str]:
        """Who of the run's own, and how many of `others`, are not there."""
        names = [child.named for child in self.children if not child.subscribed]
        strangers = self.publisher.subscribers - sum(child.shards for child in self.children)
        # while own ones are on their way, nobody knows who of those that are there is a stranger
        if not names and strangers < others:
            names.append(f"{others - strangers} of the subscribers to wait for")
        return names

    def emit_for(self, stream: str, cpu: int, records: Any) -> None:
        """Emit what is left of all the records that a dead vCPU's ring of a stream was to get."""
        # if the publisher is dead, receive() finds it out and tells the ring
        self.streams.emit_for(stream, cpu, records, self.publisher.receive)

    def subscribers(self) -> list[dict[str, Any]]:
        """Those who have left: name, reason, and the ledger of what came by meanwhile."""
        return [
            {"name": left.name, "reason": left.reason, "ledger": left.ledger}
            for left in self.publisher.departures.listed
        ]

    def more_subscribers(self) -> dict[str, Any]:
        """How many left besides those, and the ledger of all of them; empty if none did."""
        others = self.publisher.departures.others
        if not others.count:
            return {}
        ledger = {stream: summed.to_plain() for stream, summed in others.ledger.items()}
        return {"count": others.count, "ledger": ledger}

    def finish(self, failures: Failures) -> dict[str, Any]:
        """Deliver the rest and collect the reports; `failures` takes what went wrong."""
        broken = not self.publisher.alive
        if not broken and not self.publisher.finish(SILENCE_SECONDS):
            broken = True
            failures.add("the bus publisher did not end in order")
        reports: dict[str, Any] = {}
        wrong = set()
        for aggregator in self.children:
            reported = aggregator.report(REPORT_SECONDS, self.given_up(aggregator))
            if reported.wrong:
                failures.add(reported.wrong, follows=broken)
                wrong.add(aggregator.plugin)
            if reported.report is not None and aggregator is not self.recorder:
                reports[aggregator.plugin] = reported.report
        tell_undone(self.publisher.departures, failures, wrong, broken)
        return reports

    def given_up(self, child: AggregatorProcess) -> str:
        """Why the publisher gave up all that a child, or a shard of it, is on the bus; "" if not.

        Others may have its name there: who does not know waits for it as for one that works.
        """
        if self.publisher.departures.others.count:
            return ""
        reasons: dict[str, list[str]] = {}
        for left in self.publisher.departures.listed:
            if left.name.partition("/")[0] == child.plugin:
                reasons.setdefault(left.name, []).append(left.reason)
        for found in reasons.values():
            if all(reason.startswith(SILENT) for reason in found):
                return found[0]
        return ""

    def close(self) -> None:
        """End every process that is left."""
        for aggregator in self.children:  # before the publisher, whose loss they would tell of
            aggregator.end()
        self.publisher.terminate()
