"""Records every access with its time, beside the same without it, and blocks and instructions.

With `mixed` a Python callback is attached as well, so that every record is a call.
"""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import mttcg_bus
from mttcg.instrument import (
    Cpu,
    Stream,
    clock_ticks,
    events,
    instrument,
    instrument_block,
    instrument_memory,
    option,
)
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records

MOMENT = [("ticks", "<u8"), ("nanoseconds", "<u8")]

accesses = Stream("access", events.ACCESS)
timed = Stream("timed", events.TIMED_ACCESS)
code = Stream("code", events.TIMED)
moments = Stream("moments", MOMENT)  # type: ignore[arg-type]
called = 0


@dataclass(frozen=True)
class Options:
    mixed: bool = option(False, help="attach a Python callback as well")


def plugin_init(options: Options) -> bool:
    instrument_memory(None, accesses)
    instrument_memory(None, timed)
    instrument_block(None, None, code)
    instrument(None, None, code)
    if options.mixed:
        instrument_memory(None, on_access)
    return True


def on_access(_cpu: Cpu, access: Any, _opaque: None) -> None:
    global called
    called += 1
    assert access.write in (False, True)


def look(cpu: Cpu) -> None:
    moments.emit(cpu, (clock_ticks(), time.monotonic_ns()))


def plugin_vcpu_start(cpu: Cpu) -> None:
    look(cpu)


def plugin_vcpu_exit(cpu: Cpu) -> None:
    look(cpu)
    if called:
        print(f"vCPU {cpu.index}: {called} calls")


class Aggregator(mttcg_bus.Aggregator):
    """Keeps the records, in order, by stream and vCPU."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.records: dict[str, list[Any]] = defaultdict(list)

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        self.records[f"{stream}{cpu}"] += records.tolist()

    def report(self) -> dict[str, Any]:
        return {"ticks_per_second": self.run.ticks_per_second, **self.records}
