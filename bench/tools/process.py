"""Running a process to its end, with what it took."""

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.errors import RunFailed

LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class Ended:
    """A process that ended with status 0: its streams, wall seconds, and CPU seconds.

    `cpu` includes its descendants as far as they were waited for.
    """

    output: str
    errors: str
    wall: float
    cpu: float


def run(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> Ended:
    """Run a process; raises RunFailed, naming the variant, if its status is not 0."""
    before, began = _children_cpu(), time.perf_counter()
    try:
        done = subprocess.run(
            arguments,
            env={**os.environ, **(environment or {})},
            input=given,
            capture_output=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise RunFailed(name, f"no end within {LIMIT_SECONDS:g} s") from expired
    wall, cpu = time.perf_counter() - began, _children_cpu() - before
    errors = done.stderr.decode(errors="replace")
    if done.returncode != 0:
        raise RunFailed(name, f"exit status {done.returncode}", errors)
    return Ended(done.stdout.decode(errors="replace"), errors, wall, cpu)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
