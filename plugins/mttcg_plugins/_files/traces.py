"""Traces in the Trace Event format (JSON), which ui.perfetto.dev and Chrome's tracing open.

Source: "Trace Event Format" by the Chromium project. A track per vCPU, with complete events ("X").
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mttcg.instrument import printable
from mttcg_bus.wire.stream import Records


@dataclass(frozen=True)
class Trace:
    """What a trace shows.

    Attributes:
        title: of all tracks together.
        tracks: slices by vCPU, in the order in which they begin: records with `what` and `kind`,
            and `began` and `ended` by the clock of records.
        ticks_per_second: of that clock.
        name_of: the name of a slice, by its kind and what it is.
        categories: by kind.
    """

    title: str
    tracks: Mapping[int, Records]
    ticks_per_second: int
    name_of: Callable[[int, int], str]
    categories: Mapping[int, str]

    def to_json(self) -> bytes:
        """The file's content."""
        lines = ",\n".join(self._events())
        return f'{{"displayTimeUnit": "ns", "traceEvents": [\n{lines}\n]}}\n'.encode()

    def _events(self) -> Iterator[str]:
        """Names of the tracks, then complete slices; times count from the first one on."""
        begins = [int(part["began"].min()) for part in self.tracks.values() if len(part)]
        first = min(begins, default=0)
        guest = {"name": printable(self.title)}
        yield json.dumps({"pid": 1, "ph": "M", "name": "process_name", "args": guest})
        for cpu in self.tracks:
            named = {"ph": "M", "name": "thread_name", "args": {"name": f"vCPU {cpu}"}}
            yield json.dumps({"pid": 1, "tid": cpu + 1} | named)
        for cpu, part in self.tracks.items():
            yield from self._complete_events(cpu, part, first)

    def _complete_events(self, cpu: int, slices: Records, first: int) -> Iterator[str]:
        """A vCPU's slices, with times to the nanosecond.

        Begin and end are rounded, not the length: so they stay within each other.
        """
        nanoseconds = 1e9 / (self.ticks_per_second or 1e9)
        began = ((slices["began"] - np.uint64(first)) * nanoseconds).astype(np.int64)
        ended = ((slices["ended"] - np.uint64(first)) * nanoseconds).astype(np.int64)
        heads: dict[tuple[int, int], str] = {}
        columns = (slices["kind"], slices["what"], began, ended - began)
        for kind, what, start, long in zip(*(c.tolist() for c in columns), strict=True):
            if (kind, what) not in heads:
                name, category = printable(self.name_of(kind, what)), self.categories[kind]
                named = {"pid": 1, "tid": cpu + 1, "ph": "X", "name": name, "cat": category}
                heads[kind, what] = json.dumps(named)[:-1]
            ts, dur = divmod(start, 1000), divmod(long, 1000)
            yield (f'{heads[kind, what]}, "ts": {ts[0]}.{ts[1]:03}, "dur": {dur[0]}.{dur[1]:03}}}')
