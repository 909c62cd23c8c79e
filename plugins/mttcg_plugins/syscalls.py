r"""Log the system calls of all processes of a Linux guest, with arguments, results and times.

    mttcg run --kernel Image --initrd initrd.cpio.gz --memory 256M --smp 2 \
        --append 'console=ttyS0 run="cat /etc/passwd"' --plugin syscalls,out=calls.txt,process=cat

    0.012127 cpu1 cat(93) openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3 <0.003321>
    0.019371 cpu1 cat(93) sendfile(1, 3, NULL, 16777216) = 29 <0.006711>

Lines are those of strace(1), in the order in which the calls began: seconds since the first one,
vCPU, process, call, result, and how long it took; `?` is the result of a call that did not return.
A process is called as it was when the call began, and one that is named by `process` is seen from
when it has that name on. Times are the host's, those of a run that is traced: each call costs about
two milliseconds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import mttcg_bus
from mttcg.instrument import (
    Cpu,
    GuestProcess,
    OptionRefusedError,
    Stream,
    clock_ticks,
    option,
    printable,
)
from mttcg.instrument.errors import NotRamError
from mttcg_bus.host.growing_file import write_whole
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._files.outputs import check_output
from mttcg_plugins._linux.arguments import SeenCall, argument_texts
from mttcg_plugins._linux.calls import (
    ENTER,
    RECORD,
    RETURN,
    CallEvents,
    TracedCall,
    records_of,
    sums_of,
)
from mttcg_plugins._linux.results import is_error, result_text
from mttcg_plugins._linux.system_calls import system_call


@dataclass(frozen=True)
class Options:
    """Options of syscalls."""

    out: Path | None = option(None, help="file to write the log to")
    process: str = option("", help="name or number of the only process to follow, all by default")
    longest: int = option(32, help="how many bytes of a text that is read or written to show")
    top: int = option(20, help="how many calls to report, 0 for all")


options: Options
calls: Stream


def plugin_init(given: Options) -> bool:
    """Keep the options; the kernel's functions are met because this has functions for them."""
    global options, calls
    if given.longest < 0:
        raise OptionRefusedError("longest", f"{given.longest}", "a number of bytes")
    options, calls = given, Stream("calls", RECORD)
    return True


def is_wanted(process: GuestProcess) -> bool:
    """Whether a process is to be followed."""
    wanted = options.process
    return not wanted or wanted in (process.comm, str(process.tgid), str(process.pid))


def call_of(cpu: Cpu, arguments: tuple[int, ...], result: int | None) -> SeenCall:
    """A call, with the memory of the program that made it."""

    def read(address: int, size: int) -> bytes | None:
        try:
            return cpu.read_memory(address & (1 << 64) - 1, size)
        except NotRamError:
            return None

    return SeenCall(arguments, result, read, options.longest)


def plugin_syscall_enter(
    cpu: Cpu, process: GuestProcess, number: int, arguments: tuple[int, ...]
) -> None:
    """A call begins: what the program gives the kernel is there."""
    if is_wanted(process):
        texts = argument_texts(system_call(number).kinds, call_of(cpu, arguments, None))
        event = number, arguments, 0
        calls.emit(cpu, records_of(process, cpu.index, clock_ticks(), ENTER, event, texts))


def plugin_syscall_return(
    cpu: Cpu, process: GuestProcess, number: int, arguments: tuple[int, ...], result: int
) -> None:
    """A call is over: what the kernel gives the program is there, too."""
    if is_wanted(process):
        time = clock_ticks()
        texts = argument_texts(system_call(number).kinds, call_of(cpu, arguments, result))
        event = number, arguments, result
        calls.emit(cpu, records_of(process, cpu.index, time, RETURN, event, texts))


class Aggregator(mttcg_bus.Aggregator):
    """Puts beginnings and ends together; merging has those of more vCPUs."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.events = CallEvents()

    @classmethod
    def check(cls, options: Options, run: RunInfo) -> None:
        """Refuse a file that can't be written."""
        check_output("out", options.out)

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Take calls of one vCPU."""
        self.events.add(cpu, records)

    def lost(self, stream: str, cpu: int, count: int) -> None:
        """Calls are missing, or a part of one."""
        super().lost(stream, cpu, count)
        self.events.forget(cpu)

    def merge(self, other: Self) -> None:
        """Add another's calls."""
        super().merge(other)
        self.events.events += other.events.events

    def _seconds(self, ticks: int) -> float:
        return ticks / (self.run.ticks_per_second or 1e9)

    def line_of(self, call: TracedCall, first: int) -> str:
        """A line of the log; `first`: the time from which on it counts."""
        name = system_call(call.number).name
        texts = ", ".join(text or "?" for text in call.texts)
        took = "" if call.ended is None else f" <{self._seconds(call.ended - call.began):.6f}>"
        when = f"{self._seconds(call.began - first):.6f}"
        who = f"cpu{call.cpu} {printable(call.comm)}({call.pid})"
        return f"{when} {who} {name}({texts}) = {result_text(name, call.result)}{took}\n"

    def save(self) -> None:
        """Write the log."""
        if self.options.out is not None:
            found = self.events.calls()
            first = found[0].began if found else 0
            text = "".join(self.line_of(call, first) for call in found)
            write_whole(self.options.out, text.encode())

    def report(self) -> dict[str, Any]:
        """How many calls of which kind each process made, and how long they took."""
        found = self.events.calls()
        sums = sums_of(found, is_error)
        order = sorted(sums, key=lambda key: (-sums[key].ticks, -sums[key].calls, key))
        rows = []
        for key in order[: self.options.top or None]:
            (tgid, comm, number), sum_ = key, sums[key]
            times = {
                "time_us": round(self._seconds(sum_.ticks) * 1e6),
                "longest_us": round(self._seconds(sum_.longest) * 1e6),
            }
            row = {"process": printable(comm), "pid": tgid, "call": system_call(number).name}
            counts = {"calls": sum_.calls, "errors": sum_.errors, "unfinished": sum_.unfinished}
            rows.append(row | counts | times)
        report: dict[str, Any] = {
            "calls": len(found),
            "errors": sum(each.errors for each in sums.values()),
            "processes": len({key[:2] for key in sums}),
            "by process and call": rows,
        }
        return report | ({"file": str(self.options.out)} if self.options.out else {})
