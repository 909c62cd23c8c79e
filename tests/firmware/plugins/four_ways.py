"""Counts the calls of some functions of a kernel by counter, callback, probe and event."""

from collections import Counter as Tally
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Counter,
    Cpu,
    Scoreboard,
    Stream,
    events,
    instrument,
    probe,
    symbol,
)
from mttcg_bus.run_info import RunInfo

FUNCTIONS = ("vfs_read", "handle_mm_fault", "do_sys_openat2", "schedule_idle")
CALLED = np.dtype([("called", "<u8"), ("probed", "<u8")])

totals = Stream("totals", CALLED)
probed = Scoreboard("probed", 1)
called: Tally[int] = Tally()


@probe
def count(cpu, pc, words):
    words[0] += 1


def on_function(cpu: Cpu, _opaque: Any) -> None:
    called[cpu.index] += 1


def plugin_init(_options: Any) -> bool:
    counter, event = Counter("counted"), Stream("event", events.INSTRUCTION)
    for function in FUNCTIONS:
        place = symbol(function)
        instrument(None, place, counter)
        instrument(None, place, on_function)
        instrument(None, place, count, probed)
        instrument(None, place, event)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    totals.emit(cpu, (called[cpu.index], int(probed.values(cpu.index)[0])))


class Aggregator(mttcg_bus.Aggregator):
    """Counts events; passes on what arrives in `totals`."""

    def __init__(self, options: Any, run: RunInfo) -> None:
        super().__init__(options, run)
        self.counts: dict[int, Tally[str]] = {}

    def consume(self, stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        counts = self.counts.setdefault(cpu, Tally())
        if stream == "event":
            counts["sent"] += len(records)
            return
        for name in CALLED.names or ():
            counts[name] += int(records[name].sum())

    def report(self) -> dict[str, Any]:
        return {"found": {str(cpu): dict(counts) for cpu, counts in self.counts.items()}}
