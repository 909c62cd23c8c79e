r"""Count the calls of chosen functions of the guest's kernel, and how long they take.

    mttcg run --kernel Image --initrd initrd.cpio.gz --memory 256M --smp 2 \
        --append 'console=ttyS0 run="cat /etc/passwd"' --plugin kfuncs,functions=vfs_*

    function    calls  returned  time_us  mean_us  longest_us  instructions
    ────────────────────────────────────────────────────────────────────────
    vfs_read      117       117   23,311      199      14,101     1,204,331
    vfs_statx     104       104   18,442      177         688       351,123

`functions` is a pattern as of a shell, or several with a plus between them. Whatever runs between
call and return counts: what the function calls, interrupts, and others where it waits. `calls` are
exact; a function that returns on another vCPU than it was called on, and one that does not, is not
among the `returned`, to which the times belong. Each call costs some tenths of a millisecond.
Functions of other guests than kernels can be chosen as well.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Counter,
    Cpu,
    OptionRefusedError,
    Stream,
    clock_ticks,
    instrument,
    instrument_return,
    option,
    symbols,
)
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records

CALLED, RETURNED = range(2)
RECORD = np.dtype(
    [
        ("function", "<u8"),
        ("time", "<u8"),
        ("ticks", "<u8"),
        ("instructions", "<u8"),
        ("cpu", "<u4"),
        ("what", "<u4"),
    ]
)
"""A function was called, or has returned: with how long it took, and how much ran meanwhile."""
MOST = 2000
"""Functions."""
TEXT = ("_stext", "_etext")
"""Symbols of a kernel: its functions are between them."""


@dataclass(frozen=True)
class Options:
    """Options of kfuncs."""

    functions: str = option(help="names of functions, as vfs_* or vfs_read+vfs_write")
    top: int = option(20, help="how many functions to report, 0 for all")


calls: Stream
instructions: Counter


def chosen(patterns: str) -> dict[str, int]:
    """Addresses of the functions that patterns name; raises OptionRefusedError."""
    found = {n: a for pattern in patterns.split("+") for n, a in symbols(pattern).items()}
    places = [symbols(name).get(name) for name in TEXT]
    first, last = places
    if first is not None and last is not None:
        found = {name: address for name, address in found.items() if first <= address < last}
    if not 0 < len(found) <= MOST:
        expected = f"1 to {MOST:,} functions of the guest"
        raise OptionRefusedError("functions", f"{patterns} is {len(found):,} of them", expected)
    return found


def plugin_init(options: Options) -> bool:
    """Meet each function, and its returns."""
    global calls, instructions
    calls, instructions = Stream("calls", RECORD), Counter("instructions")
    instrument(None, None, instructions)
    for address in sorted(set(chosen(options.functions).values())):
        instrument_return(None, address, on_return, address, at_entry=on_entry)
    return True


def on_entry(cpu: Cpu, function: int) -> tuple[int, int, int]:
    """A function begins; what is known then goes to its return."""
    time, count = clock_ticks(), instructions.value(cpu.index)
    calls.emit(cpu, (function, time, 0, 0, cpu.index, CALLED))
    return function, time, count


def on_return(cpu: Cpu, _value: int, begun: tuple[int, int, int]) -> None:
    """It has returned."""
    now = clock_ticks()
    function, time, count = begun
    ran = instructions.value(cpu.index) - count
    calls.emit(cpu, (function, now, now - time, ran, cpu.index, RETURNED))


@dataclass
class Sums:
    """What the calls of a function come to."""

    calls: int = 0
    returned: int = 0
    ticks: int = 0
    longest: int = 0
    instructions: int = 0


class Aggregator(mttcg_bus.Aggregator):
    """Adds up calls by function; merging adds those of others."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.sums: dict[int, Sums] = defaultdict(Sums)

    def consume(self, _stream: str, _cpu: int, records: Records) -> None:
        """Add a batch of one vCPU."""
        for function in np.unique(records["function"]).tolist():
            sums, its = self.sums[function], records[records["function"] == function]
            returned = its[its["what"] == RETURNED]
            sums.calls += len(its) - len(returned)
            sums.returned += len(returned)
            sums.ticks += int(returned["ticks"].sum())
            sums.instructions += int(returned["instructions"].sum())
            sums.longest = max(sums.longest, int(returned["ticks"].max(initial=0)))

    def merge(self, other: Self) -> None:
        """Add another's sums."""
        super().merge(other)
        for function, theirs in other.sums.items():
            sums = self.sums[function]
            sums.calls += theirs.calls
            sums.returned += theirs.returned
            sums.ticks += theirs.ticks
            sums.instructions += theirs.instructions
            sums.longest = max(sums.longest, theirs.longest)

    def report(self) -> dict[str, Any]:
        """The functions that were called, those first that took longest."""
        order = sorted(self.sums, key=lambda each: (-self.sums[each].ticks, each))
        rows = [self._row(function) for function in order[: self.options.top or None]]
        return {
            "functions": len(order),
            "calls": sum(each.calls for each in self.sums.values()),
            "by function": rows,
        }

    def _row(self, function: int) -> dict[str, Any]:
        sums, micro = self.sums[function], 1e6 / (self.run.ticks_per_second or 1e6)
        return {
            "function": self.run.symbol_at(function) or hex(function),
            "calls": sums.calls,
            "returned": sums.returned,
            "time_us": round(sums.ticks * micro),
            "mean_us": round(sums.ticks * micro / (sums.returned or 1)),
            "longest_us": round(sums.longest * micro),
            "instructions": sums.instructions,
        }
