"""Attaches for one vCPU and for all, before the start and while code is found."""

import json
from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path

from mttcg.instrument import Cpu, instrument, option, symbol

called: Tally[str] = Tally()
shown: Tally[int] = Tally()


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for what was called, a line for each vCPU")


options: Options


def on_step(_cpu: Cpu, opaque: str) -> None:
    called[opaque] += 1


def step(number: int) -> int:
    return symbol("steps") + 4 * number


def plugin_init(given: Options) -> bool:
    global options
    options = given
    for _ in range(2):
        instrument(1, step(0), on_step, "init, vCPU 1")
        instrument(None, step(0), on_step, "init, all")
        instrument(None, step(0), on_step, "init, all, another")
    return True


def plugin_pre_translate(cpu: Cpu, pc: int) -> None:
    shown[pc] += 1
    if pc == step(1):
        instrument(1, pc, on_step, "translation, vCPU 1")
        instrument(None, pc, on_step, "translation, all")
        instrument(cpu, pc, on_step, "translation, own")
        instrument(cpu, pc, lambda _cpu, opaque: on_step(_cpu, opaque), "translation, lambda")
    if pc == symbol("end"):
        instrument(cpu, pc, on_step, "end")


def plugin_vcpu_exit(cpu: Cpu) -> None:
    line = {"cpu": cpu.index, "called": called, "most_shown": max(shown.values())}
    with options.out.open("a") as file:
        file.write(json.dumps(line) + "\n")
