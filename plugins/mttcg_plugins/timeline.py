"""Show what each vCPU did when: functions, traps, interrupts and idle time, for ui.perfetto.dev.

    mttcg run examples/guests/hello.elf --smp 2 --plugin timeline,out=trace.json

The file is in the Trace Event format (JSON), which the Perfetto UI and Chrome's tracing open: a
track per vCPU, with a slice for each call. Times are those of the host's clock, in microseconds
from the first slice on. Calls and returns are recorded natively; a guest that calls a lot makes a
large file, so that `most` bounds its slices, and the report says how many were left out: those that
began last.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import Cpu, Stream, clock_ticks, events, instrument, option
from mttcg_bus.host.growing_file import write_whole
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.slices import (
    END,
    EXCEPTION,
    FUNCTION,
    IDLE,
    INTERRUPT,
    RESUME,
    Track,
)
from mttcg_plugins._files.outputs import check_output
from mttcg_plugins._files.traces import Trace

KINDS = {FUNCTION: "function", EXCEPTION: "exception", INTERRUPT: "interrupt", IDLE: "idle"}
"""Categories of slices in the trace; the report counts each."""
transfers: Stream


@dataclass(frozen=True)
class Options:
    """Options of timeline."""

    out: Path | None = option(None, help="file to write the trace to")
    most: int = option(1_000_000, help="how many slices of each vCPU to keep, 0 for all")


def plugin_init(_options: Options) -> bool:
    """Record every jump, with its time."""
    global transfers
    transfers = Stream("transfers", events.TRANSFER)
    instrument(None, None, transfers)
    return True


def put(cpu: Cpu, what: int, pc: int, target: int = 0) -> None:
    """Put a record into the stream, between the jumps before and after it."""
    transfers.emit(cpu, (pc, target, clock_ticks(), 0, what, cpu.index))


def plugin_trap(cpu: Cpu, cause: int, pc: int, interrupt: bool) -> None:
    """A trap was taken; its target is the cause."""
    put(cpu, INTERRUPT if interrupt else EXCEPTION, pc, cause)


def plugin_vcpu_idle(cpu: Cpu) -> None:
    """The vCPU goes to sleep."""
    put(cpu, IDLE, cpu.pc)


def plugin_vcpu_resume(cpu: Cpu) -> None:
    """It has woken up."""
    put(cpu, RESUME, cpu.pc)


def plugin_vcpu_exit(cpu: Cpu) -> None:
    """Everything that is open ends here."""
    put(cpu, END, cpu.pc)


class Aggregator(mttcg_bus.Aggregator):
    """Makes slices of each vCPU; merging puts them side by side."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.tracks: dict[int, Track] = {}

    @classmethod
    def check(cls, options: Options, run: RunInfo) -> None:
        """Refuse a file that can't be written."""
        check_output("out", options.out)

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Follow the jumps of one vCPU."""
        if cpu not in self.tracks:
            self.tracks[cpu] = Track(self.options.most)
        self.tracks[cpu].add(records)

    def merge(self, other: Self) -> None:
        """Add another's vCPUs."""
        super().merge(other)
        self.tracks.update(other.tracks)

    def save(self) -> None:
        """Write the trace."""
        if self.options.out is None:
            return
        tracks = {cpu: track.slices() for cpu, track in sorted(self.tracks.items())}
        title, rate = Path(self.run.guest).name, self.run.ticks_per_second
        trace = Trace(title, tracks, rate, self.name_of, KINDS)
        write_whole(self.options.out, trace.to_json())

    def name_of(self, kind: int, what: int) -> str:
        """The name of a slice."""
        if kind == FUNCTION:
            return self.run.symbol_at(what) or hex(what)
        return "idle" if kind == IDLE else f"{KINDS[kind]} {what}"

    def report(self) -> dict[str, Any]:
        """How many slices of each kind each vCPU has."""
        rows = []
        for cpu, track in sorted(self.tracks.items()):
            counts = np.bincount(track.slices()["kind"].astype(np.int64), minlength=len(KINDS))
            kinds = {f"{name}s": int(counts[kind]) for kind, name in KINDS.items()}
            kinds["idle"] = kinds.pop("idles")
            rows.append(
                {"cpu": cpu, "slices": int(counts.sum())} | kinds | {"left out": track.left_out}
            )
        return {"vcpus": rows} | ({"file": str(self.options.out)} if self.options.out else {})
