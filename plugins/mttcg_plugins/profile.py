r"""Show where a Linux guest spends its instructions: by process and function, kernel and programs.

    mttcg run --kernel Image --initrd initrd.cpio.gz --memory 256M --smp 2 \
        --append 'console=ttyS0 run="md5sum /bin/busybox"' --plugin profile,exact=1,out=stacks.txt

    process  pid  file          function        instructions  percent
    ─────────────────────────────────────────────────────────────────
    md5sum   134  /bin/busybox  /bin/busybox      18,204,331     41.2
    md5sum   134  [kernel]      copy_page         10,604,118     24.0

Every so many instructions (`every`) of each vCPU it looks where that is, and by frame pointers who
called; that is decided natively. With `exact` each block is counted natively for the process that
runs, so that all instructions are there, as many as were retired, without callers. The flame graph
has the process as its root. Names of programs need their files: in the run's `--sysroot`, or in
`sysroot`. A file there that is another than the guest's is told of, and has no names. What is
mapped is looked at when a process ends, or becomes another program, and at the end. `out` gets
collapsed stacks, `perf` the text of `perf script`, `pprof` a file for pprof; of samples, or where
there are none of what is counted.
"""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Counter,
    Cpu,
    GuestProcess,
    OptionRefusedError,
    Scoreboard,
    Stream,
    When,
    clock_ticks,
    figures,
    instrument,
    instrument_block,
    mapped_areas,
    mapped_file,
    module_symbols,
    option,
    printable,
    probe,
    processes,
    symbols,
)
from mttcg.instrument.errors import NoKernelError
from mttcg_bus.host.growing_file import write_whole
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._files.collapsed import collapsed_line
from mttcg_plugins._files.outputs import check_output
from mttcg_plugins._files.perf_script import perf_sample
from mttcg_plugins._files.pprof import Frame, Profile
from mttcg_plugins._linux.profiles import (
    AREA,
    MODULE,
    SAMPLE,
    TALLY,
    WeightedStack,
    Who,
    add_areas,
    add_modules,
    area_records,
    comm_bytes,
    counted,
    module_records,
    sampled,
)
from mttcg_plugins._linux.program_names import ProgramNames
from mttcg_plugins._linux.tallies import NUMBER, WORDS, Tallies, tally
from mttcg_plugins._linux.unwinding import stack_of

LEAST_PERIOD = 10_000
PASSED, PERIOD = range(2)
NOBODY = Who(0, 0, "[boot]")
"""What runs before the kernel has processes."""
NO_PLACE = Who(0, 0, "[no room]")
"""What was counted for nobody, as the table was full."""
OLD_PROGRAM_ENDS = "begin_new_exec"
"""A function of the kernel's, in a process whose program is about to be another."""


@dataclass(frozen=True)
class Options:
    """Options of profile."""

    every: int = option(1_000_000, help="instructions of a vCPU between samples, 0 for none")
    exact: bool = option(False, help="whether to count all instructions, by block")
    sysroot: Path | None = option(None, help="folder with the guest's files, in place of --sysroot")
    out: Path | None = option(None, help="file to write collapsed stacks to")
    perf: Path | None = option(None, help="file to write the text of perf script to")
    pprof: Path | None = option(None, help="file to write a profile for pprof to")
    top: int = option(20, help="how many functions to report, 0 for all")


options: Options
samples: Stream
counts: Stream
areas: Stream
modules: Stream
instructions: Counter
due = Scoreboard("due", 2)
table: Scoreboard
starts: frozenset[int] = frozenset()
known: dict[Who, int] = {NOBODY: 0}
"""Numbers of processes, on this vCPU."""


@probe
def is_due(cpu: Any, pc: Any, instructions: Any, words: Any) -> bool:
    """Whether so many instructions have passed."""
    words[PASSED] += instructions
    if words[PERIOD] == np.uint64(0) or words[PASSED] < words[PERIOD]:
        return False
    words[PASSED] -= words[PERIOD]
    return True


def plugin_init(given: Options) -> bool:
    """Sample and count every block."""
    global options, samples, counts, areas, modules, instructions, table, starts
    if (given.every and given.every < LEAST_PERIOD) or given.every < 0:
        expected = f"0, or {LEAST_PERIOD:,} and more"
        raise OptionRefusedError("every", f"{given.every}", expected)
    options = given
    areas, instructions = Stream("areas", AREA), Counter("instructions")
    modules = Stream("modules", MODULE)
    samples, counts = Stream("samples", SAMPLE), Stream("counts", TALLY)
    instrument(None, None, instructions)
    for address in symbols(OLD_PROGRAM_ENDS).values():
        instrument(None, address, old_program_ends)
    if given.every:
        starts = frozenset(symbols("*").values())
        instrument_block(None, None, sample, when=When(is_due, due))
    if given.exact:
        table = Scoreboard("table", WORDS)
        instrument_block(None, None, tally, table)
    return True


