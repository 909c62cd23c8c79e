"""From the messages of a run to items: each vCPU's part of each stream, in order, gaps in place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mttcg_bus.errors import ProtocolError
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch, End, Gap, Item
from mttcg_bus.wire import plain as checked
from mttcg_bus.wire import wire
from mttcg_bus.wire.limits import LARGEST_PAYLOAD, MOST_PARTS
from mttcg_bus.wire.plain import Bytes
from mttcg_bus.wire.stream import Records, StreamSpec, topic_of

Key: TypeAlias = tuple[str, int]
"""A stream's name and a vCPU."""


@dataclass(slots=True)
class Part:
    """How far one vCPU's part of one stream has come."""

    spec: StreamSpec
    next: int = 0
    dropped: int = 0
    ended: bool = False


class Parts:
    """All parts that one subscriber gets: those whose topic starts with one of `prefixes`.

    run: what is run. streams: by name. Every method raises ProtocolError for what can't come.
    """

    def __init__(
        self, run: RunInfo, streams: Mapping[str, StreamSpec], prefixes: tuple[str, ...]
    ) -> None:
        self.run, self.streams = run, dict(streams)
        self._check_number()
        self._prefixes = prefixes
        self._parts: dict[Key, Part] = {}
        self._add(streams.values())

    def _check_number(self) -> None:
        if self.run.smp * len(self.streams) > MOST_PARTS:
            raise ProtocolError(f"{len(self.streams)} streams of {self.run.smp} vCPUs: too many")

    def _add(self, streams: Iterable[StreamSpec]) -> None:
        for spec in streams:
            for cpu in range(self.run.smp):
                if topic_of(spec.name, cpu).startswith(self._prefixes):
                    self._parts[spec.name, cpu] = Part(spec)

    @classmethod
    def from_welcome(cls, payload: Bytes, prefixes: tuple[str, ...]) -> "Parts":
        """Return the parts that the payload of `welcome` describes."""
        plain = wire.unpack(payload, LARGEST_PAYLOAD)
        run = RunInfo.from_plain(checked.take_mapping(plain, "run"))
        return cls(run, {spec.name: spec for spec in _streams_of(plain)}, prefixes)

    def open(self, payload: Bytes) -> tuple[StreamSpec, ...]:
        """Take in the streams that the payload of `opened` describes; a name may be there again."""
        specs = _streams_of(wire.unpack(payload, LARGEST_PAYLOAD))
        for spec in specs:
            if any(part.spec.name == spec.name and not part.ended for part in self._parts.values()):
                raise ProtocolError(f"stream {spec.name} was opened before it had ended")
        self.streams |= {spec.name: spec for spec in specs}
        self._check_number()
        self._add(specs)
        return specs

    def welcome(self) -> bytes:
        """Return the payload of a `welcome` that describes these."""
        streams = [spec.to_plain() for spec in self.streams.values()]
        return wire.pack({"run": self.run.to_plain(), "streams": streams})

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Iterate over (stream, cpu)."""
        return iter(self._parts)

    def __contains__(self, part: object) -> bool:
        """Whether (stream, cpu) is one of them."""
        return part in self._parts

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """The (stream, cpu) whose end has not come yet."""
        return tuple(key for key, part in self._parts.items() if not part.ended)

    def dtype_of(self, message: wire.Batch | wire.End) -> "np.dtype[Any]":
        """Return what the records of a message are."""
        return self._part(message).spec.dtype

    def batch(self, message: wire.Batch, records: Records) -> Iterator[Item]:
        """Give the items that a batch makes."""
        part = self._part(message)
        yield from self._gaps(message, part, message.first, message.dropped)
        part.next = message.first + message.count
        yield Batch(message.stream, message.cpu, message.first, records)

    def end(self, message: wire.End) -> Iterator[Item]:
        """Give the items that an end makes."""
        part = self._part(message)
        yield from self._gaps(message, part, message.records, message.dropped)
        part.next, part.ended = message.records, True
        yield End(message.stream, message.cpu, message.records, message.dropped)

    def _part(self, message: wire.Batch | wire.End) -> Part:
        try:
            return self._parts[message.stream, message.cpu]
        except KeyError:
            raise ProtocolError(f"{message.stream} of vCPU {message.cpu}: not subscribed") from None

    def _gaps(
        self, message: wire.Batch | wire.End, part: Part, following: int, dropped: int
    ) -> Iterator[Item]:
        """Give what is missing before sequence number `following`."""
        if following < part.next or dropped < part.dropped or part.ended:
            raise ProtocolError(f"{message.stream} of vCPU {message.cpu}: the stream went back")
        if following > part.next:
            count = following - part.next
            yield Gap(message.stream, message.cpu, following, count, "missed")
        if dropped > part.dropped:
            count, part.dropped = dropped - part.dropped, dropped
            yield Gap(message.stream, message.cpu, following, count, "dropped")


def _streams_of(plain: Mapping[str, Any]) -> tuple[StreamSpec, ...]:
    described = (checked.mapping_of(s, "stream") for s in checked.take_list(plain, "streams"))
    return tuple(map(StreamSpec.from_plain, described))


def pack_streams(streams: Iterable[StreamSpec]) -> bytes:
    """Return the payload of an `opened` that describes these."""
    return wire.pack({"streams": [spec.to_plain() for spec in streams]})


def records_of_payload(message: wire.Batch, payload: memoryview, dtype: "np.dtype[Any]") -> Records:
    """Return the records of a batch that came as bytes, in place; raises ProtocolError."""
    if len(payload) != message.count * dtype.itemsize or not message.count or message.at:
        wrong = f"{len(payload)} bytes for {message.count} records at {message.at}"
        raise ProtocolError(f"{message.stream} of vCPU {message.cpu}: {wrong}")
    return np.frombuffer(payload.toreadonly(), dtype)
