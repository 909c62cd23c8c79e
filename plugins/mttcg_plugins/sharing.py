"""Show cache lines that one vCPU writes and another touches: true and false sharing.

    mttcg run examples/guests/sharing.elf --smp 2 --set fault=1 --plugin sharing

    sharing: lines
      line        symbols         sharing   moves  true   false
      ─────────────────────────────────────────────────────────
      0x80084280  close_counters  false    20,008     4  20,004

    sharing: variables
      address     bytes  symbol              cpu0_reads  cpu0_writes  cpu1_reads  cpu1_writes
      ───────────────────────────────────────────────────────────────────────────────────────
      0x80084280      8  close_counters          10,002       10,001           0            0
      0x80084288      8  close_counters+0x8           2            1      10,000       10,000

`moves` is how often the line may have gone from one vCPU's cache to another's: of every two vCPUs,
the writes of the one or the accesses of the other, whichever are fewer. Of these, `true` are those
to bytes that both use, and `false` would not be if each variable had a line of its own. When the
accesses happened plays no role: of two vCPUs that use a line one after the other it says as much
as of two that fight for it. Lines with fewer than `least` moves are not listed.
With `space` or `mode` only what runs there counts, which is decided natively.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

import mttcg_bus
from mttcg.instrument import Stream, events, instrument_memory, option
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._counts.memory import memory_of
from mttcg_plugins._counts.pairs import PairCounts, add_up
from mttcg_plugins._counts.sharing import SharedLine, shared_lines
from mttcg_plugins._counts.sources import with_sources

WRITE_BIT, SIZE_SHIFT, PC_SHIFT = 1, 1, 8
"""Fields of the number that is counted beside an address: whether it is a write, bytes, pc."""


@dataclass(frozen=True)
class Options(InScope):
    """Options of sharing."""

    line: int = option(64, help="bytes of a cache line, a power of two")
    least: int = option(100, help="moves of a line to be listed")
    top: int = option(20, help="how many lines to list, 0 for all")

    def __post_init__(self) -> None:
        """Refuse lines that there can't be."""
        if self.line < 1 or self.line & (self.line - 1):
            raise ValueError(f"line={self.line} is not a power of two")


def plugin_init(options: Options) -> bool:
    """Record every access of every vCPU."""
    instrument_memory(None, Stream("access", events.ACCESS), **options.scope)
    return True


class Aggregator(mttcg_bus.Aggregator):
    """Counts accesses per vCPU, address, size and code; merging adds them up."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.memory = memory_of(run, options.space is not None)
        self.counts: dict[int, PairCounts] = defaultdict(PairCounts)
        self.merged: dict[int, list[Any]] = defaultdict(list)

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Count a batch; devices have no cache lines."""
        base, ram_size = self.memory
        inside = records["address"] - np.uint64(base) < np.uint64(ram_size)
        kept = records[inside & (records["size"] > 0)]
        size, write = kept["size"].astype(np.uint64), kept["write"].astype(np.uint64)
        how = kept["pc"] << np.uint64(PC_SHIFT) | size << np.uint64(SIZE_SHIFT) | write
        self.counts[cpu].add(kept["address"].copy(), how)

    def merge(self, other: Self) -> None:
        """Add another's counts."""
        super().merge(other)
        for cpu, found in other.accesses().items():
            self.merged[cpu].append(found)

    def accesses(self) -> dict[int, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """What each vCPU accessed: (address, how) rows, and how often."""
        return {
            cpu: add_up(*map(np.concatenate, zip(*parts, strict=True)))
            for cpu in sorted(self.counts.keys() | self.merged.keys())
            if (parts := self.merged[cpu] + [self.counts[cpu].found()])
        }

    def report(self) -> dict[str, Any]:
        """Totals, the lines with the most moves, and the variables and code behind them."""
        lines = shared_lines(self.accesses(), self.options.line)
        listed = sorted(
            (line for line in lines if line.moves >= self.options.least),
            key=lambda line: (-line.moves, line.start),
        )
        shown = listed[: self.options.top or None]
        return {
            "shared_lines": len(lines),
            "listed_lines": len(listed),
            "true": sum(line.true for line in lines),
            "false": sum(line.false for line in lines),
            "lines": [self._line(line) for line in shown],
            "variables": [row for line in shown for row in self._variables(line)],
            "code": with_sources(self.run, [row for line in shown for row in self._code(line)]),
        }

    def _line(self, line: SharedLine) -> dict[str, Any]:
        names = dict.fromkeys(self.run.symbol_and_offset(v.address)[0] for v in line.used)
        return {
            "line": hex(line.start),
            "symbols": " ".join(names),
            "sharing": line.sharing,
            "moves": line.moves,
            "true": line.true,
            "false": line.false,
        }

    def _variables(self, line: SharedLine) -> Iterator[dict[str, Any]]:
        """A row for each piece of the line that is accessed as one, but for hardly used ones."""
        for variable in line.used:
            row = {
                "address": hex(variable.address),
                "bytes": variable.size,
                "symbol": self.run.symbol_at(variable.address),
            }
            for cpu in sorted({*line.reads, *line.writes}):
                row[f"cpu{cpu}_reads"] = variable.reads.get(cpu, 0)
                row[f"cpu{cpu}_writes"] = variable.writes.get(cpu, 0)
            yield row

    def _code(self, line: SharedLine) -> Iterator[dict[str, Any]]:
        """A row for each instruction and vCPU with a hundredth of the line's accesses or more."""
        total = line.reads.total() + line.writes.total()
        for (pc, cpu), (reads, writes) in sorted(line.code.items()):
            if 100 * (reads + writes) < total:
                continue
            place = self.run.symbol_at(pc)
            row = {"line": hex(line.start), "pc": hex(pc), "symbol": place, "cpu": cpu}
            yield {**row, "reads": reads, "writes": writes}
