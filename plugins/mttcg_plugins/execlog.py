"""Log every executed instruction: pc, bits, disassembly, and the register that it changed.

    mttcg run examples/guests/hello.elf --plugin execlog,out=log.txt,last=2

    0 0x0000000080000000 0x30401073 csrw mie, zero
    0 0x0000000080000004 0x00000297 auipc t0, 0                      t0=0x0000000080000004
    0 0x0000000080000008 0x5a428293 addi t0, t0, 0x5a4               t0=0x00000000800005a8

Each vCPU's lines are in its order; those of several interleave by batch. A line comes after its
instruction: one that traps has none. `out` may be a device or a named pipe. Without it nothing is
written, and the report has the last instructions of each vCPU, such as those before a crash.
`replay` makes the text of a recording. With `space` or `mode` only what runs there is logged,
which is decided natively.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Stream,
    compiled,
    disassemble,
    events,
    instrument,
    option,
    register_name,
)
from mttcg_bus.errors import OutputFull
from mttcg_bus.host.growing_file import GrowingFile
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._counts.sources import with_sources
from mttcg_plugins._files.outputs import check_output, refusing

WIDEST, LONGEST = 96, 128
"""Bytes of a line before the value, and of a whole one."""
HASH = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Options(InScope):
    """Options of execlog."""

    out: Path | None = option(None, help="file, device or pipe to write lines to")
    last: int = option(20, help="how many of each vCPU's last instructions to report")


def plugin_init(options: Options) -> bool:
    """Record every instruction of every vCPU after it was retired."""
    instrument(None, None, Stream("retired", events.RETIRED), **options.scope)
    return True


@compiled
def write_lines(records: Any, first: int, table: Any, texts: Any, lengths: Any, out: Any) -> Any:
    """Write lines from record `first` on; where it stopped, and how many bytes were written.

    It stops before an instruction that the table lacks, and at the end.

    Args:
        records: a batch of `events.RETIRED`.
        first: where to begin.
        table: rows of pc, word, vCPU and 1 + number of the text, found by open addressing.
        texts, lengths: what a line begins with.
        out: room for the lines.
    """
    mask, at, one = np.uint64(len(table) - 1), np.uint64(0), np.uint64(1)
    for n in range(first, len(records)):
        record = records[n]
        place = (record.pc ^ np.uint64(record.word)) * HASH >> np.uint64(40) & mask
        while table[place, 3] != 0 and (
            table[place, 0] != record.pc
            or table[place, 1] != record.word
            or table[place, 2] != record.cpu
        ):
            place = (place + one) & mask
        if table[place, 3] == 0:
            return n, at
        text = table[place, 3] - one
        for k in range(np.uint64(WIDEST)):  # always as many, which is quick: the next writes over
            out[at + k] = texts[text, k]
        at += lengths[text]
        if record.register != 0:
            for k in range(np.uint64(16)):
                digit = record.value >> (np.uint64(60) - np.uint64(4) * k) & np.uint64(15)
                letter = np.uint64(39) if digit > np.uint64(9) else np.uint64(0)
                out[at + k] = np.uint8(digit + np.uint64(48) + letter)
            at += np.uint64(16)
        out[at] = 10
        at += one
    return len(records), at


class LogLines:
    """Makes text of records; what a line begins with is made once for each instruction."""

    def __init__(self, places: int = 1 << 12) -> None:
        self.table = np.zeros((places, 4), dtype=np.uint64)
        self.texts = np.zeros((places // 2, WIDEST), dtype=np.uint8)
        self.lengths = np.zeros(places // 2, dtype=np.uint64)
        self.count = 0
        self.out = np.zeros(0, dtype=np.uint8)

    def write(self, records: Records, file: GrowingFile) -> None:
        """Append the lines of a batch to a file."""
        if len(self.out) < LONGEST * len(records):
            self.out = np.zeros(LONGEST * len(records), dtype=np.uint8)
        done = 0
        while done < len(records):
            done, size = write_lines(records, done, self.table, self.texts, self.lengths, self.out)
            file.write(self.out[:size].data)
            if done < len(records):
                self._add(records[done])

    def _add(self, record: Any) -> None:
        """Make the text of an instruction that is new."""
        if self.count == len(self.texts):
            self._grow()
        text = line_start(record)[:WIDEST].encode()
        self.texts[self.count, : len(text)] = np.frombuffer(text, np.uint8)
        self.lengths[self.count] = len(text)
        self.count += 1
        self._place(int(record["pc"]), int(record["word"]), int(record["cpu"]), self.count)

    def _place(self, pc: int, word: int, cpu: int, number: int) -> None:
        place = ((pc ^ word) * int(HASH) & (1 << 64) - 1) >> 40 & len(self.table) - 1
        while self.table[place, 3]:
            place = place + 1 & len(self.table) - 1
        self.table[place] = pc, word, cpu, number

    def _grow(self) -> None:
        old = self.table[self.table[:, 3] > 0]
        self.table = np.zeros((2 * len(self.table), 4), dtype=np.uint64)
        self.texts = np.concatenate([self.texts, np.zeros_like(self.texts)])
        self.lengths = np.concatenate([self.lengths, np.zeros_like(self.lengths)])
        for row in old.tolist():
            self._place(*row)


def line_start(record: Any) -> str:
    """What the line of a record begins with: all but the value."""
    pc, word, register = int(record["pc"]), int(record["word"]), int(record["register"])
    text = disassemble(word.to_bytes(4, "little"), pc)[0][2]
    start = f"{int(record['cpu'])} {pc:#018x} {word:#010x} {text}"
    changed = f"{start:<64} {register_name(register)}=0x"
    return changed[-WIDEST:] if register else start


class Aggregator(mttcg_bus.Aggregator):
    """Writes lines, and keeps the last records of each vCPU; merging puts them together."""

    local = frozenset({"file", "lines"})

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.counts = [0] * run.smp
        self.tails = [np.zeros(0, dtype=events.RETIRED) for _ in range(run.smp)]
        self.file: GrowingFile | None = None
        self.files: set[str] = set()
        self.lines = LogLines()

    @classmethod
    def check(cls, options: Options, run: RunInfo) -> None:
        """Refuse a file that can't be written."""
        check_output("out", options.out, "flowing")

    def begin(self, shard: int | None = None) -> None:
        """Open the file, if there is to be one."""
        super().begin(shard)
        if self.options.out is not None:
            device = self.options.out.is_char_device()  # which shards can have in common
            path = self.options.out if device else self.file_for(self.options.out)
            with refusing("out", path):
                self.file = GrowingFile(path)
            self.files.add(str(path))

    def end(self) -> None:
        """Close the file, and say if it has not everything."""
        if self.file is not None:
            self.file.close()
            self.faults += [str(self.file.full)] if self.file.full else []

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Write a batch, and keep its end."""
        self.counts[cpu] += len(records)
        if self.options.last:
            tail = np.concatenate([self.tails[cpu], records[-self.options.last :]])
            self.tails[cpu] = tail[-self.options.last :]
        if self.file is not None and self.file.full is None:
            with suppress(OutputFull):
                self.lines.write(records, self.file)

    def merge(self, other: Self) -> None:
        """Add another's vCPUs; files stay apart."""
        super().merge(other)
        self.files |= other.files
        for cpu, tail in enumerate(other.tails):
            self.counts[cpu] += other.counts[cpu]
            self.tails[cpu] = tail if len(tail) else self.tails[cpu]

    def _text_of(self, record: Any) -> str:
        word = int(record["word"]).to_bytes(4, "little")
        return disassemble(word, int(record["pc"]), self.run.symbol_at)[0][2]

    def report(self) -> dict[str, Any]:
        """How many instructions there were, and the last of each vCPU."""
        rows = [
            {
                "cpu": cpu,
                "pc": hex(int(record["pc"])),
                "symbol": self.run.symbol_at(int(record["pc"])),
                "instruction": self._text_of(record),
                "register": register_name(int(record["register"])),
                "value": hex(int(record["value"])) if record["register"] else "",
            }
            for cpu, tail in enumerate(self.tails)
            for record in tail
        ]
        counts = [{"cpu": cpu, "instructions": count} for cpu, count in enumerate(self.counts)]
        report: dict[str, Any] = {"instructions": sum(self.counts), "vcpus": counts}
        report |= {"last": with_sources(self.run, rows)}
        return {**report, "file": "; ".join(sorted(self.files))} if self.files else report
