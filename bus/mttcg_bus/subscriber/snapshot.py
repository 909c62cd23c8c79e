"""The state of a run at one moment, for who was not there from the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mttcg_bus.errors import ProtocolError
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire import plain as checked
from mttcg_bus.wire.stream import Records, StreamSpec


@dataclass(frozen=True, eq=False)
class Table:
    """A vCPU's table of a plugin: the records that `stream` will get when the vCPU ends."""

    plugin: str
    name: str
    cpu: int
    stream: str
    records: Records


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a run has counted so far.

    run: what is run, with its symbols and plugins. next: by stream and vCPU, the number of the
    record that it stands at: all with smaller numbers happened before `counters` and `tables` were
    read. counters: by plugin, `total` by counter, and `vcpus`, a list of maps with `cpu` and the
    counters. at_ns: when, by the monotonic clock of the run's host. vcpus: what each is doing.
    """

    run: RunInfo
    next: dict[tuple[str, int], int]
    counters: dict[str, Any]
    tables: tuple[Table, ...]
    at_ns: int = 0
    vcpus: tuple[dict[str, Any], ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Snapshot":
        """Return what the payload of `snapshot` says (PROTOCOL.md); raises ProtocolError."""
        numbers = checked.take_mapping(plain, "next")
        described = [checked.mapping_of(s, "stream") for s in checked.take_list(plain, "streams")]
        streams = {spec.name: spec for spec in map(StreamSpec.from_plain, described)}
        tables = [checked.mapping_of(t, "table") for t in checked.take_list(plain, "tables")]
        return cls(
            RunInfo.from_plain(checked.take_mapping(plain, "run")),
            {
                (stream, cpu): number
                for stream in numbers
                for cpu, number in enumerate(checked.take_integers(numbers, stream))
            },
            checked.take_mapping(plain, "counters"),
            tuple(_table_from(table, streams) for table in tables),
            checked.take_integer(plain, "at_ns") if "at_ns" in plain else 0,
            tuple(_vcpu_from(v) for v in checked.take_list(plain, "vcpus"))
            if "vcpus" in plain
            else (),
        )


VCPU_NUMBERS = (
    *("cpu", "pc", "instructions", "blocks", "idle_ns"),
    *("cache_hits", "cache_misses"),
)


def _vcpu_from(value: Any) -> dict[str, Any]:
    plain = checked.mapping_of(value, "vcpu")
    numbers = {name: checked.take_integer(plain, name) for name in VCPU_NUMBERS}
    return numbers | {"state": checked.take_text(plain, "state")}


def _table_from(plain: Mapping[str, Any], streams: Mapping[str, StreamSpec]) -> Table:
    stream, content = checked.take_text(plain, "stream"), checked.take(plain, "records")
    if stream not in streams or not isinstance(content, bytes):
        raise ProtocolError(f"a table of stream {stream} has no description or no records")
    dtype = streams[stream].dtype
    if len(content) % dtype.itemsize:
        raise ProtocolError(f"a table of stream {stream} has {len(content)} bytes")
    plugin, name = checked.take_text(plain, "plugin"), checked.take_text(plain, "name")
    cpu = checked.take_integer(plain, "cpu")
    return Table(plugin, name, cpu, stream, np.frombuffer(content, dtype))
