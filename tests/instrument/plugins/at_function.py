"""Attach at a function, or at an address: before the start, or late, when the guest has begun."""

import json
from dataclasses import dataclass
from pathlib import Path

from mttcg.instrument import Counter, Cpu, instrument, instrument_block, option, symbol


@dataclass(frozen=True)
class Options:
    function: str = option("_start", help="name of a symbol")
    address: int = option(0, help="where to attach in its place, if not 0")
    late: bool = option(False, help="attach when a vCPU starts")
    out: Path | None = option(None, help="file for where it is, and the 8 bytes there at the end")


options: Options
calls: Counter
blocks: Counter


def plugin_init(given: Options) -> None:
    global options, calls, blocks
    options, calls, blocks = given, Counter("calls"), Counter("blocks")
    if not options.late:
        attach(None)


def attach(cpu: Cpu | None) -> None:
    place = options.address or symbol(options.function)
    instrument(cpu, place, calls)
    instrument_block(cpu, place, blocks)


def plugin_vcpu_start(cpu: Cpu) -> None:
    if options.late:
        attach(cpu)


def plugin_vcpu_exit(cpu: Cpu) -> None:
    if options.out is not None and cpu.index == 0:
        place = symbol(options.function)
        found = {"address": place, "bytes": cpu.read_memory(place, 8).hex()}
        options.out.write_text(json.dumps(found))
