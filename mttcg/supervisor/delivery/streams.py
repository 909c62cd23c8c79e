"""The streams of a run: their rings, and where their records are."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mttcg.errors import OptionError, UserError
from mttcg.vcpu.instrumentation.patience import Patience
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.ring.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.wire.limits import MOST_PARTS
from mttcg_bus.wire.stream import StreamSpec


class TooManyStreamsError(UserError):
    """A run has more streams, those that have ended included, than its subscribers take."""

    def __init__(self, streams: int, cpus: int) -> None:
        super().__init__(
            f"{streams} streams of {cpus} vCPUs; expected at most {MOST_PARTS} streams times vCPUs"
        )
        self.streams, self.cpus = streams, cpus


@dataclass
class Streams:
    """The streams of one run, which may have none.

    `ring_fds` are by stream name ("<plugin>.<event>"), then by vCPU. `specs` has the streams that
    there are, `known` also those that there were, whose ledgers are in `past`, and how long their
    producers stalled, by vCPU, in `past_stalled`. `policies`: what the user chose, by stream or
    plugin.
    """

    specs: dict[str, StreamSpec]
    ring_fds: dict[str, list[int]]
    doorbell_fd: int
    space_fds: list[int]
    policies: dict[str, str] = field(default_factory=dict)
    known: dict[str, StreamSpec] = field(default_factory=dict)
    past: dict[str, Ledger] = field(default_factory=dict)
    past_stalled: "Counter[int]" = field(default_factory=Counter)

    @classmethod
    def prepare(
        cls, streams: Sequence[dict[str, Any]], smp: int, policies: Mapping[str, str] | None = None
    ) -> "Streams":
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

    def add_rings(self, streams: Sequence[dict[str, Any]]) -> list[StreamSpec]:
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

    def emit_for(
        self, stream: str, cpu: int, records: Any, while_waiting: Callable[[], object]
    ) -> None:
        """Emit what is left of `records`, all that a dead vCPU's ring of a stream was to get.

        It may have died in the middle: those that the ring has had are not emitted again.
        while_waiting: called again and again as long as the ring is full.
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
            while_waiting()
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

    def close(self) -> None:
        """Close every descriptor."""
        rings = [fd for fds in self.ring_fds.values() for fd in fds]
        for descriptor in [*rings, self.doorbell_fd, *self.space_fds]:
            os.close(descriptor)
