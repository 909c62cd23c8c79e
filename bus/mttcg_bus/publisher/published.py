"""The streams that a publisher has, and the ledgers of those that it had."""

import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from mttcg_bus.errors import ProtocolError
from mttcg_bus.publisher.delivery import RemoteSubscriber, Source
from mttcg_bus.ring.consumer import RingConsumer
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.ring.ring import ledger_of
from mttcg_bus.ring.segments import Part
from mttcg_bus.wire.plain import mapping_of
from mttcg_bus.wire.stream import StreamSpec


class Published:
    """Streams, each with a ring of each vCPU.

    space: eventfds that wake a vCPU whose ring has room again, by vCPU. sources: what is sent, by
    stream and vCPU. past: where the records went of streams that were let go of.
    """

    def __init__(self, space: Sequence[int]) -> None:
        self._space = space
        self.streams: dict[str, StreamSpec] = {}
        self.sources: dict[Part, Source] = {}
        self.past: dict[str, Ledger] = {}
        self._rings: dict[Part, int] = {}
        self._ending: set[str] = set()

    @property
    def cpus(self) -> int:
        """How many vCPUs there are, and rings of each stream."""
        return len(self._space)

    @property
    def all_ended(self) -> bool:
        """Whether nothing will come any more."""
        return all(source.ended for source in self.sources.values())

    def add(self, spec: StreamSpec, rings: Iterable[int]) -> None:
        """Have one more; the rings' descriptors are its own from now on."""
        self.streams[spec.name] = spec
        for cpu, ring in enumerate(rings):
            self._rings[spec.name, cpu] = ring
            consumer = RingConsumer(ring, spec.dtype, self._space[cpu])
            self.sources[spec.name, cpu] = Source(spec, cpu, consumer)

    def wanted(self, subscriber: RemoteSubscriber, names: Collection[str]) -> list[Source]:
        """Give what a subscriber wants of the streams with these names."""
        sources = self.sources.values()
        return [s for s in sources if s.stream.name in names and subscriber.wants(s.topic)]

    def described(self, sources: Iterable[Source]) -> list[dict[str, Any]]:
        """Give the streams of some sources, plain."""
        names = {source.stream.name for source in sources}
        return [spec.to_plain() for name, spec in self.streams.items() if name in names]

    def end(self, names: Iterable[str]) -> None:
        """Let streams go when everybody has all of them."""
        self._ending.update(names)

    def let_go(self) -> Iterator[str]:
        """Let go of what is to end, and has; the names."""
        for name in tuple(self._ending):
            parts = [part for part in self.sources if part[0] == name]
            if not all(self.sources[part].done for part in parts):
                continue
            for part in parts:
                source = self.sources.pop(part)
                self.past[name] = self.past.get(name, Ledger()) + ledger_of(source.ring.words)
                for tap in tuple(source.taps):
                    tap.subscriber.part_with(source)
                os.close(self._rings.pop(part))
            del self.streams[name]
            self._ending.remove(name)
            yield name

    def lend(self, ticket: str, part: Part) -> int:
        """Lend a ring to the holder of a ticket, whose batches lie there from now on.

        Gives its descriptor; raises ProtocolError.
        """
        source = self.sources.get(part)
        for tap in source.taps if source else ():
            # who may lose records may be slow, and is not to hold space that others need
            if tap.policy.whole and secrets.compare_digest(
                tap.subscriber.ticket.encode(), ticket.encode()
            ):
                tap.borrowed = True
                return self._rings[part]
        raise ProtocolError("the ticket is not good for this ring")


def specs_of(plain: dict[str, Any]) -> list[StreamSpec]:
    """Read the streams of a message from the supervisor."""
    return [StreamSpec.from_plain(mapping_of(each, "stream")) for each in plain["list"]]
