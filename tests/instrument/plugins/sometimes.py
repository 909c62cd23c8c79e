"""Counts with conditions and once-only forms, beside the same without: one line a vCPU in `out`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mttcg.instrument import (
    Counter,
    Cpu,
    Scoreboard,
    When,
    instrument,
    instrument_block,
    instrument_memory,
    option,
    probe,
    symbol,
)

every_tenth, sums = Scoreboard("every_tenth", 1), Scoreboard("sums", 2)
blocks, tenths, first = Counter("blocks"), Counter("tenths"), Counter("first")
accesses, stores, first_access = Counter("accesses"), Counter("stores"), Counter("first_access")
long_blocks = Counter("long_blocks")
executed: set[int] = set()
seen: dict[str, list[int]] = {"tenth": [], "once": [], "at_main": [], "wide": []}


@dataclass(frozen=True)
class Options:
    """Options of sometimes."""

    out: Path = option(Path("lines"), help="file to append to")


options = Options()


@probe
def tenth(_cpu: Any, _pc: Any, _instructions: Any, words: Any) -> Any:
    words[0] += np.uint64(1)
    return words[0] % np.uint64(10) == np.uint64(0)


@probe
def is_write(
    _cpu: Any, _pc: Any, _address: Any, _size: Any, _value: Any, write: Any, _w: Any
) -> Any:
    return write


@probe
def is_wide(
    _cpu: Any, _pc: Any, _address: Any, size: Any, _value: Any, _write: Any, _w: Any
) -> Any:
    return size == np.uint64(8)


@probe
def is_long(_cpu: Any, _pc: Any, instructions: Any, _words: Any) -> Any:
    return instructions > np.uint64(4)


@probe
def add_up(_cpu: Any, _pc: Any, instructions: Any, words: Any) -> None:
    words[0] += instructions
    words[1] += np.uint64(1)


def on_each(_cpu: Cpu, block: Any, _opaque: object) -> None:
    executed.add(block.pc)


def on_tenth(_cpu: Cpu, block: Any, _opaque: object) -> None:
    seen["tenth"].append(block.pc)


def on_once(_cpu: Cpu, block: Any, _opaque: object) -> None:
    seen["once"].append(block.pc)


def on_main(cpu: Cpu, _opaque: object) -> None:
    seen["at_main"].append(cpu.pc)


def on_wide(_cpu: Cpu, access: Any, _opaque: object) -> None:
    seen["wide"].append(access.size)


def plugin_init(given: Options) -> bool:
    global options
    options = given
    instrument_block(None, None, blocks)
    instrument_block(None, None, on_each)
    instrument_block(None, None, tenths, when=When(tenth, every_tenth))
    instrument_block(None, None, on_tenth, when=When(tenth, Scoreboard("other_tenth", 1)))
    instrument_block(None, None, first, once=True)
    instrument_block(None, None, on_once, once=True)
    instrument_block(None, None, long_blocks, when=When(is_long))
    instrument_block(None, None, add_up, sums, when=When(is_long))
    instrument_memory(None, accesses)
    instrument_memory(None, stores, when=When(is_write))
    instrument_memory(None, on_wide, when=When(is_wide), once=True)
    instrument_memory(None, first_access, once=True)
    instrument(None, symbol("guest_main"), on_main, once=True)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    names = (blocks, tenths, first, accesses, stores, first_access, long_blocks)
    counts = {counter.name: counter.value(cpu.index) for counter in names}
    counts["executed_blocks"] = len(executed)
    counts["sums"] = sums.values(cpu.index).tolist()
    with options.out.open("a") as file:
        file.write(json.dumps({"cpu": cpu.index} | counts | seen) + "\n")
