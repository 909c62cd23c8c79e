"""The bus side of a run: rings, the publisher, the aggregators and their reports."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mttcg_bus.ledger import Ledger
from mttcg_bus.publisher_process import PublisherProcess
from mttcg_bus.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.run_info import RunInfo
from mttcg_bus.stream import StreamSpec

SUBSCRIBER_SECONDS = 60.0
"""How long to wait for the subscribers that the run is to begin with."""
SILENCE_SECONDS = 30.0
"""At the end: how long all subscribers may acknowledge nothing."""


@dataclass
class AggregatorProcess:
    """A plugin's second half in a process of its own; its report comes through a pipe."""

    plugin: str
    process: "subprocess.Popen[bytes]"
    report_fd: int

    @classmethod
    def start(cls, plugin: str, spec: str, url: str) -> "AggregatorProcess":
        """Start an aggregator that subscribes to the bus at `url`."""
        ours, theirs = os.pipe()
        command = [sys.executable, "-m", "mttcg", "subscribe", url, "--plugin", spec]
        process = subprocess.Popen(
            [*command, "--report-fd", str(theirs)],
            pass_fds=[theirs],
            stdin=subprocess.DEVNULL,
            stdout=2,
            start_new_session=True,
        )
        os.close(theirs)
        return cls(plugin, process, ours)

    def report(self) -> tuple[dict[str, Any] | None, int]:
        """Wait for the end: the report, None if there is none, and the exit status."""
        with os.fdopen(self.report_fd, "rb") as pipe:
            text = pipe.read()
        status = self.process.wait()
        try:
            return json.loads(text), status
        except ValueError:
            return None, status

    def end(self) -> None:
        """Kill it if it runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


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
        ring_fds = {name: [create_ring(spec) for _ in range(smp)] for name, spec in specs.items()}
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        return cls(
            specs, ring_fds, os.eventfd(0, flags), [os.eventfd(0, flags) for _ in range(smp)]
        )

    def publish(self, url: str | None, run: RunInfo) -> None:
        """Start the publisher; raises the bus's address errors."""
        self.publisher = PublisherProcess.start(
            url, run, list(self.specs.values()), self.ring_fds, self.doorbell_fd, self.space_fds
        )

    def aggregate(self, plugins: list[dict[str, Any]]) -> None:
        """Start an aggregator for each plugin that has one."""
        assert self.publisher is not None
        for plugin in plugins:
            if plugin["aggregator"]:
                url = self.publisher.url
                self.aggregators.append(
                    AggregatorProcess.start(plugin["name"], plugin["spec"], url)
                )

    def emit_for(self, stream: str, cpu: int, records: Any) -> None:
        """Emit on behalf of a vCPU whose process is dead."""
        producer = RingProducer(
            self.ring_fds[stream][cpu],
            self.specs[stream].dtype,
            self.doorbell_fd,
            self.space_fds[cpu],
        )
        producer.append(records)
        producer.unmap()

    def ledger(self) -> dict[str, Ledger]:
        """Where the records of each stream are, summed over vCPUs."""
        return {
            name: sum((ledger_of(fd) for fd in fds), Ledger())
            for name, fds in self.ring_fds.items()
        }

    def finish(self, failed: Callable[[str], None]) -> dict[str, Any]:
        """Deliver the rest and collect the reports; `failed` is told what went wrong."""
        if self.publisher is not None and not self.publisher.finish(SILENCE_SECONDS):
            failed("the bus publisher did not end in order")
        reports: dict[str, Any] = {}
        for aggregator in self.aggregators:
            report, status = aggregator.report()
            if report is None:
                failed(f"the aggregator of {aggregator.plugin} gave no report (status {status})")
            else:
                reports[aggregator.plugin] = report
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
