"""Random kills: one run of everything there is, whose processes are killed at random moments.

Everything that is random comes from a seed, but for the moments themselves, as those of processes.
"""

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from run_harness import LIMIT, MARK, Running, guest, is_alive, marked

from mttcg_bus.errors import RecordingCut, RecordingError
from mttcg_bus.recording.recording import Recording
from mttcg_bus.subscriber.items import Batch

EXIT_FAULT = 70
ENDS_THE_RUN = ("vcpu", "host", "publisher")
LEAVES_A_GAP = ("aggregator", "shard", "recorder")
ROLES = (*ENDS_THE_RUN, *LEAVES_A_GAP, "subscriber", "translator", "supervisor")
LONGEST_DELAY = 1.5
"""Seconds from the first sight of what is waited for to a kill; the guest runs for two or so."""
ANNOUNCED = "mttcg: bus at "
ARGUMENTS = ("--smp", "2", "--quiet", "--set", "rounds=6", "--stall-limit", "5")
PLUGINS = ("--plugin", "memtrace", "--plugin", "hotblocks", "--shards", "memtrace=2")


def role_of(process: psutil.Process) -> str:
    """What a process of a run is, "" for what has not become anything yet."""
    try:
        words, name = process.cmdline(), process.name()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
    if name.startswith("vcpu") or name == "translator":
        return name.rstrip("0123456789")
    for role, word in (
        ("host", "mttcg.processes.host"),
        ("publisher", "mttcg_bus.publisher"),
        ("shard", "--shard"),
        ("aggregator", "--report-fd"),
        ("subscriber", "subscribe"),
        ("supervisor", "run"),
    ):
        if word in words:
            # the recorder reports as an aggregator does
            return "recorder" if role == "aggregator" and "record" in words else role
    return ""


def descriptors(process: psutil.Process) -> Iterator[tuple[str, os.stat_result]]:
    """What the open descriptors of a process are, as far as it lives and there are any."""
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(path.readlink()), path.stat()


def held_by(processes: Iterable[psutil.Process], kind: str) -> set[int]:
    """The inodes of what the processes have of a kind: "/memfd:" or "socket:"."""
    found = (each for process in processes for each in descriptors(process))
    return {status.st_ino for name, status in found if name.startswith(kind)}


