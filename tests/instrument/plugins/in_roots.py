"""Counts in the spaces of the guest `switching`, in every way; see its test."""

from collections import Counter as Tally
from dataclasses import dataclass
from typing import Any

import mttcg_bus
from mttcg.instrument import (
    BlockTable,
    Counter,
    Cpu,
    Scoreboard,
    Stream,
    events,
    instrument,
    instrument_block,
    instrument_memory,
    option,
    probe,
    symbol,
)

TOTAL = [("what", "S24"), ("count", "<u8")]


@dataclass(frozen=True)
class Options:
    follow: bool = option(False, help="whether to have only counters, which follow the hart's")


boards: dict[str, Scoreboard] = {}
totals = Stream("totals", TOTAL)


@probe
def count(cpu, pc, words):
    words[0] += 1


def plugin_init(options: Options) -> bool:
    for name in ("first", "second"):
        space = symbol(f"root_{name}") >> 12
        instrument(None, None, Counter(f"instructions_{name}"), space=space)
        instrument_block(None, None, Counter(f"blocks_{name}"), space=space)
        if options.follow:
            continue
        instrument_memory(None, Counter(f"accesses_{name}"), space=space)
        boards[name] = Scoreboard(f"probed_{name}", 1)
        instrument(None, None, count, boards[name], space=space)
        of_blocks = Stream(f"tabled_{name}", events.EXECUTIONS)
        instrument_block(None, None, BlockTable(f"blocks_of_{name}", of_blocks), space=space)
        executed = Stream(f"executed_{name}", events.INSTRUCTION_EXECUTIONS)
        instrument_block(None, None, BlockTable(f"executed_in_{name}", executed), space=space)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    for name, board in boards.items():
        totals.emit(cpu, (f"probed_{name}", int(board.values(cpu.index)[0])))


class Aggregator(mttcg_bus.Aggregator):
    """Sums by stream."""

    def __init__(self, options: Options, run: Any) -> None:
        super().__init__(options, run)
        self.sums: Tally[str] = Tally()

    def consume(self, stream: str, cpu: int, records: Any) -> None:
        if stream == "totals":
            for record in records:
                self.sums[record["what"].decode()] += int(record["count"])
        else:
            self.sums[stream] += int(records["executions"].sum())

    def report(self) -> dict[str, Any]:
        return {"sums": dict(self.sums)}
