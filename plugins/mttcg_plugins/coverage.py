"""Show what code ran, as drcov and lcov files for disassemblers and source browsers.

    mttcg run examples/guests/mix.elf --smp 2 --plugin coverage,drcov=mix.drcov,lcov=mix.info,top=3

    blocks  157
    bytes   2,182
    file    mix.drcov; mix.info

    cpu  blocks  alone
      0     141     48
      1     109     16

    function      pc          bytes  executed
    finish        0x80000342     50        38
    barrier       0x800003c8    186       170
    runtime_main  0x80000482    216       206

Each block is recorded at its first execution on a vCPU; what it costs from then on is a look at a
flag. The files are written when the guest has ended, killed or not, and with each interim report.
drcov is what Lighthouse, Ghidra and Binary Ninja load; a block counts as a whole when it is
entered. lcov is what `genhtml mix.info` makes pages of, and needs a guest with debug information
(-g). For it, and only if it is asked for, executions are counted, as by `hotblocks`, and summed
over the vCPUs. A function has those of its first instruction. A line has those of the instruction
of it that was executed most often; if several functions have code of the line, as of an inline
function, their counts are added. An instruction that traps counts as executed.
With `space` or `mode` only what runs there counts, which is decided natively.
"""

from collections import Counter as Tally
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    BlockTable,
    OptionRefusedError,
    Stream,
    elf_segments,
    events,
    instrument_block,
    option,
    source_lines,
)
from mttcg_bus.host.growing_file import write_whole
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._counts.lines import executions_of_lines, executions_of_rows
from mttcg_plugins._counts.sources import with_sources
from mttcg_plugins._files.drcov import drcov_bytes, modules_of
from mttcg_plugins._files.lcov import Covered, SourceFile, lcov_text
from mttcg_plugins._files.outputs import check_output


@dataclass(frozen=True)
class Options(InScope):
    """Options of coverage."""

    drcov: Path | None = option(None, help="file to write the blocks to, drcov version 3")
    lcov: Path | None = option(None, help="file to write executions of lines to, an lcov tracefile")
    top: int = option(20, help="how many functions to report, the least covered first, 0 for all")


def plugin_init(options: Options) -> bool:
    """Record the first execution of every block on every vCPU; count them all for lcov."""
    instrument_block(None, None, Stream("blocks", events.BLOCK), once=True, **options.scope)
    if options.lcov is not None:
        stream = Stream("instructions", events.INSTRUCTION_EXECUTIONS)
        instrument_block(
            None, None, BlockTable("executions", stream, trapped=True), **options.scope
        )
    return True


