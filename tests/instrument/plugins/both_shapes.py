"""Both shapes of the 2018 proposals in one file, each counting every instruction."""

import json
from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path

from mttcg.instrument import Cpu, instrument, option

OPAQUE = ("anything", 2018)


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for the counts, a line for each vCPU")


options: Options
counts: Tally[str] = Tally()
shown: Tally[int] = Tally()
asked: Tally[int] = Tally()


def plugin_init(given: Options) -> bool:
    global options
    options = given
    return True


def callback(cpu: Cpu, opaque: tuple[str, int]) -> None:
    assert opaque is OPAQUE
    assert cpu.pc in shown
    counts["instrumented"] += 1


def plugin_pre_translate(cpu: Cpu, pc: int) -> None:
    shown[pc] += 1
    instrument(cpu, pc, callback, OPAQUE)


def plugin_needs_before_insn(pc: int, cpu: Cpu) -> bool:
    asked[pc] += 1
    return pc % 4 == 0


def plugin_before_insn(pc: int, cpu: Cpu) -> None:
    assert pc == cpu.pc
    assert pc % 4 == 0
    counts["before"] += 1


def plugin_trap(_cpu: Cpu, cause: int, _pc: int, interrupt: bool) -> None:
    counts["no instruction"] += cause == 1 and not interrupt


def plugin_vcpu_exit(cpu: Cpu) -> None:
    line = {"cpu": cpu.index} | counts | {"shown": shown.total(), "pcs": len(shown)}
    line |= {"asked": asked.total(), "asked_pcs": len(asked)}
    with options.out.open("a") as file:
        file.write(json.dumps(line) + "\n")
