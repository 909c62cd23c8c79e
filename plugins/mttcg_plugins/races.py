"""Show accesses to the same bytes by different vCPUs, of which neither was before the other.

    mttcg run examples/guests/races.elf --smp 2 --set fault=1 --plugin races

    races: races
      address     symbol         first                    second                   accesses
      0x80082300  raced_counter  count_without_lock+0x16  count_without_lock+0xe   store, load   ...
                                 races.c:16               races.c:16
      0x80082300  raced_counter  count_without_lock+0x16  count_without_lock+0x16  store, store  ...
                                 races.c:16               races.c:16

What orders accesses are atomics that acquire and release, fences with the stores and loads beside
them, and interrupts by other vCPUs. A place that an atomic was ever used on is not looked at; nor
is a store right behind a fence and the loads that it is for. A reader that relies on a dependency
instead of a fence is taken for unordered. An access is reported with the latest of each vCPU that
it is in no order with. Pairs of instructions beyond the first 1,024 are counted only (`unlisted`);
records that come too late (`late`) make everything before them count as ordered. Lines are those of
the guest's debug information (-g). It works in one process: `--shards` is refused.
"""

from typing import Any, ClassVar, Self

import mttcg_bus
from mttcg.instrument import (
    Cpu,
    Stream,
    clock_ticks,
    events,
    instrument_memory,
    is_interprocessor,
)
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.sources import lines_of
from mttcg_plugins._order.history import History
from mttcg_plugins._order.merging import InTimeOrder

KINDS = {1: "store, load", 2: "load, store", 3: "store, store"}
accesses: Stream


def plugin_init(_options: object) -> bool:
    """Record every access, atomic and fence of every vCPU."""
    global accesses
    accesses = Stream("access", events.TIMED_ACCESS)
    instrument_memory(None, accesses)
    return True


def plugin_trap(cpu: Cpu, cause: int, pc: int, interrupt: bool) -> None:
    """Put an interrupt by another vCPU among the accesses."""
    if interrupt and is_interprocessor(cause):
        record = (pc, 0, cause, clock_ticks(), cpu.index, 0, events.INTERRUPT, 0)
        accesses.emit(cpu, record)


class Aggregator(mttcg_bus.Aggregator):
    """Follows all vCPUs in the order of time; merging adds up what was found."""

    in_shards: ClassVar[bool] = False
    local = frozenset({"order", "history"})

    def __init__(self, options: Any, run: RunInfo) -> None:
        super().__init__(options, run)
        self.order = InTimeOrder(run.smp, run.ticks_per_second)
        self.history = History(run.smp, run.ram_base, run.ram_size, run.interprocessor)
        self.late = 0
        self.merged: dict[tuple[int, int, int], list[int]] = {}

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Take in a batch of one vCPU."""
        self._follow(self.order.add(cpu, records))

    def lost(self, stream: str, cpu: int, count: int) -> None:
        """What is missing may have been what ordered the rest."""
        super().lost(stream, cpu, count)
        self.history.order_all()

    def end(self) -> None:
        """Follow what was waited with."""
        self._follow(self.order.finish())

    def _follow(self, records: Records) -> None:
        if self.order.late > self.late:
            self.late = self.order.late
            self.history.order_all()
        self.history.add(records)

    def merge(self, other: Self) -> None:
        """Add another's races."""
        super().merge(other)
        self.late += other.late
        for key, (address, count) in other.found().items():
            add(self.merged, key, address, count)

    def found(self) -> dict[tuple[int, int, int], list[int]]:
        """Where two instructions met first, and how often, by their pcs and kinds."""
        found = {key: list(value) for key, value in self.merged.items()}
        for first, second, address, count, how in self.history.found().tolist():
            add(found, (first, second, how), address, count)
        return found

    def report(self) -> dict[str, Any]:
        """The pairs of instructions, those that met most often first."""
        found = sorted(self.found().items(), key=lambda item: (-item[1][1], item[0]))
        lines, missing = lines_of(self.run, (pc for (*pair, _), _ in found for pc in pair))
        rows = [
            {
                "address": hex(address),
                "symbol": self.run.symbol_at(address),
                "first": f"{self.run.symbol_at(first) or hex(first)} {lines[first]}".strip(),
                "second": f"{self.run.symbol_at(second) or hex(second)} {lines[second]}".strip(),
                "accesses": KINDS[how],
                "times": count,
            }
            for (first, second, how), (address, count) in found
        ]
        totals = {"pairs": len(rows), "unlisted": self.history.unlisted, "late": self.late}
        return totals | ({"no lines": missing} if missing else {}) | {"races": rows}


def add(found: dict[Any, list[int]], key: Any, address: int, count: int) -> None:
    """Count a pair of instructions."""
    known = found.setdefault(key, [address, 0])
    known[0], known[1] = min(known[0], address), known[1] + count
