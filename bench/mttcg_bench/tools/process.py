"""Running a process to its end, with what it and its descendants took."""

import contextlib
import os
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from mttcg_bench.checkout import ROOT
from mttcg_bench.errors import RunFailed

LIMIT_SECONDS = 300.0
LOOK_SECONDS = 0.2
"""Between two looks at the processes."""
LOOKS_AT_MEMORY = 5
"""Each so many looks at memory, too: it takes milliseconds of a core that the guest may need."""
STOP_SECONDS = 5.0

ROLES = {
    "vcpu": "vcpus",
    "translator": "translator",
    "mttcg_bus.publisher": "publisher",
    "--report-fd": "aggregators",
    "mttcg.machine.host": "host",
}
"""What a process of `mttcg run` does, by what its name or its command line has in it."""


@dataclass(frozen=True)
class Ended:
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
    """Looks at a process and its descendants now and then."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.cpu: dict[int, tuple[str, float]] = {}
        self.unique: dict[str, int] = defaultdict(int)
        self.looks = 0

    def look(self) -> None:
        """Note what each has used; one that ends meanwhile was seen before."""
        self.looks += 1
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self.process)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    self.note(process, "command" if process.pid == root.pid else "")

    def note(self, process: psutil.Process, role: str) -> None:
        """Note one process."""
        role = role or role_of(process)
        times = process.cpu_times()
        self.cpu[process.pid] = (role, times.user + times.system)
        if self.looks % LOOKS_AT_MEMORY == 0:
            self.unique[role] = max(self.unique[role], process.memory_full_info().uss)

    def cpu_of(self) -> dict[str, float]:
        """CPU seconds by role."""
        found: dict[str, float] = defaultdict(float)
        for role, seconds in self.cpu.values():
            found[role] += seconds
        return dict(found)


def role_of(process: psutil.Process) -> str:
    """What a process does."""
    shown = f"{process.name()} {' '.join(process.cmdline())}"
    return next((role for part, role in ROLES.items() if part in shown), "other")


def run(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    watched: bool = False,
) -> Ended:
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
                env={**os.environ, **(environment or {})},
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
        raise RunFailed(name, f"exit status {process.returncode}", "\n".join(texts))
    return Ended(texts[0], texts[1], wall, cpu, onlooker.cpu_of(), dict(onlooker.unique))


def _wait(name: str, process: "subprocess.Popen[bytes]", onlooker: Onlooker | None) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS if onlooker else LIMIT_SECONDS)
            return
        if onlooker:
            onlooker.look()
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
