"""Attaches one stream, and counters to compare it with, at many instructions of one page."""

from collections import Counter as Tally
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import Counter, Cpu, Stream, events, instrument, symbol
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records

FUNCTION, PLACES = "fibonacci", 20

passed = Stream("passed", events.INSTRUCTION)
counts = Stream("counts", np.dtype([("pc", "<u8"), ("count", "<u8")]))
counters = [Counter(f"at{number}") for number in range(PLACES)]


def place(number: int) -> int:
    return symbol(FUNCTION) + 2 * number


def plugin_init(_options: object) -> bool:
    for number, counter in enumerate(counters):
        instrument(None, place(number), passed)
        instrument(None, place(number), counter)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    for number, counter in enumerate(counters):
        counts.emit(cpu, (place(number), counter.value(cpu.index)))


class Aggregator(mttcg_bus.Aggregator):
    """Counts what came, by pc."""

    def __init__(self, options: Any, run: RunInfo) -> None:
        super().__init__(options, run)
        self.recorded: Tally[int] = Tally()
        self.counted: dict[int, int] = {}

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        if stream == "passed":
            self.recorded.update(records["pc"].tolist())
        else:
            self.counted |= {int(pc): int(count) for pc, count in records.tolist() if count}

    def report(self) -> dict[str, Any]:
        return {"recorded": dict(self.recorded), "counted": self.counted}
