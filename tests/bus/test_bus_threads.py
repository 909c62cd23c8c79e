"""The environment of our own processes."""

import os
import subprocess
import sys

import pytest

from mttcg_bus.host.threads import single_threaded, stay_single_threaded

THREADS = "import numpy, os; print(len(os.listdir('/proc/self/task')))"


def threads(environment: dict[str, str]) -> int:
    """How many threads a process has once it has loaded numpy."""
    command = [sys.executable, "-c", THREADS]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(ended.stdout)


def test_numpy_starts_no_thread_unless_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert threads(single_threaded()) == 1
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert threads(single_threaded()) == 2
    assert threads(single_threaded(always=True)) == 1


def test_a_process_stays_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ.pop("OPENBLAS_NUM_THREADS", None)
    stay_single_threaded()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    os.environ["OPENBLAS_NUM_THREADS"] = "2"
    stay_single_threaded()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
