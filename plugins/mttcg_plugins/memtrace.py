"""Record every load and store: vCPU, pc, address, size, value, read or write.

    mttcg run examples/guests/hello.elf --plugin memtrace,out=trace.npy

The aggregator counts accesses per page, and writes the records to `out` as they come: a .npy file,
which numpy reads with `numpy.load("trace.npy", mmap_mode="r")` and polars with
`polars.from_numpy(...)`. A record is an `events.ACCESS`. Records of one vCPU are in its order;
those of several vCPUs interleave by batch. An AMO is a read and a write.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import Stream, events, instrument_memory, option
from mttcg_bus.run_info import RunInfo
from mttcg_plugins._files.npy import RecordFile

PAGE_SHIFT = 12
PLACES = 1 << 14
NO_KEY = np.uint64((1 << 64) - 1)


@dataclass(frozen=True)
class Options:
    """Options of memtrace."""

    out: Path | None = option(None, help="file (.npy) to write every record to")
    top: int = option(20, help="how many pages to report, 0 for all")


def plugin_init(_options: Options) -> bool:
    """Record every access of every vCPU."""
    instrument_memory(None, Stream("access", events.ACCESS))
    return True


class PageCounts:
    """Counts how often keys occur, batch by batch, without sorting.

    A key has a place in a table by its low bits; one that finds its place taken by another is
    counted apart, more slowly.
    """

    def __init__(self) -> None:
        self.keys = np.full(PLACES, NO_KEY)
        self.counts = np.zeros(PLACES, dtype=np.int64)
        self.others: dict[int, int] = defaultdict(int)

    def add(self, keys: "np.ndarray[Any, np.dtype[np.uint64]]") -> None:
        """Count a batch."""
        places = (keys & np.uint64(PLACES - 1)).astype(np.int64)
        free = self.keys[places] == NO_KEY
        if free.any():
            self.keys[places[free]] = keys[free]  # of several for one place, one
        homeless = self.keys[places] != keys
        if homeless.any():
            self._add_others(*np.unique(keys[homeless], return_counts=True))
            places = places[~homeless]
        self.counts += np.bincount(places, minlength=PLACES)

    def _add_others(self, keys: Any, counts: Any) -> None:
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            self.others[key] += count

    def totals(self) -> dict[int, int]:
        """How often each key occurred."""
        used = np.flatnonzero(self.counts)
        known = zip(self.keys[used].tolist(), self.counts[used].tolist(), strict=True)
        return dict(known) | self.others


class Aggregator(mttcg_bus.Aggregator):
    """Counts accesses per page, vCPU and direction; merging adds them up."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.counts: dict[int, PageCounts] = defaultdict(PageCounts)
        self.merged: dict[tuple[int, int, int], int] = defaultdict(int)
        self.file = RecordFile(options.out, events.ACCESS) if options.out else None

    def consume(self, _stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        """Count and write a batch."""
        keys = records["address"] >> np.uint64(PAGE_SHIFT) << np.uint64(1) | records["write"]
        self.counts[cpu].add(keys)
        if self.file is not None:
            self.file.append(records)

    def merge(self, other: mttcg_bus.Aggregator) -> None:
        """Add another's counts; files stay apart."""
        assert isinstance(other, Aggregator)
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
        if self.file is not None:
            self.file.close()
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
        if self.file is not None:
            report["file"] = str(self.options.out)
        return report

    def _symbol(self, page: int) -> str:
        """The symbol at the page's start, or the first in it."""
        start = page << PAGE_SHIFT
        inside = [s for s in self.run.symbols if start <= s[0] < start + (1 << PAGE_SHIFT)]
        return self.run.symbol_at(start) or (inside[0][2] if inside else "")
