"""Show what each vCPU did when: functions, traps, interrupts and idle time, for ui.perfetto.dev.

    mttcg run examples/guests/hello.elf --smp 2 --plugin timeline,out=trace.json

The file is in the Trace Event format (JSON), which the Perfetto UI and Chrome's tracing open: a
track per vCPU, with a slice for each call. Times are those of the host's clock, in microseconds
from the first record on. Calls and returns are recorded natively; a guest that calls a lot makes a
large file, so that `most` bounds its slices, and the report says how many were left out.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Cpu,
    InstructionClass,
    Stream,
    clock_ticks,
    events,
    instruction_class,
    instrument,
    option,
)
from mttcg_bus.run_info import RunInfo
from mttcg_plugins._files.outputs import check_output, replace_file

EXCEPTION, INTERRUPT, IDLE, RESUME, END = range(5)
"""Words of the records that this plugin puts in itself; no instruction has them."""
MACHINE_RETURN = 0x3020_0073
transfers: Stream


@dataclass(frozen=True)
class Options:
    """Options of timeline."""

    out: Path | None = option(None, help="file to write the trace to")
    most: int = option(1_000_000, help="how many slices of each vCPU to keep, 0 for all")


def plugin_init(options: Options) -> bool:
    """Record every jump, with its time."""
    global transfers
    check_output("out", options.out)
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


Frame = tuple[str, int, int]
"""Name, time at which it began, and where it returns to."""


class Track:
    """The slices of one vCPU: name, category, begin and end in ticks."""

    def __init__(self, most: int) -> None:
        self.most, self.left_out, self.latest = most, 0, 0
        self.open: list[Frame] = []
        self.slices: list[tuple[str, int, int]] = []

    def begin(self, name: str, time: int, back: int) -> None:
        """Open a slice."""
        self.open.append((name, time, back))

    def end(self, depth: int, time: int) -> None:
        """Close all slices from a depth on."""
        while len(self.open) > depth:
            name, began, _ = self.open.pop()
            if self.most and len(self.slices) >= self.most:
                self.left_out += 1
            else:
                self.slices.append((name, began, time))

    def end_at(self, back: int, time: int) -> None:
        """Close up to the innermost slice that returns to `back`, if there is one."""
        for depth in reversed(range(len(self.open))):
            if self.open[depth][2] == back:
                self.end(depth, time)
                return


IN_TRAP, ASLEEP = -1, -2
"""Where a trap, or sleep, returns to."""


class Aggregator(mttcg_bus.Aggregator):
    """Makes slices of each vCPU; merging puts them side by side."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.tracks: dict[int, Track] = {}

    def consume(self, _stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        """Follow the jumps of one vCPU; those that are no calls or returns are left out first."""
        words, places = np.unique(records["word"], return_inverse=True)
        wanted = np.array([is_wanted(word) for word in words.tolist()], dtype=bool)[places]
        track = self.tracks.setdefault(cpu, Track(self.options.most))
        chosen = records[wanted]
        columns = (chosen[name].tolist() for name in ("word", "pc", "target", "time"))
        for word, pc, target, time in zip(*columns, strict=True):
            track.latest = time
            self._follow(track, word, pc, target, time)

    def _follow(self, track: Track, word: int, pc: int, target: int, time: int) -> None:
        if word in (EXCEPTION, INTERRUPT):
            name = "interrupt" if word == INTERRUPT else "exception"
            track.begin(f"{name} {target}", time, IN_TRAP)
        elif word == IDLE:
            track.begin("idle", time, ASLEEP)
        elif word == RESUME:
            track.end_at(ASLEEP, time)
        elif word == END:
            track.end(0, time)
        elif word == MACHINE_RETURN:
            track.end_at(IN_TRAP, time)
        else:
            kind = instruction_class(word)
            if kind is not InstructionClass.CALL:
                track.end_at(target, time)
            if kind is not InstructionClass.RETURN:
                name = self.run.symbol_at(target) or hex(target)
                track.begin(name, time, pc + (4 if word & 3 == 3 else 2))

    def merge(self, other: mttcg_bus.Aggregator) -> None:
        """Add another's vCPUs."""
        super().merge(other)
        assert isinstance(other, Aggregator)
        self.tracks.update(other.tracks)

    def save(self) -> None:
        """Write the trace."""
        if self.options.out is None:
            return
        check_output("out", self.options.out)
        text = json.dumps({"displayTimeUnit": "ns", "traceEvents": self.trace_events()})
        replace_file(self.options.out, text.encode())

    def trace_events(self) -> list[dict[str, Any]]:
        """Events of the Trace Event format: names of the tracks, then complete slices."""
        found: list[dict[str, Any]] = []
        slices = {cpu: self._slices(track) for cpu, track in sorted(self.tracks.items())}
        first = min((began for part in slices.values() for _, began, _ in part), default=0)
        rate = self.run.ticks_per_second / 1e6
        for cpu, part in slices.items():
            track = {"pid": 1, "tid": cpu + 1}
            found.append(
                track | {"ph": "M", "name": "thread_name", "args": {"name": f"vCPU {cpu}"}}
            )
            for name, began, ended in sorted(part, key=lambda one: (one[1], -one[2])):
                times = {"ts": (began - first) / rate, "dur": (ended - began) / rate}
                found.append(track | {"ph": "X", "name": name, **times})
        return found

    @staticmethod
    def _slices(track: Track) -> list[tuple[str, int, int]]:
        """All slices; one that is still open reaches to the last record."""
        return track.slices + [(name, began, track.latest) for name, began, _ in track.open]

    def report(self) -> dict[str, Any]:
        """How many slices each vCPU has."""
        rows = [
            {"cpu": cpu, "slices": len(self._slices(track)), "left out": track.left_out}
            for cpu, track in sorted(self.tracks.items())
        ]
        return {"vcpus": rows} | ({"file": str(self.options.out)} if self.options.out else {})


def is_wanted(word: int) -> bool:
    """Whether a record's instruction is one that the timeline shows."""
    if word <= END or word == MACHINE_RETURN:
        return True
    return instruction_class(word) in (
        InstructionClass.CALL,
        InstructionClass.RETURN,
        InstructionClass.SWITCH,
    )
