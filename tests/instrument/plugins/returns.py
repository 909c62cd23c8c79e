"""Tells of each return: the function, what it returned, and what it was called with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mttcg.instrument import (
    Cpu,
    instrument,
    instrument_return,
    option,
    symbol,
    uninstrument_return,
)

FUNCTIONS = ("factorial", "outer", "inner", "even", "odd", "jumper", "plain", "worker")
told: list[Any] = []


@dataclass(frozen=True)
class Options:
    out: Path = option(help="where to write what was told")
    late: bool = option(default=False, help="attach when the guest has begun, in a callback")
    until: str = option(default="", help="take all away at the entry of a function")


def argument(cpu: Cpu, opaque: Any) -> Any:
    return opaque, cpu.read_register("a0")


def returned(cpu: Cpu, value: int, opaque: Any) -> None:
    name, given = opaque
    assert cpu.read_register("a0") == value
    told.append([name, given, value])


def without_entry(cpu: Cpu, value: int, opaque: Any) -> None:
    told.append([opaque, None, value])


def attach(cpu: Any, opaque: Any = None) -> None:
    for name in FUNCTIONS:
        instrument_return(cpu, symbol(name), returned, name, at_entry=argument)
    instrument_return(cpu, symbol("plain"), without_entry, "again")


def take_away(cpu: Cpu, opaque: Any) -> None:
    for name in FUNCTIONS:
        uninstrument_return(cpu, symbol(name), returned, name, at_entry=argument)


def plugin_init(options: Options) -> bool:
    global out
    out = options.out
    if options.late:
        instrument(0, symbol("_start"), attach)
    else:
        attach(0)
    if options.until:
        instrument(0, symbol(options.until), take_away)
    return True


def plugin_exit() -> None:
    if told:
        out.write_text(json.dumps(told))
