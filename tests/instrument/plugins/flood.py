"""vCPU 0 makes a thousand changes for all vCPUs in one callback, until all are in force."""

import json
from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mttcg.instrument import Cpu, Ticket, instrument, option, symbol, uninstrument

STEPS, TIMES, VISITS = 256, 4, 3

tickets: list[Ticket] = []
called: Tally[int] = Tally()
late: list[int] = []
visits: list[int] = []


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for what was called, a line for each vCPU")


options: Options


def on_step(cpu: Cpu, number: int) -> None:
    called[number] += 1
    if number == STEPS * TIMES - 1:
        cpu.write_memory(symbol("words") + 8 * cpu.index, b"\1")


def all_were_there(cpu: Cpu) -> bool:
    """Whether every vCPU has called everything."""
    harts = int.from_bytes(cpu.read_memory(symbol("harts"), 8), "little")
    return all(cpu.read_memory(symbol("words"), 8 * harts)[::8])


def never(_cpu: Cpu, number: int) -> None:
    late.append(number)


def on_round(cpu: Cpu, _opaque: Any) -> None:
    if not tickets:
        for number in range(STEPS * TIMES):
            place = symbol("steps") + 4 * (number % STEPS)
            tickets.append(instrument(None, place, on_step, number))
        # taken away at once: on this vCPU in the same block, elsewhere by the order of changes
        instrument(None, symbol("steps"), never, 0)
        tickets.append(uninstrument(None, symbol("steps"), never, 0))
        instrument(None, symbol("steps"), never, 1)
        uninstrument(None, symbol("steps"), never, 1)
        instrument(None, symbol("steps"), never, 1)
        tickets.append(uninstrument(None, symbol("steps"), never, 1))
        late.clear()
    elif all(ticket.done for ticket in tickets):
        visits.append(1)
        if len(visits) >= VISITS and all_were_there(cpu):
            cpu.write_memory(symbol("stop"), b"\1")


def plugin_init(given: Options) -> bool:
    global options
    options = given
    instrument(0, symbol("round"), on_round)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    line = {"cpu": cpu.index, "sites": len(called), "least": min(called.values()), "late": late}
    line["visits"] = len(visits)
    with options.out.open("a") as file:
        file.write(json.dumps(line) + "\n")