def plugin_vcpu_start(cpu: Cpu) -> None:
    """From here on there are samples."""
    due.values(cpu.index)[PERIOD] = options.every


def sample(cpu: Cpu, _block: Any, _opaque: Any) -> None:
    """Say where the vCPU is."""
    try:
        process = cpu.process
    except NoKernelError:
        process = None
    who = Who.of(process) if process else NOBODY
    stack = stack_of(cpu, starts)
    found = np.zeros(1, SAMPLE)
    one = found[0]
    one["time"], one["cpu"], one["depth"] = clock_ticks(), cpu.index, len(stack)
    one["pid"], one["tgid"], one["space"] = process.pid if process else 0, who.tgid, who.space
    one["comm"], one["stack"][: len(stack)] = comm_bytes(who.comm), stack
    samples.emit(cpu, found)


def go_on(cpu: Cpu, process: GuestProcess) -> None:
    """What is counted from here on is a process's."""
    if options.exact:
        number = known.setdefault(Who.of(process), len(known))
        table.values(cpu.index)[NUMBER] = number


def settle(cpu: Cpu, at_end: bool = False) -> None:
    """Make the table exact, and empty it if it is nearly full, or at the end.

    Where no block is half done: there the vCPU's count is that of the blocks, but for what was left
    out of the last one.
    """
    tallies = Tallies(table.values(cpu.index))
    tallies.correct(instructions.value(cpu.index))
    if tallies.is_full or at_end:
        rows, lost = tallies.take()
        whose = list(known)
        found = np.zeros(len(rows) + (lost > 0), TALLY)
        numbers = rows[:, 1].astype(np.int64)
        names = np.array([comm_bytes(who.comm) for who in whose])
        found["pc"][: len(rows)], found["instructions"][: len(rows)] = rows[:, 0], rows[:, 2]
        found["tgid"][: len(rows)] = np.array([who.tgid for who in whose])[numbers]
        found["space"][: len(rows)] = np.array([who.space for who in whose])[numbers]
        found["comm"][: len(rows)] = names[numbers]
        if lost:
            found[-1]["instructions"], found[-1]["comm"] = lost, comm_bytes(NO_PLACE.comm)
        found["cpu"] = cpu.index
        if len(found):
            counts.emit(cpu, found)


def tell_areas(cpu: Cpu, process: GuestProcess) -> None:
    """Say what a process has mapped."""
    try:
        file_of = partial(mapped_file, process, sysroot=options.sysroot)
        found = area_records(process, mapped_areas(process), file_of)
    except NoKernelError:  # another vCPU is changing them: their code has no names then
        return
    if len(found):
        areas.emit(cpu, found)


def plugin_switch(cpu: Cpu, _before: GuestProcess, after: GuestProcess) -> None:
    """Another thread goes on."""
    go_on(cpu, after)


def plugin_process_exec(cpu: Cpu, process: GuestProcess) -> None:
    """A process is another program now."""
    go_on(cpu, process)


def old_program_ends(cpu: Cpu, _opaque: Any) -> None:
    """A process is about to be another program."""
    if process := cpu.process:
        tell_areas(cpu, process)


def plugin_process_exit(cpu: Cpu, process: GuestProcess, _status: int) -> None:
    """A thread ends."""
    tell_areas(cpu, process)


def plugin_trap(cpu: Cpu, _cause: int, _pc: int, _interrupt: bool) -> None:
    """A block may have been left in its middle."""
    if options.exact:
        settle(cpu)


def plugin_vcpu_exit(cpu: Cpu) -> None:
    """What was counted, and what is mapped by those that are left."""
    if options.exact:
        settle(cpu, at_end=True)
    if cpu.index == 0:
        try:
            for process in processes():
                tell_areas(cpu, process)
            found = module_records(module_symbols())
            if len(found):
                modules.emit(cpu, found)
        except NoKernelError:
            pass  # it had no processes yet


