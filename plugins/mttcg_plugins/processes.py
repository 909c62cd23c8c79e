r"""Show which process of a Linux guest ran on which vCPU, and for how long; for ui.perfetto.dev.

    mttcg run --kernel Image --initrd initrd.cpio.gz --memory 256M --smp 2 \
        --append 'console=ttyS0 run="ls -l | wc"' --plugin processes,out=trace.json

    process  pid  tgid  cpus  instructions    user  time_us  switches  voluntary  ...
    ─────────────────────────────────────────────────────────────────────────────────
    ls       134   134     1     1,204,331  87,123   21,004         4          1

Each thread is a row, the kernel's and the idle ones of all vCPUs too: what it ran on, instructions
that were retired, those in user mode, time, how often it was switched away from, and how often it
went on on another vCPU than before. `voluntary` and `involuntary` are the kernel's own counts. What
runs before the kernel has processes, as firmware, is the first idle thread's. The trace has a track
per vCPU with a slice for each time that a thread ran, and within it what the kernel was entered
for: system calls, page faults and interrupts. Times are the host's.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Counter,
    Cpu,
    GuestProcess,
    Stream,
    clock_ticks,
    events,
    instrument,
    option,
    printable,
    symbol,
)
from mttcg_bus.host.growing_file import write_whole
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.slices import SLICE
from mttcg_plugins._files.outputs import check_output
from mttcg_plugins._files.traces import Trace
from mttcg_plugins._linux.entries import HANDLERS, LEAVE, entries_in
from mttcg_plugins._linux.switches import (
    BEGIN,
    END,
    NAMED,
    NOBODY,
    RECORD,
    START,
    SWITCH,
    Switches,
    Thread,
    record_of,
)

PROCESS, KERNEL = range(2)
KINDS = {PROCESS: "process", KERNEL: "kernel"}
"""Categories of slices in the trace."""


@dataclass(frozen=True)
class Options:
    """Options of processes."""

    out: Path | None = option(None, help="file to write the trace to")
    top: int = option(20, help="how many threads to report, 0 for all")


switches: Stream
instructions: Counter
user: Counter


def plugin_init(options: Options) -> bool:
    """Count what is retired; with a trace, meet the handlers of the kernel."""
    global switches, instructions, user
    switches = Stream("switches", RECORD)
    instructions, user = Counter("instructions"), Counter("user instructions")
    instrument(None, None, instructions)
    instrument(None, None, user, mode="user")
    if options.out is not None:
        visits = Stream("handlers", events.TIMED)
        for name in (*HANDLERS, LEAVE):
            instrument(None, symbol(name), visits)
    return True


def tell(cpu: Cpu, what: int, process: GuestProcess, before: GuestProcess = NOBODY) -> None:
    """Put a record into the stream."""
    counts = clock_ticks(), instructions.value(cpu.index), user.value(cpu.index)
    switches.emit(cpu, record_of(what, cpu.index, counts, process, before))


def plugin_vcpu_start(cpu: Cpu) -> None:
    """Nobody runs here yet."""
    tell(cpu, BEGIN, NOBODY)


def plugin_switch(cpu: Cpu, before: GuestProcess, after: GuestProcess) -> None:
    """The kernel goes on with another thread."""
    tell(cpu, SWITCH, after, before)


def plugin_process_start(cpu: Cpu, process: GuestProcess) -> None:
    """A thread is about to run, whose number another may have had before."""
    tell(cpu, START, process)


def plugin_process_exec(cpu: Cpu, process: GuestProcess) -> None:
    """A process has another name."""
    tell(cpu, NAMED, process)


def plugin_vcpu_exit(cpu: Cpu) -> None:
    """What runs here does no longer."""
    tell(cpu, END, NOBODY)


class Aggregator(mttcg_bus.Aggregator):
    """Keeps all records; merging puts those of more vCPUs to them."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.batches: list[Records] = []
        self.visits: dict[int, list[Records]] = defaultdict(list)

    @classmethod
    def check(cls, options: Options, run: RunInfo) -> None:
        """Refuse a file that can't be written."""
        check_output("out", options.out)

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        """Keep a batch of one vCPU."""
        if stream == "switches":
            self.batches.append(records.copy())
        else:
            self.visits[cpu].append(records.copy())

    def merge(self, other: Self) -> None:
        """Add another's records."""
        super().merge(other)
        self.batches += other.batches
        for cpu, batches in other.visits.items():
            self.visits[cpu] += batches

    def followed(self) -> Switches:
        """Who ran where."""
        found = Switches()
        found.follow(self.batches)
        return found

    def save(self) -> None:
        """Write the trace."""
        if self.options.out is None:
            return
        names: list[str] = []
        tracks = self._tracks(self.followed(), names)
        title, rate = Path(self.run.guest).name, self.run.ticks_per_second
        trace = Trace(title, tracks, rate, lambda _kind, what: names[what], KINDS)
        write_whole(self.options.out, trace.to_json())

    def _tracks(self, found: Switches, names: list[str]) -> dict[int, Records]:
        """The slices of each vCPU in the order of their begin, the outer ones first."""
        numbers: dict[str, int] = {}

        def number(name: str) -> int:
            if name not in numbers:
                numbers[name] = len(names)
                names.append(name)
            return numbers[name]

        visits = {cpu: np.concatenate(batches) for cpu, batches in self.visits.items()}
        kinds = {a: HANDLERS[name] for a, _, name in self.run.symbols if name in HANDLERS}
        rows: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
        for span in found.spans:
            what = number(f"{span.thread.name} ({span.thread.pid})")
            rows[span.cpu].append((what, span.began, span.ended, PROCESS))
        for entry in entries_in(found.spans, visits, kinds):
            rows[entry.cpu].append((number(entry.kind), entry.began, entry.ended, KERNEL))
        tracks = {}
        for cpu, rows_of_cpu in sorted(rows.items()):
            # those that begin at once are within each other: the longer one is the outer
            rows_of_cpu.sort(key=lambda row: (row[1], -row[2], row[3]))
            tracks[cpu] = np.array(rows_of_cpu, dtype=SLICE)
        return tracks

    def report(self) -> dict[str, Any]:
        """What each thread did, those first that took most instructions."""
        found = self.followed()
        micro = 1e6 / (self.run.ticks_per_second or 1e6)
        order = sorted(found.threads, key=lambda each: (-each.instructions, each.pid))
        report: dict[str, Any] = {
            "threads": len(found.threads),
            "switches": sum(each.switches for each in found.threads),
            "migrations": sum(each.migrations for each in found.threads),
            "by thread": [row_of(each, micro) for each in order[: self.options.top or None]],
        }
        return report | ({"file": str(self.options.out)} if self.options.out else {})


def row_of(thread: Thread, micro: float) -> dict[str, Any]:
    """A row of the report; `micro`: microseconds in a tick."""
    return {
        "process": printable(thread.name),
        "pid": thread.pid,
        "tgid": thread.tgid,
        "cpus": " ".join(map(str, sorted(thread.cpus))),
        "instructions": thread.instructions,
        "user": thread.user,
        "time_us": round(thread.ticks * micro),
        "switches": thread.switches,
        "voluntary": thread.voluntary,
        "involuntary": thread.involuntary,
        "migrations": thread.migrations,
    }
