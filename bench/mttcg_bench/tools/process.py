"""Running a process to its end, with what it and its descendants took."""

import contextlib
import os
import resource
import select
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from mttcg_bench.checkout import ROOT
from mttcg_bench.errors import RunFailed

NOTHING_KEPT = "PYTHONDONTWRITEBYTECODE"
"""Under it each process would compile our modules again, which takes half of a start."""
LIMIT_SECONDS = 300.0
LOOK_SECONDS = 0.2
"""Between two looks at the processes."""
STOP_SECONDS = 5.0
CHILDREN_ARE_LISTED = Path("/proc/thread-self/children").exists()

ROLES = {
    "vcpu": "vcpus",
    "translator": "translator",
    "mttcg_bus.publisher": "publisher",
    "--report-fd": "aggregators",
    "mttcg.processes.host": "host",
}
"""What a process of `mttcg run` does, by what its name or its command line has in it."""


@dataclass(frozen=True)
class EndedProcess:
    """A process that ended with status 0: its streams, wall seconds, and CPU seconds.

    `cpu` includes its descendants as far as they were waited for. `cpu_of` has the CPU seconds of
    the processes by role, as last seen, so short by up to LOOK_SECONDS; `unique` the largest unique
    set size, in bytes, that a process of each role was seen to have.
    """

    output: str
    errors: str
    wall: float
    cpu: float
    cpu_of: dict[str, float] = field(default_factory=dict)
    unique: dict[str, int] = field(default_factory=dict)


class Onlooker:
    """Looks at a process and its descendants now and then.

    A look takes time of a core that the guest may need. So what takes most of it, memory and what a
    process is, is looked at ever less often: at the first, second, fourth look, and so on.
    """

    def __init__(self, process: int) -> None:
        self.process = process
        self.known: dict[int, psutil.Process] = {}
        self.cpu: dict[int, tuple[str, float]] = {}
        self.unique: dict[str, int] = defaultdict(int)
        self.looks = 0

    def look(self) -> None:
        """Note what each has used; one that ends meanwhile was seen before."""
        self.looks += 1
        for number in [self.process, *descendants(self.process)]:
            with contextlib.suppress(psutil.Error):
                if number not in self.known:
                    self.known[number] = psutil.Process(number)
                self.note(self.known[number])

    def note(self, process: psutil.Process) -> None:
        """Note one process."""
        times = process.cpu_times()
        closely = process.pid not in self.cpu or self.looks & self.looks - 1 == 0
        role = self._role(process) if closely else self.cpu[process.pid][0]
        self.cpu[process.pid] = (role, times.user + times.system)
        if closely:
            self.unique[role] = max(self.unique[role], process.memory_full_info().uss)

    def _role(self, process: psutil.Process) -> str:
        return "command" if process.pid == self.process else role_of(process)

    def cpu_of(self) -> dict[str, float]:
        """CPU seconds by role."""
        found: dict[str, float] = defaultdict(float)
        for role, seconds in self.cpu.values():
            found[role] += seconds
        return dict(found)


def descendants(process: int) -> list[int]:
    """Those that a process has now, without a look at all others if the kernel can (proc(5))."""
    if not CHILDREN_ARE_LISTED:
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(process).children(recursive=True)]
        return []
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return [*found, *(number for child in found for number in descendants(child))]


def role_of(process: psutil.Process) -> str:
    """What a process does."""
    shown = f"{process.name()} {' '.join(process.cmdline())}"
    return next((role for part, role in ROLES.items() if part in shown), "other")


def inherited() -> dict[str, str]:
    """The environment of what is measured: as ours, but Python keeps what it compiles there."""
    return {name: value for name, value in os.environ.items() if name != NOTHING_KEPT}


def run(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    watched: bool = False,
) -> EndedProcess:
    """Run a process, from the root of the sources; raises RunFailed if its status is not 0.

    name: of the variant, for the error. given: its standard input. watched: whether to look at its
    descendants.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with tempfile.TemporaryFile() as source:
            source.write(given)
            source.seek(0)
            before, began = _children_cpu(), time.perf_counter()
            process = subprocess.Popen(
                arguments,
                cwd=ROOT,
                env={**inherited(), **(environment or {})},
                stdin=source,
                stdout=output,
                stderr=errors,
            )
        onlooker = Onlooker(process.pid)
        try:
            _wait(name, process, onlooker if watched else None)
        finally:
            _stop(process)
        wall, cpu = time.perf_counter() - began, _children_cpu() - before
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    if process.returncode != 0:
        raise RunFailed(name, f"exit status {process.returncode}", *texts)
    return EndedProcess(texts[0], texts[1], wall, cpu, onlooker.cpu_of(), dict(onlooker.unique))


def _wait(name: str, process: "subprocess.Popen[bytes]", onlooker: Onlooker | None) -> None:
    """Wait for the end itself: `Popen.wait` with a limit looks for it ever less often, up to 50 ms
    too late."""
    until = time.monotonic() + LIMIT_SECONDS
    end = os.pidfd_open(process.pid)
    try:
        while (left := until - time.monotonic()) > 0:
            if select.select([end], [], [], min(left, LOOK_SECONDS) if onlooker else left)[0]:
                process.wait()
                return
            if onlooker:
                onlooker.look()
    finally:
        os.close(end)
    raise RunFailed(name, f"no end within {LIMIT_SECONDS:g} s")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process that is still there; mttcg ends its own processes when it is asked to end."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
