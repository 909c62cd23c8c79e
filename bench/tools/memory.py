"""The tool `memory`: a `mttcg run` that is watched for the memory of its vCPU processes."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.errors import RunFailed
from bench.model import Case, Measurement, Variant
from bench.tools.command import command_line

LOOK_SECONDS = 0.1


def unavailable() -> str:
    """Why it can't run here: it can."""
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """The largest unique set size, in bytes, that a vCPU process had while the guest ran."""
    largest = 0
    with tempfile.TemporaryDirectory() as scratch:
        line = command_line(case, variant, Path(scratch) / "result.json")
        line += ["--memory", variant.settings["memory"]]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                largest = max([largest, *unique_sets(process.pid)])
                try:
                    process.wait(LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
            assert process.stdout is not None
            output = process.stdout.read().decode()
    if process.returncode != 0 or not largest:
        raise RunFailed(variant.name, f"exit status {process.returncode}")
    return Measurement({"unique": float(largest)}, output)


def unique_sets(command: int) -> Iterator[int]:
    """Of each vCPU process of a command, the bytes that would be free if it ended."""
    try:
        for process in psutil.Process(command).children(recursive=True):
            if process.name().startswith("vcpu"):
                yield process.memory_full_info().uss
    except psutil.NoSuchProcess:
        return
