"""Count accesses to devices, interrupts, and what devices do with memory, by device and vCPU.

    mttcg run examples/guests/disk.elf --drive disk.img --set interrupts=1 --plugin devices

    device   cpu  reads  writes  interrupts  dma_reads  read_bytes  dma_writes  written_bytes
    uart       0      0      50           0          0           0           0              0
    virtio0           0       0           0         65       8,976          81         16,433
    virtio0    0     19      78          12          0           0           0              0

Interrupts of a device are those that a handler claimed; "timer" and "software" are interrupts that
come from none. What a device reads and writes by itself is no vCPU's, so it has a row without one.
`out` gets every event, as records of `EVENT` in a .npy file: `what` is a place in `KINDS`, and
`context` as in `events.ACCESS`. With `space` or `mode` only what vCPUs do there counts.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from mttcg.instrument import Cpu, OptionRefusedError, Stream, option
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.in_scope import InScope
from mttcg_plugins._files.recording import RecordingAggregator

KINDS = ("read", "write", "interrupt", "dma read", "dma write")
READ, INTERRUPT, DMA_READ = 0, 2, 3
EVENT = np.dtype(
    [
        ("pc", "<u8"),
        ("address", "<u8"),
        ("value", "<u8"),
        ("size", "<u8"),
        ("context", "<u4"),
        ("cpu", "<u2"),
        ("what", "<u2"),
        ("device", "S16"),
    ]
)
COLUMNS = ("reads", "writes", "interrupts", "dma_reads", "dma_writes")
BYTES = {DMA_READ: "read_bytes", DMA_READ + 1: "written_bytes"}
REPORTED = (*COLUMNS[:DMA_READ], "dma_reads", "read_bytes", "dma_writes", "written_bytes")
NO_CPU = -1
"""In place of a vCPU, of what devices do by themselves."""


@dataclass(frozen=True)
class Options(InScope):
    """Options of devices."""

    out: Path | None = option(None, help="file (.npy) to write every event to")


options: Options
stream: Stream


def plugin_init(given: Options) -> bool:
    """Declare the stream."""
    global options, stream
    if isinstance(given.chosen_space, str):
        raise OptionRefusedError("space", given.chosen_space, "the number of an address space")
    options, stream = given, Stream("events", EVENT)
    return True


def _emit(
    cpu: Cpu, what: int, device: str, address: int = 0, value: int = 0, size: int = 0
) -> None:
    name = device.partition(" ")[0].encode()  # without what is in a slot
    stream.emit(cpu, (cpu.pc, address, value, size, cpu.context, cpu.index, what, name))


def _concerns(cpu: Cpu) -> bool:
    """Whether what happens now is to be counted."""
    wanted = options.chosen_space in (None, cpu.space)
    return wanted and (options.mode is None or options.mode == cpu.mode)


def plugin_mmio(cpu: Cpu, device: str, address: int, size: int, value: int, write: bool) -> None:
    """Record an access to a device."""
    if _concerns(cpu):
        _emit(cpu, READ + write, device, address, value, size)


def plugin_interrupt(cpu: Cpu, source: str) -> None:
    """Record an interrupt."""
    if _concerns(cpu):
        _emit(cpu, INTERRUPT, source)


def plugin_dma(cpu: Cpu, device: str, address: int, size: int, write: bool) -> None:
    """Record what a device did with memory, which is in no space and at no level."""
    if options.space is None and options.mode is None:
        _emit(cpu, DMA_READ + write, device, address, size=size)


Row = dict[str, int]


class Aggregator(RecordingAggregator):
    """Counts events by device, vCPU and kind; merging adds them up."""

    layout = EVENT

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.rows: dict[tuple[str, int], Row] = defaultdict(lambda: defaultdict(int))

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Count and write a batch."""
        for name in np.unique(records["device"]):
            device = name.decode(errors="backslashreplace")
            of_device = records[records["device"] == name]
            for what, column in enumerate(COLUMNS):
                found = of_device[of_device["what"] == what]
                row = self.rows[device, NO_CPU if what >= DMA_READ else cpu]
                row[column] += len(found)
                if what in BYTES:
                    row[BYTES[what]] += int(found["size"].sum())
        self.keep(records)

    def merge(self, other: Self) -> None:
        """Add another's counts."""
        super().merge(other)
        for key, row in other.rows.items():
            for column, count in row.items():
                self.rows[key][column] += count

    def report(self) -> dict[str, Any]:
        """A row for each device and vCPU, and one for what devices did by themselves."""
        rows = [
            {"device": device, "cpu": "" if cpu == NO_CPU else cpu}
            | {column: row.get(column, 0) for column in REPORTED}
            for (device, cpu), row in sorted(self.rows.items())
            if any(row.values())
        ]
        return self.with_files({"devices": rows})