class Aggregator(mttcg_bus.Aggregator):
    """The executed blocks, and on which vCPUs, and executions; merging unites them, and adds up."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.vcpus: dict[tuple[int, int], int] = defaultdict(int)  # a bit for each, by block
        self.executions: Tally[int] = Tally()  # of the instruction at an address
        self.counted = 0  # a bit for each vCPU whose executions have come

    @classmethod
    def check(cls, options: Options, run: RunInfo) -> None:
        """Refuse files that can't be written, and those for which the guest lacks something."""
        check_output("drcov", options.drcov)
        check_output("lcov", options.lcov)
        if options.drcov is not None:
            elf_segments(run.guest, run.ram)
        if options.lcov is not None and not len(source_lines(run.guest, run.ram).starts):
            wrong = f"{run.guest} has no debug information"
            raise OptionRefusedError("lcov", wrong, "a guest compiled with -g")

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        """Add blocks that a vCPU has entered, or its executions of instructions."""
        if stream == "instructions":
            self.counted |= 1 << cpu
            for pc, executions in zip(
                records["pc"].tolist(), records["executions"].tolist(), strict=True
            ):
                self.executions[pc] += executions
            return
        for block in zip(records["pc"].tolist(), records["size"].tolist(), strict=True):
            self.vcpus[block] |= 1 << cpu

    def merge(self, other: Self) -> None:
        """Add another's blocks and executions."""
        super().merge(other)
        for block, vcpus in other.vcpus.items():
            self.vcpus[block] |= vcpus
        self.executions.update(other.executions)
        self.counted |= other.counted

    def save(self) -> None:
        """Write the files that were asked for."""
        if self.options.drcov is not None:
            segments = elf_segments(self.run.guest, self.run.ram)
            modules = modules_of(self.run.guest, segments, self.run.ram)
            content = drcov_bytes(sorted(self.vcpus), modules, self.run.entry)
            write_whole(self.options.drcov, content)
        if self.options.lcov is not None:
            write_whole(self.options.lcov, lcov_text(self.source_files()).encode())

    def source_files(self) -> dict[str, SourceFile]:
        """Lines and functions of each source file, as far as they have code.

        What a vCPU ran whose executions were not recorded has one more for all such vCPUs.
        """
        table = source_lines(self.run.guest, self.run.ram)
        uncounted = Covered(block for block, bits in self.vcpus.items() if bits & ~self.counted)
        counts = executions_of_rows(table, self.executions)
        ran = uncounted.bytes_within((start, end) for start, end, _, _ in table.rows())
        counts += np.array(ran, dtype=np.uint64) > 0
        functions = self._functions(uncounted)
        by_line = executions_of_lines(table, counts, (address for address, *_ in functions))
        folder = Path(self.run.guest).parent
        files: dict[str, SourceFile] = defaultdict(SourceFile)
        for (name, line), count in by_line.items():
            lines = files[_located(folder, name)].lines
            lines[line] = lines.get(line, 0) + count
        for address, _, symbol, begun in functions:
            place = table.at(address)
            if place is not None:
                name, line = place
                calls = files[_located(folder, name)].functions
                count = self.executions[address] + (begun > 0)
                calls[line, symbol] = calls.get((line, symbol), 0) + count
        return files

    def _functions(self, covered: Covered) -> list[tuple[int, int, str, int]]:
        """Address, size and name of what has a size, and how many bytes of its first two ran."""
        sized = sorted({symbol for symbol in self.run.symbols if symbol[1] >= 2})
        begun = covered.bytes_within((address, address + 2) for address, _, _ in sized)
        return [(*symbol, count) for symbol, count in zip(sized, begun, strict=True)]

    def report(self) -> dict[str, Any]:
        """Totals, blocks per vCPU, and the functions that ran in part."""
        covered = Covered(self.vcpus)
        vcpus = [
            {
                "cpu": cpu,
                "blocks": sum(bits >> cpu & 1 for bits in self.vcpus.values()),
                "alone": sum(bits == 1 << cpu for bits in self.vcpus.values()),
            }
            for cpu in range(self.run.smp)
        ]
        functions = [entry for entry in self._functions(covered) if entry[3]]
        ran = covered.bytes_within((address, address + size) for address, size, _, _ in functions)
        partly = sorted(
            (count / size, address, name, size, count)
            for (address, size, name, _), count in zip(functions, ran, strict=True)
        )
        rows = [
            {"function": name, "pc": hex(address), "bytes": size, "executed": count}
            for _, address, name, size, count in partly
        ]
        report: dict[str, Any] = {
            "blocks": len(self.vcpus),
            "bytes": sum(end - start for start, end in covered.ranges),
            "vcpus": vcpus,
            "least covered": with_sources(self.run, rows[: self.options.top or None]),
        }
        files = [str(path) for path in (self.options.drcov, self.options.lcov) if path is not None]
        if files:
            report["file"] = "; ".join(files)
        uncounted = [str(vcpu["cpu"]) for vcpu in vcpus if vcpu["blocks"]]
        uncounted = [cpu for cpu in uncounted if not self.counted >> int(cpu) & 1]
        if self.options.lcov is not None and uncounted:
            of = f"of vCPU {', '.join(uncounted)} are not there; what ran on them counts once"
            report["executions"] = of
        return report


def _located(folder: Path, name: str) -> str:
    """A source file's path; one relative to the guest's folder is found from there."""
    with suppress(OSError):  # of a name that is too long for a file's
        if (folder / name).is_file():
            return str(folder / name)
    return name
