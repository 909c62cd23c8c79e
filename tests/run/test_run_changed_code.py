"""Code that harts write while they run it, in whole runs on the interpreter."""

from collections.abc import Callable

import pytest
from run_harness import LIMIT, Running, eventually, guest

INTERPRETER = ("--tiers", "interpreter,optimised")
EXIT_FAULT = 70
SOME_TIME = 0.3
"""Seconds of a vCPU, by when it is in the guest's code."""


@pytest.mark.parametrize("smp", [1, 2, 8])
def test_a_hart_runs_what_another_wrote_once_it_was_told(
    start: Callable[..., Running], smp: int
) -> None:
    rounds = 40 // smp
    arguments = ("--smp", str(smp), "--set", f"rounds={rounds}", *INTERPRETER)
    running = start(guest("selfmod"), *arguments, with_json=True)
    assert running.wait() == 0, running.stderr
    for vcpu in running.result["vcpus"]:
        assert vcpu["cache"]["invalidated"] >= rounds


def test_a_vcpu_that_dies_while_it_enters_changed_code_stops_nobody(
    start: Callable[..., Running],
) -> None:
    running = start(guest("selfmod"), "--smp", "2", "--set", "rounds=100000000", *INTERPRETER)
    members = eventually(lambda: len(running.members("vcpu")) == 2 and running.members("vcpu"))
    eventually(lambda: all(sum(member.cpu_times()[:2]) > SOME_TIME for member in members), LIMIT)
    running.kill("vcpu", 1)
    assert running.wait() == EXIT_FAULT, running.stderr
    running.check_nothing_left()