@dataclass
class Kills:
    """One run and what is killed of it: `roles`, one after the other."""

    directory: Path
    seed: int
    roles: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    segments: set[int] = field(default_factory=set)
    sockets: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        first = ROLES[self.seed % len(ROLES)]
        more = self.random.sample(LEAVES_A_GAP, self.random.choice([0, 0, 1, 2]))
        self.roles = [first, *(role for role in more if role != first)]
        # most of the time when the guest runs, else while everything starts
        self.since = self.random.choice(["vcpu", "vcpu", first])
        self.recording = self.directory / "recording"
        self.bus = self.directory / "bus"

    def __call__(self) -> None:
        """Run, kill, and check what there is to check; AssertionError says what is wrong."""
        url = f"ipc://{self.bus}"
        record = ("--record", str(self.recording), "--bus", url)
        running = Running(
            self.directory, guest("mix"), *ARGUMENTS, *PLUGINS, *record, with_json=True
        )
        subscriber = subprocess.Popen(
            [*(sys.executable, "-m", "mttcg", "subscribe", url, "--plugin", "memtrace")],
            env=dict(os.environ) | {MARK: running.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._wait_for(running, self.since)
            for role in self.roles:
                self._kill(running, role)
            status = running.wait(LIMIT)
            said, _ = subscriber.communicate(timeout=LIMIT)
            self._check(running, status, said)
        finally:
            subscriber.kill()
            subscriber.wait()
            running.end()

    def _wait_for(self, running: Running, role: str) -> None:
        """Wait until there is a process of the role, or the run has ended."""
        until = time.monotonic() + LIMIT
        while running.process.poll() is None and time.monotonic() < until:
            if role in {role_of(process) for process in marked(running.mark)}:
                return

    def _kill(self, running: Running, role: str) -> None:
        """Wait a random time, and kill a process of the role if there is any."""
        time.sleep(self.random.uniform(0, LONGEST_DELAY))  # the moment is what is tested
        processes = marked(running.mark)
        self.segments |= held_by(processes, "/memfd:")
        self.sockets |= held_by(processes, "socket:")
        victims = [process for process in processes if role_of(process) == role]
        if victims and running.process.poll() is None:
            victim = self.random.choice(sorted(victims, key=lambda process: process.pid))
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                return
            self.killed.append(role)

    def _check(self, running: Running, status: int, said: str) -> None:
        for text in (running.stderr, said):
            assert "Traceback" not in text, text
        running.check_nothing_left()
        assert not list(self._left()), "something is left"
        assert not self.bus.exists(), "the socket file is left"
        if "supervisor" in self.killed:
            assert status == -9, running.stderr
        else:
            self._check_result(running, status)
        self._check_recording(begun=(running.directory / "result.json").exists())

    def _left(self) -> Iterator[str]:
        """Segments and sockets of the run that somebody still has."""
        for process in psutil.process_iter():
            if is_alive(process) and held_by([process], "/memfd:") & self.segments:
                yield f"{process} has a segment"
        with Path("/proc/net/unix").open() as lines:
            inodes = {int(line.split()[6]) for line in lines if not line.startswith("Num")}
        yield from (f"socket {inode}" for inode in self.sockets & inodes)

    def _check_result(self, running: Running, status: int) -> None:
        lines = running.stderr.splitlines()
        assert all(line.startswith("mttcg: ") for line in lines), running.stderr
        lines = [line for line in lines if not line.startswith(ANNOUNCED)]
        if not (running.directory / "result.json").exists():
            # it had not begun
            assert (status, len(lines)) == (EXIT_FAULT, 1), running.stderr
            return
        result = running.result
        assert status == result["exit_status"], running.stderr
        for name, counts in result["ledger"].items():
            assert closes(counts), (name, counts)
        for left in result["subscribers"]:
            assert all(map(closes, left["ledger"].values())), left
        whole = {role for role in self.killed if role not in ("subscriber", "translator")}
        if whole == {"shard"} and status == 0:
            # it had handed over what it had found before it was killed
            counts = result["ledger"]["memtrace.access"]
            assert result["plugins"]["memtrace"]["accesses"] == counts["emitted"], result
            assert result["failures"] == []
        elif whole:
            assert status == EXIT_FAULT, (self.killed, running.stderr)
        elif "subscriber" not in self.killed:
            assert status == 0, (self.killed, running.stderr)
        if set(self.killed).isdisjoint(ENDS_THE_RUN):
            assert result["stop_reason"] == "the guest ended"

    def _check_recording(self, begun: bool) -> None:
        """Whatever was killed, the file is good up to a whole batch.

        It is whole if neither the recorder nor what it records was killed. A run that could not
        begin kills its recorder, which has written nothing but what the streams are.
        """
        if not self.recording.exists():
            return
        records = 0
        try:
            with Recording(self.recording) as recorded:
                for item in recorded:
                    records += len(item.records) if isinstance(item, Batch) else 0
        except RecordingCut as cut:
            mattered = set(self.killed) - {"translator", "subscriber", "shard", "aggregator"}
            assert mattered or (not begun and records == 0), cut
            assert cut.records == records
        except RecordingError as error:
            # killed before it had written its first entry whole
            assert "cut before" in str(error) or "not a recording" in str(error), error
            assert self.recording.stat().st_size < 1 << 20


def closes(counts: dict[str, Any]) -> bool:
    known = counts["delivered"] + counts["dropped"] + counts["in_flight"]
    return bool(counts["emitted"] == known and min(counts.values()) >= 0)
