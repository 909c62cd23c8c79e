"""The bus side of a run: rings, the publisher, the aggregators and their reports."""

import os
import select
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mttcg.config import WHOLE, Config, not_in_shards
from mttcg.errors import EXIT_FAULT, EXIT_USER, MttcgError, OptionError, UserError
from mttcg.printable import printable
from mttcg.supervisor.aggregator_process import AggregatorProcess
from mttcg.supervisor.failures import Failures
from mttcg.supervisor.launch import end_text
from mttcg.vcpu.patience import Patience
from mttcg_bus.errors import PublisherLost
from mttcg_bus.publisher.departures import Departures
from mttcg_bus.publisher.process import Died, PublisherProcess
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.ring.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.control import SILENT
from mttcg_bus.wire.limits import MOST_PARTS
from mttcg_bus.wire.stream import StreamSpec

if TYPE_CHECKING:
    from mttcg_bus.wire.security import ServerSecurity

SUBSCRIBER_SECONDS = 60.0
"""How long to wait for the subscribers that the run is to begin with."""
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


class TooManyStreamsError(UserError):
    """A run has more streams, those that have ended included, than its subscribers take."""

    def __init__(self, streams: int, cpus: int) -> None:
        super().__init__(
            f"{streams} streams of {cpus} vCPUs; expected at most {MOST_PARTS} streams times vCPUs"
        )
        self.streams, self.cpus = streams, cpus


def security_of(config: Config) -> "ServerSecurity | None":
    """Read the keys that the options name; raises the bus's errors of key files."""
    if config.keys is None:
        return None
    from mttcg_bus.wire.security import ServerSecurity, read_keys, read_public

    file = Path(config.keys)
    read_keys(file)
    allowed, controllers = (
        tuple(read_public(Path(path)) for path in paths)
        for paths in (config.allow, config.allow_control)
    )
    return ServerSecurity(file, allowed, controllers)


