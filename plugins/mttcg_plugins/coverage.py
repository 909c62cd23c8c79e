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
drcov is what Lighthouse, Ghidra and Binary Ninja load; lcov is what `genhtml mix.info` makes pages
of, and needs a guest with debug information (-g). A block counts as a whole when it is entered.
"""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    OptionRefusedError,
    Stream,
    elf_segments,
    events,
    instrument_block,
    option,
    source_lines,
)
from mttcg_bus.growing_file import write_whole
from mttcg_bus.run_info import RunInfo
from mttcg_plugins._files.drcov import drcov_bytes, modules_of
from mttcg_plugins._files.lcov import Covered, SourceFile, lcov_text
from mttcg_plugins._files.outputs import check_output


@dataclass(frozen=True)
class Options:
    """Options of coverage."""

    drcov: Path | None = option(None, help="file to write the blocks to, drcov version 3")
    lcov: Path | None = option(None, help="file to write the lines to, an lcov tracefile")
    top: int = option(20, help="how many functions to report, the least covered first, 0 for all")


def plugin_init(_options: Options) -> bool:
    """Record the first execution of every block on every vCPU."""
    instrument_block(None, None, Stream("blocks", events.BLOCK), once=True)
    return True


class Aggregator(mttcg_bus.Aggregator):
    """The executed blocks, and on which vCPUs; merging unites them."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.vcpus: dict[tuple[int, int], int] = defaultdict(int)  # a bit for each, by block

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

    def consume(self, _stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        """Add blocks that a vCPU has entered."""
        for block in zip(records["pc"].tolist(), records["size"].tolist(), strict=True):
            self.vcpus[block] |= 1 << cpu

    def merge(self, other: mttcg_bus.Aggregator) -> None:
        """Add another's blocks."""
        super().merge(other)
        assert isinstance(other, Aggregator)
        for block, vcpus in other.vcpus.items():
            self.vcpus[block] |= vcpus

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
        """Lines and functions of each source file, as far as they have code."""
        table, covered = source_lines(self.run.guest, self.run.ram), Covered(self.vcpus)
        rows = list(table.rows())
        ran = covered.bytes_within((start, end) for start, end, _, _ in rows)
        folder = Path(self.run.guest).parent
        files: dict[str, SourceFile] = defaultdict(SourceFile)
        for (_, _, name, line), count in zip(rows, ran, strict=True):
            lines = files[_located(folder, name)].lines
            lines[line] = max(lines.get(line, 0), int(count > 0))
        for address, _, symbol, begun in self._functions(covered):
            place = table.at(address)
            if place is not None:
                name, line = place
                files[_located(folder, name)].functions[line, symbol] = int(begun > 0)
        return files

    def _functions(self, covered: Covered) -> list[tuple[int, int, str, int]]:
        """Address, size and name of what has a size, and how many bytes of its first two ran."""
        sized = sorted(symbol for symbol in self.run.symbols if symbol[1] >= 2)
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
            "least covered": rows[: self.options.top or None],
        }
        files = [str(path) for path in (self.options.drcov, self.options.lcov) if path is not None]
        return {**report, "file": "; ".join(files)} if files else report


def _located(folder: Path, name: str) -> str:
    """A source file's path; one relative to the guest's folder is found from there."""
    with suppress(OSError):  # of a name that is too long for a file's
        if (folder / name).is_file():
            return str(folder / name)
    return name
