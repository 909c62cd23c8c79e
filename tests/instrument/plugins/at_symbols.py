"""Counts the executions of instructions, and of blocks, that begin at symbols."""

import json
from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mttcg.instrument import Cpu, instrument, instrument_block, option, symbol

called: Tally[str] = Tally()


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for the counts, a line for each vCPU")
    names: str = option(help="the symbols, with + between them")


options: Options


def on_instruction(_cpu: Cpu, name: str) -> None:
    called[name] += 1


def on_block(_cpu: Cpu, _block: Any, name: str) -> None:
    called[f"block {name}"] += 1


def plugin_init(given: Options) -> bool:
    global options
    options = given
    for name in given.names.split("+"):
        instrument(None, symbol(name), on_instruction, name)
        instrument_block(None, symbol(name), on_block, name)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    with options.out.open("a") as file:
        file.write(json.dumps({"cpu": cpu.index} | called) + "\n")
