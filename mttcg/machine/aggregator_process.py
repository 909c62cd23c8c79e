"""A plugin's second half, or the recorder, in a process of its own beside the run."""

import json
import os
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mttcg.machine.launch import PYTHON, end_text

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
    """One that runs; its report comes through a pipe, which ends with the process.

    plugin: what it is called on the bus. named: what it is called in messages.
    """

    plugin: str
    process: "subprocess.Popen[bytes]"
    report_fd: int
    named: str = ""

    def __post_init__(self) -> None:
        """Name it after the plugin, unless it has a name."""
        self.named = self.named or f"the aggregator of {self.plugin}"

    @classmethod
    def start(cls, plugin: str, spec: str, url: str, keys: Path | None) -> "AggregatorProcess":
        """Start a plugin's aggregator, which subscribes to the bus at `url` with the bus's keys."""
        command = ("subscribe", url, "--plugin", spec, *_with_keys(keys))
        return cls._start(plugin, "", command)

    @classmethod
    def start_recorder(cls, file: Path, url: str, keys: Path | None) -> "AggregatorProcess":
        """Start a recorder of all that is published at `url`."""
        command = ("record", url, str(file), *_with_keys(keys))
        return cls._start("recorder", "the recorder", command)

    @classmethod
    def _start(cls, plugin: str, named: str, command: tuple[str, ...]) -> "AggregatorProcess":
        ours, theirs = os.pipe()
        try:
            process = subprocess.Popen(
                [*PYTHON, "-m", "mttcg", *command, "--report-fd", str(theirs)],
                pass_fds=[theirs],
                stdin=subprocess.DEVNULL,
                stdout=2,
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(plugin, process, ours, named)

    def report(self, seconds: float) -> Reported:
        """Wait for its end, for so long; then it is killed."""
        content = self._read(time.monotonic() + seconds)
        try:
            status = self.process.wait(EXIT_SECONDS if content is not None else 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        named = self.named
        if content is None:
            return Reported(None, f"{named} did not report within {seconds:g} s and was killed")
        ended = end_text(status)
        try:
            report = json.loads(content)
        except ValueError:
            return Reported(None, f"{named} gave no report ({ended})")
        return Reported(report, f"the report of {named} is incomplete ({ended})" if status else "")

    def _read(self, until: float) -> bytes | None:
        """All that comes until the pipe ends, None if that is not in time."""
        content = bytearray()
        poller = select.poll()
        poller.register(self.report_fd, select.POLLIN)
        while poller.poll(max(0.0, until - time.monotonic()) * 1000):
            part = os.read(self.report_fd, READ_BYTES)
            if not part:
                return bytes(content)
            content += part
        return None

    def ended(self) -> int | None:
        """Its exit status, None if it runs."""
        return self.process.poll()

    def end(self) -> None:
        """Kill it if it runs, and close the pipe."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.report_fd)


def _with_keys(keys: Path | None) -> tuple[str, ...]:
    return () if keys is None else ("--keys", str(keys), "--server", str(keys))
