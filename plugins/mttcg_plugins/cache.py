"""Simulate data caches: private L1 and L2 of each vCPU, a last level for all, kept coherent (MESI).

    mttcg run examples/guests/caches.elf --smp 2 --set rounds=20 --plugin cache,l1=32K,l2=256K

    cache: code
      symbol         accesses  l1_misses  l2_misses  llc_misses  invalidations
      ────────────────────────────────────────────────────────────────────────
      walk_huge       262,148    262,145    262,145     262,145              0
      walk_large       65,540     65,537     65,537      16,384              0
      walk_middle       8,196      8,193      2,048       2,048              0
      walk_small        1,028        256        256         256              0
      play          2,332,726         40         40           1             39

An access is one of a line: one that lies in two lines counts twice, as does an atomic
read-modify-write. `invalidations` are lines that a vCPU lost since another wrote, or copies that
the code or data of a symbol took from others; `evicted_by_llc` those it lost since the last level
had no room; a write-back is what was written going one level down, the last level's to memory.
Caches give up what was used longest ago. Simulated are loads, stores and atomics in RAM, not the
fetching of instructions: an L1 for them would need a record of each block that runs, in the order
of the accesses. The time of a plain load may be earlier than that of the store whose value it got,
by what a core has in flight, so where no fence or atomic is between them, vCPUs that fight for a
line may be followed in another order, and a few invalidations be missing or too many. Records that
come too late (`late`) are followed where they came. It works in one process: `--shards` is refused.
With `space` or `mode` only what runs there counts, which is decided natively.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

import mttcg_bus
from mttcg.instrument import Stream, events, instrument_memory, option
from mttcg_bus.run_info import REACH_OF_UNSIZED, RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._caches.hierarchy import COUNTS, MOVED, SYMBOL_COUNTS, Hierarchy
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._counts.memory import memory_of
from mttcg_plugins._order.merging import InTimeOrder

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
LARGEST = 1 << 30
MOST_LINES = 1 << 24
"""Of one cache: as many as the largest has of 64 bytes; each takes 24 bytes of the host."""


def bytes_of(name: str, text: str) -> int:
    """Read a size such as 32K; ValueError names the option."""
    digits = text[:-1] if text[-1:].upper() in UNITS else text
    size = int(digits) * UNITS.get(text[-1:].upper(), 1) if digits.isdecimal() else 0
    if not 0 < size <= LARGEST:
        raise ValueError(f"{name}={text} is not a size; expected bytes, K, M or G, at most 1G")
    return size


@dataclass(frozen=True)
class Options(InScope):
    """Options of cache."""

    l1: str = option("32K", help="bytes of each vCPU's L1 data cache")
    l1_ways: int = option(8, help="ways of a set of it")
    l2: str = option("256K", help="bytes of each vCPU's L2 cache")
    l2_ways: int = option(8, help="ways of a set of it")
    llc: str = option("2M", help="bytes of the last level, which all vCPUs share")
    llc_ways: int = option(16, help="ways of a set of it")
    line: int = option(64, help="bytes of a line, a power of two")
    top: int = option(20, help="how many symbols to list, 0 for all")

    def __post_init__(self) -> None:
        """Refuse caches that there can't be."""
        if self.line < 1 or self.line & (self.line - 1):
            raise ValueError(f"line={self.line} is not a power of two")
        self.shapes()

    def shapes(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Sets and ways of each level; ValueError for one that there can't be."""
        return self._shape("l1"), self._shape("l2"), self._shape("llc")

    def _shape(self, level: str) -> tuple[int, int]:
        size, ways = bytes_of(level, getattr(self, level)), getattr(self, f"{level}_ways")
        if size > MOST_LINES * self.line:
            raise ValueError(f"{level}={size} with line={self.line} has over {MOST_LINES} lines")
        sets, rest = divmod(size, self.line * ways) if ways > 0 else (0, 0)
        if sets < 1 or rest or sets & (sets - 1):
            shape = f"{level}={size} with {level}_ways={ways} and line={self.line}"
            raise ValueError(f"{shape} is not a power of two of sets")
        return sets, ways


def plugin_init(options: Options) -> bool:
    """Record every access of every vCPU, and when."""
    instrument_memory(None, Stream("access", events.TIMED_ACCESS), **options.scope)
    return True


def boundaries(run: RunInfo) -> npt.NDArray[Any]:
    """Where symbols start and end, sorted, from 0."""
    ends = (start + (size or REACH_OF_UNSIZED) for start, size, _ in run.symbols)
    found = {0, *(start for start, _, _ in run.symbols), *ends}
    return np.array(sorted(place for place in found if place < 1 << 64), np.uint64)


class Aggregator(mttcg_bus.Aggregator):
    """Simulates the caches over all vCPUs' accesses in the order of time; merging adds counts."""

    in_shards: ClassVar[bool] = False
    local = frozenset({"order", "hierarchy", "starts"})

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.order = InTimeOrder(run.smp, run.ticks_per_second)
        self.starts, ram = boundaries(run), memory_of(run, options.space is not None)
        self.hierarchy = Hierarchy(run.smp, options.shapes(), options.line, ram, self.starts)
        self.late = 0
        self.counts = np.zeros(run.smp, COUNTS)
        self.data, self.code = np.zeros((2, len(self.starts)), SYMBOL_COUNTS)

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Take in a batch of one vCPU."""
        self._follow(self.order.add(cpu, records))

    def end(self) -> None:
        """Follow what was waited with."""
        self._follow(self.order.finish())

    def _follow(self, records: Records) -> None:
        """Simulate, and have the counts among what is sent and merged."""
        self.hierarchy.add(records)
        self.late += self.order.late
        self.order.late = 0
        for name in ("counts", "data", "code"):
            new = getattr(self.hierarchy, name)
            add(getattr(self, name), new)
            new[:] = 0

    def merge(self, other: Self) -> None:
        """Add another's counts."""
        super().merge(other)
        self.late += other.late
        for name in ("counts", "data", "code"):
            add(getattr(self, name), getattr(other, name))

    def report(self) -> dict[str, Any]:
        """Counts per vCPU; the data, and the code, with the most misses in L1."""
        vcpus, moved = [], []
        for cpu, row in enumerate(self.counts):
            counts = as_dict(row)
            total = counts["reads"] + counts["writes"]
            moved.append({"cpu": cpu} | {name: counts.pop(name) for name in MOVED})
            vcpus.append({"cpu": cpu, "accesses": total} | counts)
        total = sum(row["accesses"] for row in vcpus)
        tables = {"data": self._symbols(self.data), "code": self._symbols(self.code)}
        return {"accesses": total, "late": self.late, "vcpus": vcpus, "moved": moved, **tables}

    def _symbols(self, table: Records) -> list[dict[str, Any]]:
        """The rows with the most misses, then the most invalidations."""
        named: dict[str, npt.NDArray[Any]] = {}
        for row in np.flatnonzero(table["accesses"]):
            name = self.run.symbol_and_offset(int(self.starts[row]))[0]
            add(named.setdefault(name, np.zeros(1, SYMBOL_COUNTS)), table[row : row + 1])
        rows: list[dict[str, Any]] = [
            {"symbol": name, **as_dict(found[0])} for name, found in named.items()
        ]
        rows.sort(key=lambda row: (-row["l1_misses"], -row["invalidations"], row["symbol"]))
        return rows[: self.options.top or None]


def add(into: Records, more: Records) -> None:
    """Add counts, field by field."""
    for name in into.dtype.names or ():
        into[name] += more[name]


def as_dict(row: Any) -> dict[str, int]:
    """The counts of a row by name."""
    return {name: int(row[name]) for name in row.dtype.names}
