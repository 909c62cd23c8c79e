"""Notes everything that plugins are told of a vCPU's life."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mttcg.instrument import Cpu, option


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for what was told, a line for each vCPU")


options: Options
told: list[Any] = [["init", os.getpid()]]


def note(what: str, cpu: Cpu, *arguments: Any) -> None:
    told.append([what, cpu.pc, cpu.read_register("sp"), *arguments])


def plugin_init(given: Options) -> bool:
    global options
    options = given
    return True


def plugin_vcpu_start(cpu: Cpu) -> None:
    told.append(["start", cpu.pc, cpu.read_register("a0"), cpu.read_register("a1"), os.getpid()])


def plugin_vcpu_idle(cpu: Cpu) -> None:
    note("idle", cpu)


def plugin_vcpu_resume(cpu: Cpu) -> None:
    note("resume", cpu)


def plugin_trap(cpu: Cpu, cause: int, pc: int, interrupt: bool) -> None:
    note("trap", cpu, cause, pc, interrupt)


def plugin_mmio(cpu: Cpu, device: str, address: int, size: int, value: int, write: bool) -> None:
    note("mmio", cpu, device, address, size, value, write)


def plugin_vcpu_exit(cpu: Cpu) -> None:
    note("exit", cpu)
    told.append(["index", cpu.index])


def plugin_exit() -> None:
    told.append(["end", os.getpid()])
    cpu = next(line[1] for line in told if line[0] == "index")
    with options.out.open("a") as file:
        file.write(json.dumps({"cpu": cpu, "told": told}) + "\n")