class Aggregator(mttcg_bus.Aggregator):
    """Keeps records, and names what is in them in the end; merging keeps more."""

    local = frozenset({"names"})

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.names = ProgramNames(run)
        self.batches: dict[str, list[Records]] = defaultdict(list)

    @classmethod
    def check(cls, options: Options, run: RunInfo) -> None:
        """Refuse files that can't be written."""
        for name in ("out", "perf", "pprof"):
            check_output(name, getattr(options, name))
        if options.sysroot is not None and not options.sysroot.is_dir():
            raise OptionRefusedError("sysroot", f"{options.sysroot} is no folder", "a folder")

    def consume(self, stream: str, _cpu: int, records: Records) -> None:
        """Keep a batch."""
        self.batches[stream].append(records.copy())

    def merge(self, other: Self) -> None:
        """Add another's records."""
        super().merge(other)
        for stream, batches in other.batches.items():
            self.batches[stream] += batches

    def _named(self) -> ProgramNames:
        """Names, by all that is known now of what is mapped."""
        for records in self.batches["areas"]:
            add_areas(self.names, records)
        for records in self.batches["modules"]:
            add_modules(self.names, records)
        return self.names

    def sampled(self) -> list[WeightedStack]:
        """The samples."""
        return list(sampled(self._named(), self.batches["samples"], self.options.every))

    def counted(self) -> list[WeightedStack]:
        """What was counted, by process and function."""
        return list(counted(self._named(), self.batches["counts"]))

    def save(self) -> None:
        """Write the files."""
        given, stacks = self.options, self.sampled() or self.counted()
        if given.out is not None:
            lines = sorted(collapsed_line(*row) for row in named_stacks(stacks).items())
            write_whole(given.out, "".join(lines).encode())
        if given.perf is not None:
            write_whole(given.perf, self._perf_text(stacks).encode())
        if given.pprof is not None:
            profile = Profile("instructions", "count")
            for stack in stacks:
                frames = [Frame(pc, place.shown, place.file) for pc, place in stack.frames]
                profile.add([*frames, Frame(0, stack.who.comm, "")], stack.instructions)
            write_whole(given.pprof, profile.content())

    def _perf_text(self, stacks: list[WeightedStack]) -> str:
        first = min((stack.time for stack in stacks), default=0)
        rate = self.run.ticks_per_second or 1e9
        return "".join(
            perf_sample(
                stack.who.comm,
                stack.who.tgid,
                stack.pid,
                stack.cpu,
                (stack.time - first) / rate,
                stack.instructions,
                [(pc, *place) for pc, place in stack.frames],
            )
            for stack in sorted(stacks, key=lambda each: each.time)
        )

    def report(self) -> dict[str, Any]:
        """By process, and by function: of what was counted, or else of samples."""
        samples, counts = self.sampled(), self.counted()
        report: dict[str, Any] = {"samples": len(samples)} if self.options.every else {}
        if self.options.exact:
            report["counted instructions"] = sum(stack.instructions for stack in counts)
        for title, stacks in (("flame graph", samples), ("exact flame graph", counts)):
            if stacks:
                report[title] = figures.flame_graph(named_stacks(stacks), "instructions")
        report["by process"] = process_rows(counts or samples, self.options.top)
        report["by function"] = function_rows(counts or samples, self.options.top)
        for title, paths in self.names.without_names():
            report[title] = "; ".join(printable(path) for path in sorted(paths))
        files = [self.options.out, self.options.perf, self.options.pprof]
        written = "; ".join(str(file) for file in files if file is not None)
        return report | ({"file": written} if written else {})


def named_stacks(stacks: Iterable[WeightedStack]) -> Tally[tuple[str, ...]]:
    """Instructions by the names of stacks."""
    found: Tally[tuple[str, ...]] = Tally()
    for stack in stacks:
        found[stack.names] += stack.instructions
    return found


def process_rows(stacks: Iterable[WeightedStack], top: int) -> list[dict[str, Any]]:
    """Rows of processes: instructions, those of the kernel, and how much of all has a name."""
    sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for stack in stacks:
        # one that ends has no space any more
        place, mine = stack.frames[0][1], sums[stack.who.comm, stack.who.tgid]
        mine[0] += stack.instructions
        mine[1] += stack.instructions if place.file == "[kernel]" else 0
        mine[2] += stack.instructions if place.function else 0
    order = sorted(sums, key=lambda who: (-sums[who][0], who))
    return [
        {
            "process": printable(who[0]),
            "pid": who[1],
            "instructions": sums[who][0],
            "kernel": sums[who][1],
            "named_percent": round(100 * sums[who][2] / (sums[who][0] or 1), 2),
        }
        for who in order[: top or None]
    ]


def function_rows(stacks: Iterable[WeightedStack], top: int) -> list[dict[str, Any]]:
    """Rows of functions, by what ran in them themselves."""
    sums: Tally[tuple[str, int, str, str]] = Tally()
    for stack in stacks:
        place, who = stack.frames[0][1], stack.who
        sums[who.comm, who.tgid, place.file, place.shown] += stack.instructions
    total = sums.total() or 1
    order = sorted(sums, key=lambda key: (-sums[key], key))
    return [
        {
            "process": printable(key[0]),
            "pid": key[1],
            "file": printable(key[2]),
            "function": printable(key[3]),
            "instructions": sums[key],
            "percent": round(100 * sums[key] / total, 1),
        }
        for key in order[: top or None]
    ]
