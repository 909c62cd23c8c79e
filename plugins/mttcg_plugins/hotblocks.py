"""Count the executions of every block, and show the hottest with symbol and disassembly.

    mttcg run examples/guests/mix.elf --smp 2 --plugin hotblocks,top=2

    pc          executions       cpu0       cpu1  instructions  symbol        disassembly
    0x80000a9e  12,697,600  6,348,800  6,348,800             7  multiply_...  c.ld s1, 0(a3); ...
    0x80000996   6,479,120  3,239,560  3,239,560             5  sieve+0x48    sb zero, 0(a2); ...

Counting is inline, in a table per vCPU; the table becomes records when its vCPU ends, also when
its process was killed. A page whose code changed counts for each version of the block.
With `space` or `mode` only what runs there counts, which is decided natively.
"""

from collections import Counter as Tally
from dataclasses import dataclass
from typing import Any, Self

import mttcg_bus
from mttcg.instrument import BlockTable, Stream, disassemble, events, instrument_block, option
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._counts.sources import with_sources


@dataclass(frozen=True)
class Options(InScope):
    """Options of hotblocks."""

    top: int = option(20, help="how many blocks to report, 0 for all")


def plugin_init(options: Options) -> bool:
    """Count every block on every vCPU."""
    stream = Stream("blocks", events.EXECUTIONS)
    instrument_block(None, None, BlockTable("executions", stream), **options.scope)
    return True


class Aggregator(mttcg_bus.Aggregator):
    """Sums executions per block; merging adds them up."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.executions: Tally[tuple[int, bytes, int]] = Tally()
        self.per_cpu: list[Tally[tuple[int, bytes]]] = [Tally() for _ in range(run.smp)]

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Add the blocks of one vCPU."""
        code, width = records["code"].tobytes(), records.dtype["code"].itemsize
        names = "pc", "executions", "instructions", "size"
        rows = zip(*(records[name].tolist() for name in names), strict=True)
        for number, (pc, executions, instructions, size) in enumerate(rows):
            key = pc, code[width * number : width * number + min(size, width)]
            self.executions[*key, instructions] += executions
            self.per_cpu[cpu][key] += executions

    def merge(self, other: Self) -> None:
        """Add another's counts."""
        super().merge(other)
        self.executions.update(other.executions)
        for mine, theirs in zip(self.per_cpu, other.per_cpu, strict=True):
            mine.update(theirs)

    def report(self) -> dict[str, Any]:
        """The hottest blocks, most executed first."""
        blocks = sorted(self.executions.items(), key=lambda item: (-item[1], item[0]))
        rows = []
        for (pc, code, instructions), executions in blocks[: self.options.top or None]:
            row: dict[str, Any] = {"pc": hex(pc), "executions": executions}
            row |= {f"cpu{n}": tally[pc, code] for n, tally in enumerate(self.per_cpu)}
            row["instructions"] = instructions
            row["symbol"] = self.run.symbol_at(pc)
            lines = disassemble(code, pc, self.run.symbol_at)
            row["disassembly"] = "; ".join(text for _, _, text in lines)
            rows.append(row)
        return {
            "blocks": len(self.executions),
            "executions": sum(self.executions.values()),
            "hottest": with_sources(self.run, rows),
        }
