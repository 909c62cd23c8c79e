"""Notes in which order plugins are called at one instruction: the guest's t6 counts the calls."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mttcg.instrument import Cpu, instrument, option, symbol

numbers: list[int] = []


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for the numbers of the calls")
    when: Literal["init", "translation", "run"] = option("init", help="when to attach")


options: Options


def on_step(cpu: Cpu, _opaque: Any) -> None:
    numbers.append(cpu.read_register("t6"))
    cpu.write_register("t6", numbers[-1] + 1)


def attach() -> None:
    instrument(0, symbol("steps"), on_step)


def on_round(_cpu: Cpu, function: Callable[[], None]) -> None:
    function()


def plugin_init(given: Options) -> bool:
    global options
    options = given
    if given.when == "init":
        attach()
    if given.when == "run":
        instrument(0, symbol("round"), on_round, attach)
    return True


def plugin_pre_translate(_cpu: Cpu, pc: int) -> None:
    if options.when == "translation" and pc == symbol("steps"):
        attach()


def plugin_vcpu_exit(_cpu: Cpu) -> None:
    options.out.write_text(json.dumps(numbers))
