"""Records every access by a Python callback, by a probe and by a stream, and reports all three."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import Cpu, Scoreboard, Stream, events, instrument_memory, option, probe
from mttcg_bus.run_info import RunInfo

FIELDS = 5
MOST = 4096

by_stream = Stream("stream", events.ACCESS)
by_callback = Stream("callback", events.ACCESS)
by_probe = Stream("probe", events.ACCESS)
seen = Scoreboard("seen", 1 + FIELDS * MOST)
kept: list[tuple[int, ...]] = []


@dataclass(frozen=True)
class Options:
    cpu: int = option(0, help="vCPU to record")


@probe
def record(cpu, pc, address, size, value, write, words):
    at = 1 + FIELDS * words[0]
    words[at] = pc
    words[at + 1] = address
    words[at + 2] = value
    words[at + 3] = size
    words[at + 4] = write
    words[0] += 1


def on_access(cpu: Cpu, access: Any, _opaque: None) -> None:
    what = access.value, cpu.index, access.size, access.write
    kept.append((access.pc, access.address, *what, cpu.context))


def plugin_init(options: Options) -> bool:
    instrument_memory(options.cpu, by_stream)
    instrument_memory(options.cpu, on_access)
    instrument_memory(options.cpu, record, seen)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    if kept:
        by_callback.emit(cpu, np.array(kept, dtype=events.ACCESS))
    words = [int(word) for word in seen.values(cpu.index)]
    for number in range(words[0]):
        at = 1 + FIELDS * number
        pc, address, value, size, write = words[at : at + FIELDS]
        by_probe.emit(cpu, (pc, address, value, cpu.index, size, write, cpu.context))


class Aggregator(mttcg_bus.Aggregator):
    """Keeps the records, in order, by how they were recorded."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.records: dict[str, list[Any]] = defaultdict(list)

    def consume(self, stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        self.records[stream] += records.tolist()

    def report(self) -> dict[str, Any]:
        return dict(self.records)
