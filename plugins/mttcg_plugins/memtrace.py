"""Record every load and store: vCPU, pc, address, size, value, read or write.

    mttcg run examples/guests/hello.elf --plugin memtrace,out=trace.npy

The aggregator counts accesses per page, and writes the records to `out` as they come: a .npy file,
which numpy reads with `numpy.load("trace.npy", mmap_mode="r")` and polars with
`polars.from_numpy(...)`. A record is an `events.ACCESS`. Records of one vCPU are in its order;
those of several vCPUs interleave by batch. An atomic read-modify-write is two. With `space` or
`mode` only accesses from there are recorded, which is decided natively.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from mttcg.instrument import Stream, compiled, events, instrument_memory, option
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._files.recording import RecordingAggregator

PAGE_SHIFT = 12
ONE, HASH_SHIFT = np.uint64(1), np.uint64(20)
NO_KEY = np.uint64((1 << 64) - 1)
PLACES = 1 << 12
"""Places of a table of pages at the start."""


@dataclass(frozen=True)
class Options(InScope):
    """Options of memtrace."""

    out: Path | None = option(None, help="file (.npy) to write every record to")
    top: int = option(20, help="how many pages to report, 0 for all")


def plugin_init(options: Options) -> bool:
    """Record every access of every vCPU."""
    instrument_memory(None, Stream("access", events.ACCESS), **options.scope)
    return True


@compiled
def count_pages(records: Any, keys: Any, counts: Any) -> int:
    """Count records per page and direction in an open hash table; how many were counted.

    Args:
        records: a batch of `events.ACCESS`.
        keys: page and direction at each place, or NO_KEY; a power of two of places.
        counts: at the places of the keys.

    It ends before a record with a new key if half of the places are taken.
    """
    last = np.uint64(len(keys) - 1)
    for n in range(len(records)):
        record = records[n]
        key = record.address >> np.uint64(PAGE_SHIFT) << ONE | np.uint64(record.write)
        place = (key ^ key >> HASH_SHIFT) & last
        while keys[place] != key:
            if keys[place] == NO_KEY:
                if 2 * counts[-1] >= len(keys):
                    return n
                counts[-1] += 1
                keys[place] = key
            else:
                place = (place + ONE) & last
        counts[place] += 1
    return len(records)


class PageCounts:
    """Counts accesses per page and direction, batch by batch."""

    def __init__(self, places: int = PLACES) -> None:
        self.keys = np.full(places, NO_KEY)
        self.counts = np.zeros(places + 1, dtype=np.int64)  # the last is how many places are taken

    def add(self, records: Records) -> None:
        """Count a batch of `events.ACCESS`."""
        done = count_pages(records, self.keys, self.counts)
        while done < len(records):
            self._grow()
            done += count_pages(records[done:], self.keys, self.counts)

    def _grow(self) -> None:
        """Have twice the places."""
        larger = PageCounts(2 * len(self.keys))
        for key, count in self.totals().items():
            place = (key ^ key >> int(HASH_SHIFT)) % len(larger.keys)
            while larger.keys[place] != NO_KEY:
                place = (place + 1) % len(larger.keys)
            larger.keys[place], larger.counts[place] = key, count
        larger.counts[-1] = self.counts[-1]
        self.keys, self.counts = larger.keys, larger.counts

    def totals(self) -> dict[int, int]:
        """How often each page and direction occurred; the key is twice the page, odd for writes."""
        used = np.flatnonzero(self.keys != NO_KEY)
        return dict(zip(self.keys[used].tolist(), self.counts[used].tolist(), strict=True))


class Aggregator(RecordingAggregator):
    """Counts accesses per page, vCPU and direction; merging adds them up."""

    layout = events.ACCESS

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.counts: dict[int, PageCounts] = defaultdict(PageCounts)
        self.merged: dict[tuple[int, int, int], int] = defaultdict(int)

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Count and write a batch."""
        self.counts[cpu].add(records)
        self.keep(records)

    def merge(self, other: Self) -> None:
        """Add another's counts."""
        super().merge(other)
        for key, count in other.pages().items():
            self.merged[key] += count

    def pages(self) -> dict[tuple[int, int, int], int]:
        """Accesses by page, vCPU, and 1 for writes."""
        found = defaultdict(int, self.merged)
        for cpu, counts in self.counts.items():
            for key, count in counts.totals().items():
                found[key >> 1, cpu, key & 1] += count
        return found

    def report(self) -> dict[str, Any]:
        """Totals per vCPU, and the pages with the most accesses."""
        counted = self.pages()
        pages: dict[int, dict[str, int]] = defaultdict(lambda: {"reads": 0, "writes": 0})
        vcpus = [{"cpu": cpu, "reads": 0, "writes": 0} for cpu in range(self.run.smp)]
        for (page, cpu, write), count in counted.items():
            direction = "writes" if write else "reads"
            pages[page][direction] += count
            vcpus[cpu][direction] += count
        hottest = sorted(pages.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        rows = [
            {"page": hex(page << PAGE_SHIFT), "symbol": self._symbol(page)} | counts
            for page, counts in hottest[: self.options.top or None]
        ]
        report: dict[str, Any] = {
            "accesses": sum(counted.values()),
            "pages": len(pages),
            "vcpus": vcpus,
            "hottest": rows,
        }
        return self.with_files(report)

    def _symbol(self, page: int) -> str:
        """The symbol at the page's start, or the first in it."""
        start = page << PAGE_SHIFT
        inside = [s for s in self.run.symbols if start <= s[0] < start + (1 << PAGE_SHIFT)]
        return self.run.symbol_at(start) or (inside[0][2] if inside else "")
