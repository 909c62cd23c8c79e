"""What a vCPU's processes do, as records; who ran where and how long, made of all vCPUs'."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mttcg.instrument import GuestProcess
from mttcg_bus.wire.stream import Records

BEGIN, SWITCH, START, NAMED, END = range(5)
"""What a record tells: a vCPU begins; goes on with another process; a process starts; one is named
anew; the vCPU is at its end."""
LONGEST_NAME = 16
RECORD = np.dtype(
    [
        ("time", "<u8"),
        ("instructions", "<u8"),
        ("user", "<u8"),
        ("voluntary", "<u8"),
        ("involuntary", "<u8"),
        ("before", "<u4"),
        ("pid", "<u4"),
        ("tgid", "<u4"),
        ("cpu", "<u2"),
        ("what", "u1"),
        ("state", "u1"),
        ("comm", "u1", (LONGEST_NAME,)),
        ("before_comm", "u1", (LONGEST_NAME,)),
    ]
)
"""`instructions` and `user` are how many the vCPU has retired so far, in all and in user mode.
`pid`, `tgid` and `comm` are of the process that goes on, or starts, or is named; at a switch
`before` is the one that ran, with its name, its `state`, and how often it has made way for others:
a process may change its name without anybody being told."""
NOBODY = GuestProcess(0, 0, "", 0, 0, "R", 0, 0)
IDLE = "idle"


def record_of(
    what: int,
    cpu: int,
    counts: tuple[int, int, int],
    process: GuestProcess,
    before: GuestProcess = NOBODY,
) -> "np.ndarray[Any, Any]":
    """A record; `counts`: time, instructions, and those in user mode."""
    found = np.zeros(1, RECORD)
    one = found[0]
    one["what"], one["cpu"], one["state"] = what, cpu, ord(before.state)
    one["time"], one["instructions"], one["user"] = counts
    one["pid"], one["tgid"], one["before"] = process.pid, process.tgid, before.pid
    one["voluntary"], one["involuntary"] = before.voluntary, before.involuntary
    for field_name, comm in (("comm", process.comm), ("before_comm", before.comm)):
        text = comm.encode()[:LONGEST_NAME]
        one[field_name][: len(text)] = list(text)
    return found


def _text(record: Any, name: str) -> str:
    return str(record[name].tobytes().split(b"\0")[0].decode("utf-8", "replace"))


@dataclass
class Thread:
    """A thread over its life; the idle tasks of all vCPUs are one each."""

    pid: int
    tgid: int = 0
    comm: str = ""
    instructions: int = 0
    user: int = 0
    ticks: int = 0
    switches: int = 0
    voluntary: int = 0
    involuntary: int = 0
    migrations: int = 0
    cpus: set[int] = field(default_factory=set)
    latest: int = -1

    @property
    def name(self) -> str:
        """As it is shown."""
        return self.comm or (IDLE if self.pid == 0 else str(self.pid))


@dataclass(frozen=True)
class RunSpan:
    """A thread ran on a vCPU, without a break."""

    thread: Thread
    cpu: int
    began: int
    ended: int


@dataclass
class Running:
    """What runs on a vCPU, since when, and the vCPU's counts then."""

    thread: Thread
    time: int
    instructions: int
    user: int


class Switches:
    """Follows the records of all vCPUs in the order of their times."""

    def __init__(self) -> None:
        self.threads: list[Thread] = []
        self.spans: list[RunSpan] = []
        self.known: dict[tuple[int, int], Thread] = {}
        self.running: dict[int, Running] = {}

    def follow(self, batches: Iterable[Records]) -> None:
        """Take all records."""
        together = [*batches]
        if together:
            records = np.concatenate(together)
            # those of one time by vCPU, so that it does not matter which came first
            for record in records[np.lexsort((records["cpu"], records["time"]))]:
                self._take(record)

    def _take(self, record: Any) -> None:
        cpu, what, pid = int(record["cpu"]), int(record["what"]), int(record["pid"])
        if what == START:
            self.known.pop((pid, 0), None)  # a number may be given again
        thread = self._thread(pid, cpu)
        if what != END:
            thread.tgid = int(record["tgid"])
            thread.comm = _text(record, "comm") or thread.comm
        if what in (START, NAMED):
            return
        if what == SWITCH:
            self._leave(record, self._thread(int(record["before"]), cpu), cpu)
        if what == END:
            self._leave(record, None, cpu)
        else:
            counts = (int(record[name]) for name in ("time", "instructions", "user"))
            self.running[cpu] = Running(thread, *counts)

    def _thread(self, pid: int, cpu: int) -> Thread:
        key = (pid, 0 if pid else cpu)
        if key not in self.known:
            self.known[key] = Thread(pid)
            self.threads.append(self.known[key])
        return self.known[key]

    def _leave(self, record: Any, before: Thread | None, cpu: int) -> None:
        """What ran on a vCPU does no longer; `before`: which that was, None where nobody says.

        Since when it ran may have been in a record that was lost.
        """
        running = self.running.pop(cpu, None)
        thread = before or (running.thread if running else None)
        if thread is None:
            return
        if running is not None:
            thread.instructions += int(record["instructions"]) - running.instructions
            thread.user += int(record["user"]) - running.user
            thread.ticks += int(record["time"]) - running.time
            self.spans.append(RunSpan(thread, cpu, running.time, int(record["time"])))
        thread.cpus.add(cpu)
        thread.migrations += thread.latest not in (-1, cpu)
        thread.latest = cpu
        if before is not None:
            thread.comm = _text(record, "before_comm") or thread.comm
            thread.switches += 1
            thread.voluntary = int(record["voluntary"])
            thread.involuntary = int(record["involuntary"])
