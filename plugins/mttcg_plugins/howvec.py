"""Show the instruction mix: how many instructions of each class were executed, per vCPU.

    mttcg run examples/guests/mix.elf --smp 2 --set rounds=2 --plugin howvec,top=3

    class     executions  percent       cpu0        cpu1
    alu       10,576,162    26.06  5,288,054   5,288,108
    multiply   1,310,724     3.23    655,362     655,362
    load       3,629,960     8.94  1,814,390   1,815,570
    ...
    instruction  executions  percent
    c.bnez       10,262,596    25.29
    lr.w.aq      10,236,187    25.22
    c.add         3,025,328     7.45

What is counted, natively, is executions of blocks; the instructions in them are taken apart at the
end. So it costs what `hotblocks` costs. An instruction counts when it retires: one that traps does
not. Calls and returns are jumps that write, or go to, a link register.
With `space` or `mode` only what runs there counts, which is decided natively.
"""

from collections import Counter as Tally
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    BlockTable,
    InstructionClass,
    Stream,
    disassemble,
    events,
    instruction_class,
    instrument_block,
    option,
)
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope


@dataclass(frozen=True)
class Options(InScope):
    """Options of howvec."""

    top: int = option(20, help="how many instructions to report by name, 0 for all")


def plugin_init(options: Options) -> bool:
    """Count every block on every vCPU."""
    stream = Stream("instructions", events.INSTRUCTION_EXECUTIONS)
    instrument_block(None, None, BlockTable("executions", stream), **options.scope)
    return True


class Aggregator(mttcg_bus.Aggregator):
    """Sums executions per instruction word and vCPU; merging adds them up."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.words: list[Tally[int]] = [Tally() for _ in range(run.smp)]

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Add the instructions of one vCPU."""
        words, places = np.unique(records["word"], return_inverse=True)
        counts = np.zeros(len(words), dtype=np.uint64)
        np.add.at(counts, places, records["executions"])
        self.words[cpu].update(dict(zip(words.tolist(), counts.tolist(), strict=True)))

    def merge(self, other: Self) -> None:
        """Add another's counts."""
        super().merge(other)
        for mine, theirs in zip(self.words, other.words, strict=True):
            mine.update(theirs)

    def report(self) -> dict[str, Any]:
        """Counts per class in the order of the classes, and of the most frequent instructions."""
        names: Tally[str] = Tally()
        mix: dict[InstructionClass, Tally[int]] = {kind: Tally() for kind in InstructionClass}
        for cpu, tally in enumerate(self.words):
            for word, count in tally.items():
                names[name_of(word)] += count
                mix[instruction_class(word)][cpu] += count
        total = names.total()
        classes = [
            {"class": kind.name.lower().replace("_", " ")}
            | counted(by_cpu.total(), total)
            | {f"cpu{n}": by_cpu[n] for n in range(self.run.smp)}
            for kind, by_cpu in mix.items()
            if by_cpu.total()
        ]
        frequent = sorted(names.items(), key=lambda item: (-item[1], item[0]))
        rows = [
            {"instruction": name} | counted(count, total)
            for name, count in frequent[: self.options.top or None]
        ]
        return {"instructions": total, "mix": classes, "frequent": rows}


def name_of(word: int) -> str:
    """The assembler's name of an instruction."""
    text = disassemble((word & 0xFFFF_FFFF).to_bytes(4, "little"), 0)[0][2]
    return text.split()[0]


def counted(count: int, total: int) -> dict[str, Any]:
    """Columns with a count, and how much of the total that is."""
    return {"executions": count, "percent": round(100 * count / total, 2) if total else 0.0}
