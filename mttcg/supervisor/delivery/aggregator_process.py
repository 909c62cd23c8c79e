"""A plugin's second half, or the recorder, in a process of its own beside the run."""

import json
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mttcg.supervisor.start.host_process import PYTHON
from mttcg.supervisor.start.launch import end_text
from mttcg_bus.host.threads import single_threaded
from mttcg_bus.wire.stream import Received, received_of

READ_BYTES = 1 << 20
EXIT_SECONDS = 5.0
"""How long an aggregator may take from its report to its exit."""


@dataclass(frozen=True)
class Reported:
    """What an aggregator left: its report, None if there is none, and what was wrong, if it was."""

    report: dict[str, Any] | None
    wrong: str = ""


@dataclass
class AggregatorProcess:
    """One that runs; its reports come through a pipe, a line of JSON each, which ends with it.

    plugin: what it is called on the bus. named: what it is called in messages. shards: processes
    that share its work out among them; each is a subscriber. subscribed: whether all have said that
    they are, and ready to consume. latest: the report that came last, None before the first. news:
    whether it came since `await_news`. ended_reports: whether none comes any more.
    received: what came to it, by (stream, cpu), as it says with its last report.
    """

    plugin: str
    process: "subprocess.Popen[bytes]"
    report_fd: int
    named: str = ""
    shards: int = 1
    subscribed: bool = False
    latest: dict[str, Any] | None = None
    news: bool = False
    ended_reports: bool = False
    received: dict[tuple[str, int], Received] = field(default_factory=dict)
    _failure: str | None = None
    _received: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        """Name it after the plugin, unless it has a name."""
        self.named = self.named or f"the aggregator of {self.plugin}"

    @classmethod
    def start(
        cls,
        plugin: str,
        spec: str,
        url: str,
        keys: Path | None,
        *,
        shards: int = 1,
        interim: float = 0.0,
    ) -> "AggregatorProcess":
        """Start a plugin's aggregator, which subscribes to the bus at `url` with the bus's keys.

        shards: into how many processes it is divided. interim: seconds between its reports while
        the guest runs, 0 for none.
        """
        command = ["subscribe", url, "--plugin", spec, *_with_keys(keys)]
        command += ["--shards", str(shards)] if shards > 1 else []
        command += ["--interim", str(interim)] if interim else []
        return cls._start(plugin, "", tuple(command), shards)

    @classmethod
    def start_recorder(
        cls, file: Path, url: str, keys: Path | None, limit: int = 0
    ) -> "AggregatorProcess":
        """Start a recorder of all that is published at `url`, up to `limit` bytes if not 0."""
        command: tuple[str, ...] = ("record", url, str(file), *_with_keys(keys))
        command += ("--record-limit", str(limit)) if limit else ()
        return cls._start("recorder", "the recorder", command)

    @classmethod
    def _start(
        cls, plugin: str, named: str, command: tuple[str, ...], shards: int = 1
    ) -> "AggregatorProcess":
        ours, theirs = os.pipe()
        try:
            process = subprocess.Popen(
                [*PYTHON, "-m", "mttcg", *command, "--report-fd", str(theirs)],
                pass_fds=[theirs],
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=single_threaded(),
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(plugin, process, ours, named, shards)

    def take(self) -> bool:
        """Take in what has come, waiting for something; False at the end."""
        data = os.read(self.report_fd, READ_BYTES)
        self._received += data
        *lines, rest = bytes(self._received).split(b"\n")
        self._received = bytearray(rest)
        for line in lines:
            self._take_line(line)
        self.ended_reports = not data
        return bool(data)

    def _take_line(self, line: bytes) -> None:
        try:
            content = json.loads(line)
            if content == {"subscribed": True}:
                self.subscribed = True
                return
            report, final, failure = (content[name] for name in ("report", "final", "failure"))
            came = received_of(content.get("received", ()))
        except (ValueError, TypeError, KeyError):
            return  # no report: the plugin's code wrote to the descriptor
        if report is not None:
            self.latest, self.news = report, True
        self._failure = failure if final else None
        self.received = came

    def await_news(self) -> None:
        """Have `news` say whether a report comes from now on."""
        self.news = False

    def report(self, seconds: float, given_up: str = "") -> Reported:
        """Wait for its end, for so long; then it is killed.

        given_up: why the publisher gave it up; then it is waited for only while it runs, and not
        for long. Of one in shards, those that were given up are ended, and the others waited for.
        """
        if given_up and self.shards > 1:
            self.process.send_signal(signal.SIGTERM)
        elif given_up:
            seconds = 0.0 if is_stopped(self.process) else EXIT_SECONDS
        in_time = self._take_all(time.monotonic() + seconds)
        status = self._wait(EXIT_SECONDS if in_time else 0)
        named, ended = self.named, end_text(status)
        wrong = ""
        if not in_time and given_up:
            wrong = f"{named} {given_up}, was given up and killed"
        elif not in_time:
            wrong = f"{named} did not report within {seconds:g} s and was killed"
        elif self._failure is None or self.latest is None:
            wrong = f"{named} gave no report ({self._failure or ended})"
        if wrong:
            last = "" if self.latest is None else "; its last interim report is used"
            return Reported(self.latest, wrong + last)
        if status or self._failure:
            wrong = f"the report of {named} is incomplete ({self._failure or ended})"
        return Reported(self.latest, wrong)

    def why_ended(self) -> str:
        """Say why it has ended, in its own words if it left some; waits for its end."""
        self._take_all(time.monotonic() + EXIT_SECONDS)
        status = self._wait(EXIT_SECONDS)
        return self._failure or f"it ended ({end_text(status)})"

    def _wait(self, seconds: float) -> int:
        """Wait for its end, for so long; then it is killed. Its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def _take_all(self, until: float) -> bool:
        """Whether the pipe ends in time."""
        poller = select.poll()
        poller.register(self.report_fd, select.POLLIN)
        while poller.poll(max(0.0, until - time.monotonic()) * 1000):
            if not self.take():
                return True
        return False

    def ended(self) -> int | None:
        """Its exit status, None if it runs."""
        return self.process.poll()

    def end(self) -> None:
        """Kill it if it runs, and close the pipe."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.report_fd)


def is_stopped(child: "subprocess.Popen[bytes]") -> bool:
    """Whether a signal has stopped a child, which does not go on till another comes."""
    if child.poll() is not None:
        return False
    return os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def _with_keys(keys: Path | None) -> tuple[str, ...]:
    return () if keys is None else ("--keys", str(keys), "--server", str(keys))
