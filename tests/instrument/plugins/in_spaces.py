"""Counts what the guest `spaces` runs, by space, mode and place, in every way; see its test."""

import json
from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path

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
    mode_name,
    option,
    probe,
    symbol,
)

HERE, THERE, INNER = 0x4000_0000, 0x4000_2000, 0x4000_3000
ROWS = 8


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for what was found")
    places: bool = option(True, help="whether to attach to places")
    only: str | None = option(None, help="the one place to attach to, and nothing else")
    python: bool = option(True, help="whether to have callbacks")
    streams: bool = option(True, help="whether to have streams")


options: Options
calls: Tally[str] = Tally()
seen: Tally[str] = Tally()


@probe
def count(cpu, pc, words):
    words[0] += 1


@probe
def count_access(cpu, pc, address, size, value, write, words):
    words[write] += 1


def called(cpu: Cpu, name: str) -> None:
    calls[name] += 1
    seen[f"{cpu.pc:#x} {cpu.mode} {cpu.space:#x}"] += 1


def places() -> dict[str, tuple[int, dict[str, object]]]:
    """What is attached to one instruction: where, and in which contexts."""
    first, second = (symbol(f"root_{name}") >> 12 for name in ("first", "second"))
    return {
        "here": (HERE, {}),
        "here in first": (HERE, {"space": first}),
        "here in second": (HERE, {"space": second, "mode": "user"}),
        "there in second": (THERE, {"space": second}),
        "there as supervisor": (THERE, {"mode": "supervisor"}),
        "inner in first": (INNER, {"space": first, "mode": "supervisor"}),
        "inner": (INNER, {"mode": "supervisor"}),
        "first anywhere": (symbol("first"), {"physical": True}),
        "first in second": (symbol("first"), {"physical": True, "space": second}),
        "into": (symbol("into"), {"mode": "machine"}),
        "into as user": (symbol("into"), {"mode": "user"}),
    }


def scopes() -> dict[str, dict[str, object]]:
    first, second = (symbol(f"root_{name}") >> 12 for name in ("first", "second"))
    return {
        "first": {"space": first},
        "second": {"space": second},
        "user": {"mode": "user"},
        "supervisor": {"mode": "supervisor"},
        "machine": {"mode": "machine", "space": 0},
        "user in first": {"mode": "user", "space": first},
    }


counters: dict[str, Counter] = {}
boards: dict[str, Scoreboard] = {}


def plugin_init(given: Options) -> bool:
    global options
    options = given
    for name, (pc, where) in places().items() if options.places else ():
        if options.only not in (None, name):
            continue
        counters[name] = Counter(name)
        instrument(None, pc, counters[name], **where)
        counters[f"{name}, block"] = Counter(f"{name}, block")
        instrument_block(None, pc, counters[f"{name}, block"], **where)
        boards[name] = Scoreboard(f"{name}, probe", 1)
        instrument(None, pc, count, boards[name], **where)
        if options.python:
            instrument(None, pc, called, name, **where)
        if options.streams:
            spelt = name.replace(" ", "_")
            instrument(None, pc, Stream(f"at_{spelt}", events.INSTRUCTION), **where)
            longer = events.with_context(events.INSTRUCTION)
            instrument(None, pc, Stream(f"context_at_{spelt}", longer), **where)
    for name, where in scopes().items() if options.only is None else ():
        counters[f"instructions, {name}"] = Counter(f"instructions, {name}")
        instrument(None, None, counters[f"instructions, {name}"], **where)
        counters[f"blocks, {name}"] = Counter(f"blocks, {name}")
        instrument_block(None, None, counters[f"blocks, {name}"], **where)
        counters[f"accesses, {name}"] = Counter(f"accesses, {name}")
        instrument_memory(None, counters[f"accesses, {name}"], **where)
        boards[f"accesses, {name}"] = Scoreboard(f"accesses, {name}, probe", 2)
        instrument_memory(None, count_access, boards[f"accesses, {name}"], **where)
        if options.streams:
            spelt = name.replace(" ", "_")
            instrument_memory(None, Stream(f"accesses_{spelt}", events.ACCESS), **where)
    if options.streams and options.only is None:
        instrument_memory(None, Stream("every_access", events.ACCESS))
        instrument_block(None, None, Stream("blocks", events.with_context(events.BLOCK)))
        instrument(None, None, Stream("retired", events.with_context(events.RETIRED)))
        timed = events.with_context(events.TIMED_ACCESS)
        instrument_memory(None, Stream("timed", timed))
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    known = cpu.read_memory(symbol("known") + 64 * cpu.index, 8 * ROWS)
    line = {
        "cpu": cpu.index,
        "known": [int.from_bytes(known[8 * n : 8 * n + 8], "little") for n in range(ROWS)],
        "counters": {name: counter.value(cpu.index) for name, counter in counters.items()},
        "probes": {name: board.values(cpu.index).tolist() for name, board in boards.items()},
        "calls": calls,
        "seen": seen,
    }
    with options.out.open("a") as file:
        file.write(json.dumps(line) + "\n")


class Aggregator(mttcg_bus.Aggregator):
    """Counts records by stream and vCPU, and the contexts that accesses say they were in."""

    def __init__(self, options: Options, run) -> None:
        super().__init__(options, run)
        self.records: Tally[str] = Tally()
        self.contexts: Tally[str] = Tally()

    def consume(self, stream: str, cpu: int, records) -> None:
        self.records[f"{stream} {cpu}"] += len(records)
        if "context" in records.dtype.names:
            if "how" in records.dtype.names:
                records = records[records["size"] > 0]  # fences are no accesses
            keys = np.stack([records["pc"], records["context"].astype(np.uint64)], axis=1)
            unique, counts = np.unique(keys, axis=0, return_counts=True)
            for (pc, context), count in zip(unique, counts, strict=True):
                where = f"{mode_name(int(context))} {events.space_of(int(context)):#x}"
                self.contexts[f"{stream} {cpu} {int(pc):#x} {where}"] += int(count)

    def report(self):
        return {"records": dict(self.records), "contexts": dict(self.contexts)}
