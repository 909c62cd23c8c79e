"""Runs of `mttcg` as a stranger starts them: a process of its own, watched from outside.

Every process of a run inherits a mark in its environment, by which all that is left of a run is
found, wherever it has gone. Each run has a directory of its own for temporary files.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
GUESTS = ROOT / "examples" / "guests"
PLUGINS = Path(__file__).parent / "plugins"
MARK = "MTTCG_TEST_RUN"
LIMIT = 60.0
"""Seconds; no test waits longer for anything, nearly all wait for a fraction of it."""
SOON = 15.0
"""Seconds within which what takes one or two has to happen on a machine that is busy."""
ROLES = {
    "host": "mttcg.processes.host",
    "publisher": "mttcg_bus.publisher",
    "aggregator": "subscribe",
}
"""What is in the command line of each kind of process, besides the vCPUs, which are forked."""


def guest(name: str) -> str:
    return str(GUESTS / f"{name}.elf")


def plugin(name: str, **options: object) -> str:
    return ",".join([str(PLUGINS / f"{name}.py"), *(f"{k}={v}" for k, v in options.items())])


def eventually(condition: Callable[[], Any], seconds: float = SOON) -> Any:
    """What `condition` gives once it is true; fails if it is not within `seconds`."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.005)
    return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def marked(mark: str) -> list[psutil.Process]:
    """The processes of a run that there are."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and is_alive(process):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


class Running:
    """A command that runs, by default `python -m mttcg run` with these arguments."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        program: Iterable[str] = ("-m", "mttcg", "run"),
        with_json: bool = False,
        environment: Mapping[str, str] | None = None,
        **keywords: Any,
    ) -> None:
        self.mark = uuid.uuid4().hex
        self.directory = directory / self.mark
        self.directory.mkdir()
        self.temporary = Path(tempfile.mkdtemp(prefix="mttcg-test-"))
        if with_json:
            arguments += ("--json", str(self.directory / "result.json"))
        own = {MARK: self.mark, "TMPDIR": str(self.temporary)}
        reading, writing = os.pipe()
        self.output = reading
        keywords = {"stdin": subprocess.DEVNULL, "stdout": writing, **keywords}
        with (self.directory / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", *program, *arguments],
                stderr=stderr,
                env=dict(os.environ) | own | dict(environment or {}),
                start_new_session=True,
                **keywords,
            )
        os.close(writing)
        self.shown = b""

    @property
    def stderr(self) -> str:
        """What it has written to stderr so far."""
        return (self.directory / "stderr").read_text()

    @property
    def result(self) -> Any:
        """What --json wrote, for one that was started `with_json`."""
        return json.loads((self.directory / "result.json").read_text())

    def read(self, until: bytes | None = None, seconds: float = LIMIT) -> bytes:
        """Read stdout until it has shown some text, or to its end; all that it has shown."""
        limit = time.monotonic() + seconds
        while until is None or until not in self.shown:
            left = limit - time.monotonic()
            assert left > 0, f"not within {seconds} s: {until!r} in {self.shown!r}; {self.stderr}"
            if select.select([self.output], [], [], left)[0]:
                part = os.read(self.output, 1 << 16)
                if not part:
                    assert until is None, f"no {until!r} in {self.shown!r}; {self.stderr}"
                    break
                self.shown += part
        return self.shown

    def wait(self, seconds: float = LIMIT) -> int:
        """Read stdout to its end and wait; the exit status."""
        self.read(seconds=seconds)
        return self.process.wait(seconds)

    def members(self, role: str) -> list[psutil.Process]:
        """The processes of a kind that it has now, the vCPUs in order."""
        children = list(filter(is_alive, psutil.Process(self.process.pid).children()))
        if role == "vcpu":
            hosts = self.members("host")
            vcpus = hosts[0].children() if hosts else []
            named = [child for child in filter(is_alive, vcpus) if child.name().startswith("vcpu")]
            return sorted(named, key=lambda process: process.pid)
        if role in ("translator", "devices"):
            hosts = self.members("host")
            return [c for c in hosts[0].children() if c.name() == role] if hosts else []
        return [child for child in children if ROLES[role] in " ".join(child.cmdline())]

    def kill(self, role: str, index: int = 0, number: int = signal.SIGKILL) -> psutil.Process:
        """Send a signal to one of its processes, by its process id."""
        victim = self.members(role)[index]
        victim.send_signal(number)
        return victim

    def check_nothing_left(self, seconds: float = SOON) -> None:
        """Fail unless all its processes end, and no file of its stays."""
        _, alive = psutil.wait_procs(marked(self.mark), timeout=seconds)
        still = [process.cmdline() for process in alive if is_alive(process)]
        assert not still
        assert list(self.temporary.iterdir()) == []

    def end(self) -> None:
        """Kill what is left, by process id."""
        for process in marked(self.mark):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()
        os.close(self.output)
        shutil.rmtree(self.temporary)


def closes(ledger: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether every record that was emitted was delivered, and there were some."""
    return bool(ledger) and all(
        counts["emitted"] == counts["delivered"] > 0 for counts in ledger.values()
    )
