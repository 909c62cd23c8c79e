"""Follows calls, and counts instructions, of the guest `coroutines`; see its test."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mttcg_bus
from mttcg.instrument import (
    BlockTable,
    Counter,
    Cpu,
    Stream,
    events,
    instrument,
    instrument_block,
    instrument_return,
    option,
    symbol,
)

HERE = 0x4000_0000


@dataclass(frozen=True)
class Options:
    out: Path | None = option(None, help="file for the calls that have returned")
    within: str | None = option(None, help="follow calls in this space only: first or second")
    tables: bool = option(False, help="whether to count")
    once: bool = option(False, help="whether to count each block once, which tables refuse")


options: Options
returned: list[tuple[int, int, int, int]] = []


def entered(cpu: Cpu, _opaque: object) -> tuple[int, int]:
    return cpu.space, cpu.read_register("a0")


def left(cpu: Cpu, value: int, call: tuple[int, int]) -> None:
    returned.append((*call, cpu.space, value))


def place(name: str) -> int:
    return HERE + symbol(name) - symbol("program")


def count() -> None:
    first = {"space": symbol("root_first") >> 12}
    behind = place("behind")
    places: dict[str, list[tuple[int | None, dict[str, Any]]]] = {
        "all": [(None, {})],
        "first": [(None, first)],
        "all_and_first": [(None, {}), (None, first)],
        "behind": [(behind, {})],
        "behind_in_first": [(behind, first)],
        "behind_physically": [(symbol("behind"), {"physical": True})],
    }
    for name, attached in places.items():
        table = BlockTable(f"{name}_table", Stream(name, events.INSTRUCTION_EXECUTIONS))
        for pc, where in attached:
            instrument_block(None, pc, table, once=options.once, **where)
    instrument(None, None, Counter("in_first"), **first)


def plugin_init(given: Options) -> bool:
    global options
    options = given
    if options.out is not None:
        scope = {} if options.within is None else {"space": symbol(f"root_{options.within}") >> 12}
        instrument_return(None, place("twice"), left, at_entry=entered, **scope)
    if options.tables:
        count()
    return True


def plugin_exit() -> None:
    if options.out is not None:
        options.out.write_text(json.dumps(returned))


class Aggregator(mttcg_bus.Aggregator):
    """Executions by stream and pc."""

    def __init__(self, options: Options, run: Any) -> None:
        super().__init__(options, run)
        self.executions: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def consume(self, stream: str, cpu: int, records: Any) -> None:
        for record in records:
            self.executions[stream][hex(record["pc"])] += int(record["executions"])

    def report(self) -> dict[str, Any]:
        return {name: dict(found) for name, found in self.executions.items()}
