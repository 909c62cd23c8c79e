"""Counts a function by its addresses; see the test of the guest `aliases`."""

import json
from dataclasses import dataclass
from pathlib import Path

from mttcg.instrument import Counter, Cpu, instrument, instrument_block, option, symbol

PLACES = {"one": 0x4000_1000, "other": 0x4000_2000, "physical": None}


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for what was found")
    places: str = option(help="which of PLACES")


options: Options
counters: dict[str, Counter] = {}


def plugin_init(given: Options) -> bool:
    global options
    options = given
    for name in given.places.split("+"):
        pc = PLACES[name]
        counters[name], counters[f"{name}, block"] = Counter(name), Counter(f"{name}, block")
        where = {"physical": True} if pc is None else {}
        pc = symbol("callee") if pc is None else pc
        instrument(None, pc, counters[name], **where)
        instrument_block(None, pc, counters[f"{name}, block"], **where)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    known = cpu.read_memory(symbol("known"), 16)
    line = {
        "cpu": cpu.index,
        "known": [int.from_bytes(known[:8], "little"), int.from_bytes(known[8:], "little")],
        "counters": {name: counter.value(cpu.index) for name, counter in counters.items()},
    }
    options.out.write_text(json.dumps(line) + "\n")
