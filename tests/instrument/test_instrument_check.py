"""`check`: every guest's counts agree in two ways, and each number that is wrong fails the run."""

import re
from pathlib import Path
from typing import Any

import pytest
from instrument_harness import ENGINE, GUESTS, SETTINGS, TESTS, plugin, run_guest

from mttcg.supervisor.machine import Machine

EXIT_FAULT = 70
ROUNDS = SETTINGS | {
    "adds": {"rounds": 1},
    "caches": {"rounds": 1},
    "calls": {"rounds": 1},
    "flops": {"rounds": 1},
    "litmus": {"rounds": 500},
    "locks": {"rounds": 50},
    "memory": {"rounds": 1},
    "once": {"rounds": 1},
    "races": {"rounds": 50},
    "sharing": {"rounds": 50},
    "warming": {"rounds": 2, "phase_steps": 10, "round_steps": 10},
}
NOT_BY_THEMSELVES = {"echo", "interrupts", "spin", "wait"}
"""Guests that do not end."""
NOT_ON_UNICORN = {"paged"} if ENGINE == "unicorn" else set()
"""It translates no addresses."""
LEFT_OUT = NOT_BY_THEMSELVES | NOT_ON_UNICORN
NAMES = sorted(path.stem for path in GUESTS.glob("*.elf") if path.stem not in LEFT_OUT)
HARTS = {"hello": (1, 8), "counter": (1, 4, 8)}
"""How many harts; two if it says nothing."""


def check_numbers(found: Any) -> None:
    """Every vCPU and stream stands there, and each number is what the other way gives.

    A hart may not have begun when another ends the guest; but not all of them.
    """
    assert any(vcpu["instructions"]["retired"] for vcpu in found["vcpus"])
    for vcpu in found["vcpus"]:
        instructions, blocks = vcpu["instructions"], vcpu["blocks"]
        retired = instructions["retired"]
        assert retired == instructions["by blocks"] == instructions["one by one"]
        assert blocks["entered"] == blocks["by block"] >= (retired > 0)
        assert vcpu["accesses"]["counted"] == vcpu["accesses"]["recorded"]
        addresses = vcpu["addresses"]
        assert 0 <= addresses["covered"] - addresses["executed"] <= instructions["left early"]
    for stream in found["streams"]:
        assert stream["emitted"] == stream["received"]
    assert (found["skipped"], found["difference"]) == ([], "")


@pytest.mark.parametrize("guest", NAMES)
def test_the_counts_of_every_guest_agree(guest: str) -> None:
    for smp in HARTS.get(guest, (2,)):
        symbols = ROUNDS.get(guest, {}) | {"harts_expected": smp}
        done = run_guest(guest, smp=smp, symbols=symbols, check=True)
        assert done.result.failures == []
        check_numbers(done.result.check)
        assert len(done.result.check["vcpus"]) == smp


@pytest.mark.parametrize("moved", [False, True])
def test_blocks_that_are_left_early_count_what_ran(
    own_guests: dict[str, Path], moved: bool
) -> None:
    """By devices, faults, interrupts, instructions of the host, callbacks that move pc, the end."""
    plugins = ["howvec", *([plugin("moving")] if moved else [])]
    done = run_guest(own_guests["left"], *plugins, check=True)
    assert done.in_order, done.result.failures
    check_numbers(done.result.check)
    retired = done.result.vcpus[0].instructions
    assert done.report("howvec")["instructions"] == retired
    assert done.result.vcpus[0].interrupts == 7


def test_beside_plugins_that_count_and_record_as_well() -> None:
    plugins = ("icount", "hotblocks,top=0", "coverage", "memtrace", "execlog", "timeline")
    done = run_guest("hello", *plugins, smp=2, symbols={"harts_expected": 2}, check=True)
    assert done.result.failures == []
    check_numbers(done.result.check)
    streams = {(stream["stream"], stream["cpu"]) for stream in done.result.check["streams"]}
    assert {("memtrace.access", 1), ("execlog.retired", 0), ("hotblocks.blocks", 1)} <= streams
    assert not any("check" in name for name in (*done.result.plugins, *done.result.ledger))


def test_in_shards() -> None:
    machine = Machine(
        GUESTS / "hello.elf",
        smp=4,
        engine=ENGINE,
        plugins=["memtrace"],
        shards={"": 2},
        symbols_set={"harts_expected": 4},
        check=True,
    )
    result = machine.run(console=None)
    assert result.failures == []
    check_numbers(result.check)
    assert {stream["cpu"] for stream in result.check["streams"]} == {0, 1, 2, 3}


NUMBER = "([0-9,]+)"
AT = r"at (0x8\w+) \(\w+(\+0x\w+)?\)"
WRONG = {
    "instructions": f"{NUMBER} instructions by executions of blocks, less {NUMBER} left early; "
    f"{NUMBER} retired",
    "table": f"{NUMBER} instructions by executions of blocks, less {NUMBER} left early; "
    f"{NUMBER} retired; first {AT}: {NUMBER} by blocks, {NUMBER} one by one",
    "blocks": f"{NUMBER} executions of blocks in all; {NUMBER} entered by the hart's count",
    "accesses": f"{NUMBER} accesses counted; {NUMBER} recorded",
    "records": f"{NUMBER} accesses counted; {NUMBER} recorded",
    "place": f"{NUMBER} addresses in executed blocks, {NUMBER} executed one by one; first {AT}: "
    f"{NUMBER} by blocks, {NUMBER} one by one",
    "batch": f"{NUMBER} records emitted; {NUMBER} received",
}
"""What is said of each number that `miscounting` can put wrong, on vCPU 1."""


@pytest.mark.parametrize("what", WRONG)
def test_a_number_that_is_wrong_fails_the_run(what: str) -> None:
    spec = plugin("miscounting", what=what, cpu=1)
    done = run_guest("hello", spec, smp=2, symbols={"harts_expected": 2}, check=True)
    assert done.result.exit_status == EXIT_FAULT
    (failure,) = done.result.failures
    on = "stream miscounting.accesses of vCPU 1" if what == "batch" else "vCPU 1"
    found = re.fullmatch(f"check: {on}: {WRONG[what]}", failure)
    assert found, failure
    assert done.result.to_json()["check"]["difference"] == failure


def test_a_run_that_a_callback_ends_is_checked() -> None:
    for place, after in (("insn", 300), ("memory", 40)):
        spec = f"{TESTS / 'run/plugins/raising.py'},at={place},cpu=1,after={after}"
        done = run_guest("hello", spec, smp=2, symbols={"harts_expected": 2}, check=True)
        assert done.result.exit_status == EXIT_FAULT
        assert len(done.result.failures) == 1
        assert len(done.result.check["vcpus"]) == 2
        check_numbers(done.result.check)
