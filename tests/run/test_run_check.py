"""`mttcg run --check`: what it says, and runs that do not end by themselves."""

import signal
from collections.abc import Callable

import pytest
from run_harness import ROOT, Running, eventually, guest

EXIT_FAULT = 70
MISCOUNTING = ROOT / "tests" / "instrument" / "plugins" / "miscounting.py"
ENGINES = ("llvm", "unicorn")


def test_a_difference_is_a_line_and_a_status(start: Callable[..., Running]) -> None:
    spec = f"{MISCOUNTING},what=blocks,cpu=0"
    running = start(guest("hello"), "--check", "--quiet", "--plugin", spec, with_json=True)
    assert running.wait() == EXIT_FAULT
    (line,) = running.stderr.splitlines()
    assert line.startswith("mttcg: check: vCPU 0: ")
    assert running.result["failures"] == [line.removeprefix("mttcg: ")]
    assert running.result["check"]["difference"] == line.removeprefix("mttcg: ")


def test_without_it_nothing_is_compared(start: Callable[..., Running]) -> None:
    running = start(guest("hello"), "--quiet", with_json=True)
    assert running.wait() == 0
    assert running.result["check"] == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupted_run_is_checked(start: Callable[..., Running], engine: str) -> None:
    arguments = ("--check", "--smp", "2", "--engine", engine, "--plugin", "memtrace")
    running = start(guest("spin"), *arguments, with_json=True)
    running.read(until=b"\n")
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 128 + signal.SIGINT
    found = running.result["check"]
    assert (len(found["vcpus"]), found["skipped"], found["difference"]) == (2, [], "")
    assert all(stream["received"] == stream["emitted"] for stream in found["streams"])


def test_of_a_killed_vcpu_nothing_is_compared(start: Callable[..., Running]) -> None:
    running = start(guest("spin"), "--check", "--smp", "2", with_json=True)
    running.read(until=b"\n")
    eventually(lambda: len(running.members("vcpu")) == 2)
    running.kill("vcpu", 1)
    assert running.wait() == EXIT_FAULT
    found = running.result["check"]
    assert [vcpu["cpu"] for vcpu in found["vcpus"]] == [0]
    assert found["skipped"] == ["vCPU 1: it did not end in order (killed)"]
    assert found["difference"] == ""
