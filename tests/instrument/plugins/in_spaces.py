"""Counts what the guest `spaces` runs, by space, mode and place, in every way; see its test."""

import json
from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path

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
            instrument(
                None, pc, Stream(f"at {name}".replace(" ", "_"), events.INSTRUCTION), **where
            )
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
            instrument_memory(
                None, Stream(f"accesses {name}".replace(" ", "_"), events.ACCESS), **where
            )
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

    def report(self):
        return {"records": dict(self.records)}
