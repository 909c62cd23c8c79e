"""Show contended atomics and spin loops, by address and symbol, and how long each vCPU waits.

    mttcg run examples/guests/locks.elf --smp 2 --set fault=1 --plugin locks

    locks: vcpus
      cpu  waits      looks  waited_us  longest_us
      ────────────────────────────────────────────
        0     80    579,337  1,425,347     959,481
        1     71  1,540,127  1,508,371     996,235

    locks: locks
      address     symbol          atomics  changed  failed  taken  waits    looks  waited_us  ...
      ─────────────────────────────────────────────────────────────────────────────────────────
      0x80082100  meeting+0x80          0        0       0      0     80  129,873  1,436,197
      0x80082200  swap_locks           80        0       0      0     20  863,071  1,177,643
      0x80086200  reservation_lo       40       39       0      0     20  615,070    164,645
                  cks

    locks: places
      lock               code              cpu  atomics  changed  failed  taken  waits  waited_us
      ───────────────────────────────────────────────────────────────────────────────────────────
      meeting+0x80       barrier+0x6e        0        0        0       0      0     49  1,270,115
      swap_locks         guest_main+0x102    1        0        0       0      0     20  1,177,643
      reservation_locks  guest_main+0xac     1        0       39       0      0     20    164,645

A vCPU *waits* while it looks at one place in a loop, and at nothing else in RAM: by loads, also
load-reserved, store-conditionals that fail, or read-modify-writes that find the place taken (not 0)
and leave it so. It waits from the first look to the last, or to the atomic that changed the place.
`taken` and `failed` count such read-modify-writes and store-conditionals, `atomics` those that did
store, and `changed` how often an atomic found another value than the one that this vCPU had left
there. A loop that looks at one place for another reason counts as well; one that keeps its counter
on the stack does not. Times are those of a run that is recorded.
With `space` or `mode` only what runs there counts, which is decided natively.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import mttcg_bus
from mttcg.instrument import Stream, events, instrument_memory, option
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._counts.memory import memory_of
from mttcg_plugins._counts.sources import lines_of
from mttcg_plugins._counts.waiting import SUMS, Follower

Key = tuple[int, int, int]
"""Address, pc, vCPU."""


@dataclass(frozen=True)
class Options(InScope):
    """Options of locks."""

    top: int = option(20, help="how many addresses to list, 0 for all")


def plugin_init(options: Options) -> bool:
    """Record every access of every vCPU, with its time."""
    instrument_memory(None, Stream("access", events.TIMED_ACCESS), **options.scope)
    return True


class Aggregator(mttcg_bus.Aggregator):
    """Follows each vCPU by itself; merging adds up what was found by address, code and vCPU."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.memory = memory_of(run, options.space is not None)
        self.followers: dict[int, Follower] = defaultdict(Follower)
        self.merged: dict[Key, dict[str, int]] = {}

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Follow a vCPU."""
        self.followers[cpu].add(records, *self.memory)

    def merge(self, other: Self) -> None:
        """Add what another has found."""
        super().merge(other)
        for key, row in other.found().items():
            add(self.merged, key, row)

    def found(self) -> dict[Key, dict[str, int]]:
        """The counts by address, pc and vCPU."""
        found = {key: dict(row) for key, row in self.merged.items()}
        for cpu, follower in self.followers.items():
            for row in follower.rows():
                counts = {name: int(row[name]) for name in (*SUMS, "longest")}
                add(found, (int(row["address"]), int(row["pc"]), cpu), counts)
        return found

    def report(self) -> dict[str, Any]:
        """The addresses that were contended, those waited for longest first; waits per vCPU."""
        found = self.found()
        addresses: dict[int, dict[str, int]] = {}
        cpus: dict[int, dict[str, int]] = {}
        for (address, _, cpu), row in found.items():
            add(addresses, address, row)
            add(cpus, cpu, row)
        contended = [a for a, row in addresses.items() if is_contended(row)]
        contended.sort(key=lambda a: (-addresses[a]["ticks"], -addresses[a]["changed"], a))
        shown = contended[: self.options.top or None]
        return {
            "addresses": len(addresses),
            "contended": len(contended),
            "vcpus": [{"cpu": cpu, **self._times(cpus[cpu])} for cpu in sorted(cpus)],
            "locks": [
                {"address": hex(address), "symbol": self.run.symbol_at(address)}
                | {name: addresses[address][name] for name in SUMS[:4]}
                | self._times(addresses[address])
                for address in shown
            ],
            "places": list(self._places(shown, found)),
        }

    def _places(self, shown: list[int], found: dict[Key, dict[str, int]]) -> Iterator[Any]:
        """Where each of the addresses was contended, and on which vCPU."""
        order = {address: number for number, address in enumerate(shown)}
        lines, _ = lines_of(self.run, {pc for address, pc, _ in found if address in order})
        for address, pc, cpu in sorted(key for key in found if key[0] in order):
            row = found[address, pc, cpu]
            if is_contended(row):
                yield {
                    "lock": self.run.symbol_at(address) or hex(address),
                    "code": f"{self.run.symbol_at(pc) or hex(pc)} {lines[pc]}".strip(),
                    "cpu": cpu,
                    **{name: row[name] for name in SUMS[:-2]},
                    "waited_us": self._times(row)["waited_us"],
                }

    def _times(self, row: dict[str, int]) -> dict[str, Any]:
        """The waits of a row, with times in microseconds."""
        micro = 1e6 / (self.run.ticks_per_second or 1)
        return {
            "waits": row["waits"],
            "looks": row["looks"],
            "waited_us": round(row["ticks"] * micro),
            "longest_us": round(row["longest"] * micro),
        }


def add(rows: dict[Any, dict[str, int]], key: Any, row: dict[str, int]) -> None:
    """Add a row's counts to those at a key."""
    sums = rows.setdefault(key, dict.fromkeys((*SUMS, "longest"), 0))
    for name in SUMS:
        sums[name] += row[name]
    sums["longest"] = max(sums["longest"], row["longest"])


def is_contended(row: dict[str, int]) -> bool:
    """Whether somebody waited there, was in another's way, or came after another."""
    return any(row[name] for name in ("waits", "failed", "taken", "changed"))