@dataclass
class Delivery:
    """The streams of one run.

    `ring_fds` are by stream name ("<plugin>.<event>"), then by vCPU; the publisher exists if there
    is a stream or an address to serve. `specs` has the streams that there are, `known` also those
    that there were, whose ledgers are in `past`, and how long their producers stalled, by vCPU, in
    `past_stalled`. `policies`: what the user chose, by stream or plugin.
    """

    specs: dict[str, StreamSpec]
    ring_fds: dict[str, list[int]]
    doorbell_fd: int
    space_fds: list[int]
    publisher: PublisherProcess | None = None
    aggregators: list[AggregatorProcess] = field(default_factory=list)
    recorder: AggregatorProcess | None = None
    keys: Path | None = None
    policies: dict[str, str] = field(default_factory=dict)
    known: dict[str, StreamSpec] = field(default_factory=dict)
    past: dict[str, Ledger] = field(default_factory=dict)
    past_stalled: "Counter[int]" = field(default_factory=Counter)
    closed: bool = False

    @classmethod
    def prepare(
        cls, streams: list[dict[str, Any]], smp: int, policies: Mapping[str, str] | None = None
    ) -> "Delivery":
        """Make the rings of the declared streams, with the policies that the user chose.

        Raises OptionError for a policy of a stream that there is not.
        """
        specs = {spec.name: spec for spec in map(StreamSpec.from_plain, streams)}
        for name in policies or {}:
            if not any(name in (spec.name, spec.plugin) for spec in specs.values()):
                there = f"one of {', '.join(specs)}" if specs else "a plugin that has a stream"
                raise OptionError("--policy", f"there is no stream {name}", there)
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        made = cls({}, {}, os.eventfd(0, flags), [], policies=dict(policies or {}))
        try:
            made.space_fds += [os.eventfd(0, flags) for _ in range(smp)]
            made.add_rings(streams)
        except (OSError, TooManyStreamsError):
            made.close()
            raise
        return made

    def add_rings(self, streams: list[dict[str, Any]]) -> list[StreamSpec]:
        """Make the rings of more streams, with the policies that the user chose; the streams.

        Raises TooManyStreamsError, before it makes any.
        """
        added = [self._with_policy(StreamSpec.from_plain(plain)) for plain in streams]
        count = len(self.known.keys() | {spec.name for spec in added})
        if count * len(self.space_fds) > MOST_PARTS:
            raise TooManyStreamsError(count, len(self.space_fds))
        for spec in added:
            self.specs[spec.name] = self.known[spec.name] = spec
            rings = self.ring_fds[spec.name] = []
            for _ in self.space_fds:
                rings.append(create_ring(spec))
        return added

    def _with_policy(self, spec: StreamSpec) -> StreamSpec:
        for name in (spec.name, spec.plugin):
            if name in self.policies:
                return replace(spec, policy=self.policies[name])
        return spec

    def drop_rings(self, name: str) -> None:
        """Let go of a stream's rings, which nobody uses any more; the ledger stays."""
        rings = self.ring_fds.pop(name)
        del self.specs[name]
        for cpu, ring in enumerate(rings):
            ledger = ledger_of(ring)
            self.past[name] = self.past.get(name, Ledger()) + ledger
            self.past_stalled[cpu] += ledger.stalled_ns
            os.close(ring)

    def publish(self, config: Config, run: RunInfo) -> PublisherProcess:
        """Start the publisher; raises the bus's errors of addresses and keys."""
        self.keys = Path(config.keys) if config.keys is not None else None
        self.publisher = publisher = PublisherProcess.start(
            config.bus,
            run,
            list(self.specs.values()),
            self.ring_fds,
            self.doorbell_fd,
            self.space_fds,
            config.stall_limit,
            security_of(config),
            config.control,
        )
        return publisher

    def aggregate(self, plugins: list[dict[str, Any]], config: Config) -> None:
        """Start an aggregator for each plugin that has one; OptionError for shards of another."""
        assert self.publisher is not None
        chosen = [plugin for plugin in plugins if plugin["aggregator"]]
        names = [plugin["name"] for plugin in chosen]
        for name in config.shards:
            if name and name not in names:
                there = f"one of {', '.join(names)}" if names else "a plugin that aggregates"
                raise OptionError("--shards", f"there is no aggregator of {name}", there)
        for plugin in chosen:
            self.start_aggregator(plugin, config)

    def start_aggregator(self, plugin: dict[str, Any], config: Config) -> AggregatorProcess:
        """Start a plugin's aggregator."""
        assert self.publisher is not None
        wanted = config.shards.get(plugin["name"], config.shards.get("", 1))
        if min(wanted, config.smp) > 1 and not plugin["in_shards"]:
            raise OptionError("--shards", not_in_shards(plugin["name"]), WHOLE)
        self.aggregators.append(
            AggregatorProcess.start(
                plugin["name"],
                plugin["spec"],
                self.publisher.url,
                self.keys,
                shards=min(wanted, config.smp),
                interim=config.interim,
            )
        )
        return self.aggregators[-1]

    def record(self, file: Path, limit: int) -> None:
        """Start a recorder of everything that is published, up to `limit` bytes if not 0."""
        assert self.publisher is not None
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
        assert publisher is not None
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
        assert self.publisher is not None
        names = [child.named for child in self.children if not child.subscribed]
        strangers = self.publisher.subscribers - sum(child.shards for child in self.children)
        # while own ones are on their way, nobody knows who of those that are there is a stranger
        if not names and strangers < others:
            names.append(f"{others - strangers} of the subscribers to wait for")
        return names

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
        now = {
            name: sum((ledger_of(fd) for fd in fds), self.past.get(name, Ledger()))
            for name, fds in self.ring_fds.items()
        }
        return self.past | now

    def stalled_ns(self, cpu: int) -> int:
        """How long a vCPU waited for room in its rings, in nanoseconds."""
        now = sum(ledger_of(fds[cpu]).stalled_ns for fds in self.ring_fds.values())
        return now + self.past_stalled[cpu]

    def subscribers(self) -> list[dict[str, Any]]:
        """Those who have left: name, reason, and the ledger of what came by meanwhile."""
        listed = self.publisher.departures.listed if self.publisher is not None else []
        return [
            {"name": left.name, "reason": left.reason, "ledger": left.ledger} for left in listed
        ]

    def more_subscribers(self) -> dict[str, Any]:
        """How many left besides those, and the ledger of all of them; empty if none did."""
        if self.publisher is None or not self.publisher.departures.others.count:
            return {}
        others = self.publisher.departures.others
        ledger = {stream: summed.to_plain() for stream, summed in others.ledger.items()}
        return {"count": others.count, "ledger": ledger}

    def garbage(self) -> dict[str, int]:
        """What the bus was sent that is none of its protocol's, by where; empty without a bus."""
        return self.publisher.garbage.to_plain() if self.publisher is not None else {}

    def finish(self, failures: Failures) -> dict[str, Any]:
        """Deliver the rest and collect the reports; `failures` takes what went wrong."""
        publisher = self.publisher
        broken = publisher is not None and not publisher.alive
        if publisher is not None and not broken and not publisher.finish(SILENCE_SECONDS):
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
        if publisher is not None:
            tell_undone(publisher.departures, failures, wrong, broken)
        return reports

    def given_up(self, child: AggregatorProcess) -> str:
        """Why the publisher gave up all that a child, or a shard of it, is on the bus; "" if not.

        Others may have its name there: who does not know waits for it as for one that works.
        """
        if self.publisher is None or self.publisher.departures.others.count:
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
        """End every process that is left and close every descriptor."""
        if self.closed:
            return
        self.closed = True
        for aggregator in self.children:  # before the publisher, whose loss they would tell of
            aggregator.end()
        if self.publisher is not None:
            self.publisher.terminate()
        rings = [fd for fds in self.ring_fds.values() for fd in fds]
        for descriptor in [*rings, self.doorbell_fd, *self.space_fds]:
            os.close(descriptor)
