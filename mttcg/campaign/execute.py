"""One attempt at a run: a process with a time limit, ended in order, with nothing left behind."""

import contextlib
import hashlib
import json
import os
import platform
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mttcg import parent
from mttcg.campaign.attempt import Attempt, Ended
from mttcg.campaign.task import Task, arguments_of
from mttcg.supervisor.results.result import StopReason
from mttcg.supervisor.start.host_process import PYTHON
from mttcg.supervisor.start.launch import end_text

TAIL = 64 << 10
"""Bytes of the guest's console, and of stderr, that are kept: the last ones."""
STOP_SECONDS = 15.0
"""How long a run that was asked to stop may take before it is killed."""
PIECE = 1 << 16
LEFT = "left"
"""The folder for what plugins leave."""


class Stop:
    """Asks attempts, in any thread, to stop in order, or at once."""

    def __init__(self) -> None:
        # readable for ever once it was written: nobody reads it
        self.in_order = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.at_once = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def ask(self) -> None:
        """Stop the guests, so that there are results so far."""
        os.eventfd_write(self.in_order, 1)

    def insist(self) -> None:
        """Kill what still runs."""
        os.eventfd_write(self.at_once, 1)

    def close(self) -> None:
        """Close the descriptors; nobody waits for them any more."""
        os.close(self.in_order)
        os.close(self.at_once)


@dataclass
class Tail:
    """The end of a stream, its length and its digest."""

    kept: bytes = b""
    total: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, piece: bytes) -> None:
        """Take the next bytes."""
        self.kept = (self.kept + piece)[-TAIL:]
        self.total += len(piece)
        self.digest.update(piece)

    @property
    def text(self) -> str:
        """What is kept, as text."""
        return self.kept.decode("utf-8", "replace")


def worker_name() -> str:
    """Say who executes: host and process."""
    return f"{platform.node()}:{os.getpid()}"


def execute(task: Task, paths: Mapping[str, Path], place: Path, stop: Stop) -> Attempt:
    """Run a task's process to its end.

    Args:
        task: what to run.
        paths: where each of its files is, by key.
        place: an empty directory; `LEFT` in it becomes the working directory, where plugins leave
            their files.
        stop: ends it early.
    """
    started, clock = time.time(), time.monotonic()
    result = place / "result.json"
    (place / LEFT).mkdir()
    process = Process(task, paths, place / LEFT, result)
    with process:
        ended, status = process.watch(stop)
    ended, why, found = judge(ended, status, read_result(result), process.errors.text)
    return Attempt(
        ended=ended,
        status=status,
        why=why,
        console=process.console.text,
        console_bytes=process.console.total,
        console_digest=process.console.digest.hexdigest(),
        errors=process.errors.text,
        started=started,
        seconds=time.monotonic() - clock,
        time_limit=task.time_limit,
        worker=worker_name(),
        result=found,
    )


class Process:
    """The process of an attempt; a context, at whose end the process has ended."""

    def __init__(
        self, task: Task, paths: Mapping[str, Path], directory: Path, result: Path
    ) -> None:
        self.time_limit = task.time_limit
        self.console, self.errors = Tail(), Tail()
        command = [*PYTHON, "-m", "mttcg", *arguments_of(task, paths, result)]
        with open_input(paths[task.input.digest] if task.input else None) as standard_input:
            self.popen = self._start(command, directory, standard_input)
        self.pidfd = os.pidfd_open(self.popen.pid)

    def _start(
        self, command: list[str], directory: Path, standard_input: int | IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        (output, theirs), (errors, others) = pipe(), pipe()
        self.streams = {output: self.console, errors: self.errors}
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", parent.__file__, str(os.getpid()), *command],
                stdin=standard_input,
                stdout=theirs,
                stderr=others,
                cwd=directory,
                start_new_session=True,  # a signal to the user's group is the campaign's
            )
        except BaseException:
            for descriptor in self.streams:
                os.close(descriptor)
            raise
        finally:
            os.close(theirs)
            os.close(others)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            # before it is reaped, so that its number is nobody else's
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        os.close(self.pidfd)
        for descriptor in self.streams:
            os.close(descriptor)

    def watch(self, stop: Stop) -> tuple[Ended, int]:
        """Read what it prints until it has ended by itself, or was stopped: which, and how."""
        streams = self.streams
        poll = select.poll()
        for descriptor in (*streams, self.pidfd, stop.in_order, stop.at_once):
            poll.register(descriptor, select.POLLIN)
        until = time.monotonic() + self.time_limit if self.time_limit else float("inf")
        ended = Ended.BY_ITSELF
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(milliseconds(until))}
            for descriptor in ready & streams.keys():
                if not drain(descriptor, streams[descriptor]):
                    poll.unregister(descriptor)
            if self.pidfd in ready:
                break
            asked = stop.in_order in ready
            if stop.at_once in ready or (ended != Ended.BY_ITSELF and time.monotonic() >= until):
                os.kill(self.popen.pid, signal.SIGKILL)
                poll.unregister(stop.at_once)
                until = float("inf")
            elif asked or time.monotonic() >= until:
                os.kill(self.popen.pid, signal.SIGTERM)
                ended = Ended.STOPPED if asked else Ended.TIME_LIMIT
                until = time.monotonic() + STOP_SECONDS
            if asked:
                ended = Ended.STOPPED
                poll.unregister(stop.in_order)
        for descriptor, tail in streams.items():
            drain(descriptor, tail)
        return ended, self.popen.wait()


def pipe() -> tuple[int, int]:
    """Make a pipe, from which reading does not wait; the ends to read and to write."""
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    return ours, theirs


def drain(descriptor: int, tail: Tail) -> bool:
    """Read what there is; False at the end of the stream."""
    try:
        while piece := os.read(descriptor, PIECE):
            tail.add(piece)
    except BlockingIOError:
        return True
    return False


def milliseconds(until: float) -> int | None:
    """Give what poll() takes for a moment of time.monotonic()."""
    if until == float("inf"):
        return None
    return max(0, int((until - time.monotonic()) * 1000) + 1)


@contextlib.contextmanager
def open_input(path: Path | None) -> Iterator[int | IO[bytes]]:
    """Open what the guest reads; without a file there is nothing to read."""
    if path is None:
        yield subprocess.DEVNULL
    else:
        with path.open("rb") as stream:
            yield stream


def read_result(path: Path) -> dict[str, Any] | None:
    """Read the result that a run has written, None if it has not."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found


def judge(
    ended: Ended, status: int, result: dict[str, Any] | None, errors: str
) -> tuple[Ended, str, dict[str, Any] | None]:
    """Tell lost runs from those that ended by themselves; what was wrong; the result."""
    if ended is not Ended.BY_ITSELF:
        return ended, "", result
    reason = result["stop_reason"] if result else None
    if status < 0:
        return Ended.LOST, f"the run's process ended: {end_text(status)}", result
    if reason == StopReason.INTERRUPTED:
        return Ended.LOST, f"somebody else stopped the run ({end_text(status)})", result
    if reason == StopReason.VCPU_LOST:
        return Ended.LOST, first_failure(result, errors), result
    return ended, first_failure(result, errors), result


def first_failure(result: dict[str, Any] | None, errors: str) -> str:
    """Give what a run says was wrong, in its result or else on stderr."""
    if result and result["failures"]:
        return str(result["failures"][0])
    said = [line for line in errors.splitlines() if line.startswith("mttcg: ")]
    told = [line for line in said if not line.startswith("mttcg: warning: ")]
    return told[-1].removeprefix("mttcg: ") if told else ""
