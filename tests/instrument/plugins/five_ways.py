"""Counts instructions, blocks and accesses in every way there is, all at once.

`Counter`s report by themselves; Python callbacks and probes are read when their vCPU ends and go
out through the stream `totals`; the streams `instruction`, `block` and `access` carry an event
each, which the aggregator counts. Traps are counted by cause, as an instruction that traps was
begun but does not retire.
"""

from collections import Counter as Tally
from collections import defaultdict
from dataclasses import dataclass
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
    instrument_block,
    instrument_memory,
    option,
    probe,
)
from mttcg_bus.run_info import RunInfo

TOTAL = np.dtype([("what", "S24"), ("count", "<u8")])
INSTRUCTIONS, BLOCKS, INSIDE_BLOCKS, ACCESSES = range(4)

totals = Stream("totals", TOTAL)
probed = Scoreboard("probed", 4)
called: Tally[str] = Tally()


@dataclass(frozen=True)
class Options:
    python: bool = option(True, help="count by Python callback as well")
    bus: bool = option(True, help="send an event for each as well")


@probe
def probe_instruction(cpu, pc, words):
    words[INSTRUCTIONS] += 1


@probe
def probe_block(cpu, pc, instructions, words):
    words[BLOCKS] += 1
    words[INSIDE_BLOCKS] += instructions


@probe
def probe_access(cpu, pc, address, size, value, write, words):
    words[ACCESSES] += 1


def on_instruction(_cpu: Cpu, _opaque: Any) -> None:
    called["instructions"] += 1


def on_block(_cpu: Cpu, block: Any, _opaque: Any) -> None:
    called["blocks"] += 1
    called["inside"] += block.instructions


def on_access(_cpu: Cpu, _access: Any, _opaque: Any) -> None:
    called["accesses"] += 1


def plugin_init(options: Options) -> bool:
    instrument(None, None, Counter("instructions"))
    instrument_block(None, None, Counter("blocks"))
    instrument_memory(None, Counter("accesses"))
    instrument(None, None, probe_instruction, probed)
    instrument_block(None, None, probe_block, probed)
    instrument_memory(None, probe_access, probed)
    if options.python:
        instrument(None, None, on_instruction)
        instrument_block(None, None, on_block)
        instrument_memory(None, on_access)
    if options.bus:
        instrument(None, None, Stream("instruction", events.INSTRUCTION))
        instrument_block(None, None, Stream("block", events.BLOCK))
        instrument_memory(None, Stream("access", events.ACCESS))
    return True


def plugin_trap(_cpu: Cpu, cause: int, _pc: int, interrupt: bool) -> None:
    called[f"interrupt {cause}" if interrupt else f"trap {cause}"] += 1


def plugin_vcpu_exit(cpu: Cpu) -> None:
    words = probed.values(cpu.index)
    for what, count in called.items():
        totals.emit(cpu, (f"called {what}", count))
    for what, word in (
        ("instructions", INSTRUCTIONS),
        ("blocks", BLOCKS),
        ("inside", INSIDE_BLOCKS),
        ("accesses", ACCESSES),
    ):
        totals.emit(cpu, (f"probed {what}", int(words[word])))


class Aggregator(mttcg_bus.Aggregator):
    """Counts events; passes on what arrives in `totals`."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.counts: dict[int, Tally[str]] = defaultdict(Tally)

    def consume(self, stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        counts = self.counts[cpu]
        if stream == "totals":
            for record in records:
                counts[record["what"].decode()] += int(record["count"])
            return
        counts[f"{stream} events"] += len(records)
        counts[f"{stream} events of others"] += int(np.count_nonzero(records["cpu"] != cpu))
        if stream == "block":
            counts["events inside"] += int(records["instructions"].sum())

    def report(self) -> dict[str, Any]:
        return {"found": {str(cpu): dict(counts) for cpu, counts in self.counts.items()}}
