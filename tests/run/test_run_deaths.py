"""A process of a run is killed: the run says who it was, and loses nothing that it need not."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from run_harness import LIMIT, SOON, Running, closes, eventually, guest, is_alive, plugin

from mttcg.engine.llvm.frame import COUNT_START, ONE_INSTRUCTION
from mttcg.supervisor.delivery.delivery import REPORT_SECONDS
from mttcg_bus.errors import BusError
from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger, ask_snapshot

EXIT_FAULT = 70
ANNOUNCED = "mttcg: bus at "
SPINNING = ("--plugin", "hotblocks,top=0", "--plugin", "memtrace")


def spin(start: Callable[..., Running], *arguments: str, smp: int = 2) -> Running:
    """A guest that would run for ever, once all its harts do."""
    running = start(guest("spin"), "--smp", str(smp), *arguments, with_json=True)
    running.read(until=f"spinning on {smp} harts\n".encode())
    return running


def killed(running: Running, role: str, index: int = 0) -> float:
    """Kill one of its processes; the seconds that the run takes from there to its end."""
    running.kill(role, index)
    began = time.monotonic()
    assert running.wait() == EXIT_FAULT, running.stderr
    running.check_nothing_left()
    return time.monotonic() - began


BETWEEN_LOOKS = -COUNT_START // ONE_INSTRUCTION + 4096
"""The most instructions from one look for requests to the next: what was set, and a page."""


MULTIPLIED = 32**3
"""Instructions that a call of mix's `multiply_matrices` runs at the least."""


def executions(report: dict[str, Any], cpu: int) -> int:
    return sum(int(row[f"cpu{cpu}"]) for row in report["hottest"])


def test_a_killed_vcpu_is_named_and_nothing_that_it_recorded_is_lost(
    start: Callable[..., Running],
) -> None:
    running = spin(start, *SPINNING, smp=3)
    assert len(running.members("vcpu")) == 3
    assert killed(running, "vcpu", 1) < SOON
    result = running.result
    dead = result["vcpus"][1]
    assert result["stop_reason"] == "a vCPU process died"
    assert [vcpu["state"] for vcpu in result["vcpus"]] == ["stopped", "killed", "stopped"]
    (line,) = (line for line in running.stderr.splitlines() if "vCPU 1: " in line)
    assert line == (
        f"mttcg: vCPU 1: its process ended (signal 9) near pc {dead['pc']}, "
        f"after {dead['instructions']} instructions"
    )
    assert 0x8000_0000 <= int(dead["pc"], 16) < 0x8010_0000
    assert int(dead["registers"]["pc"], 16) >> 28 == 8
    assert dead["registers"]["sp"] != "0x0"
    assert f"vCPU 1 (killed) at pc {dead['pc']}" in running.stderr
    assert closes(result["ledger"]), result["ledger"]
    for vcpu in result["vcpus"]:
        # a killed one's own counts are those of its last look for requests
        counted = executions(result["plugins"]["hotblocks"], vcpu["index"])
        most = BETWEEN_LOOKS if vcpu["state"] == "killed" else 0
        assert abs(vcpu["blocks"] - counted) <= most
    recorded = {vcpu["cpu"]: vcpu["reads"] for vcpu in result["plugins"]["memtrace"]["vcpus"]}
    assert min(recorded.values()) > 1000


def test_what_was_recorded_up_to_the_last_look_outlives_a_kill(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    rounds, record = ("--set", "rounds=1000000"), ("--record", str(tmp_path / "recording"))
    running = start(
        *(guest("mix"), "--smp", "2", *rounds, *record, "--control"),
        *("--plugin", plugin("calls_of", function="multiply_matrices")),
        with_json=True,
    )
    eventually(lambda: ANNOUNCED in running.stderr)
    url = running.stderr.split(ANNOUNCED)[1].split()[0]
    # for a while it has run in its best code, which it leaves for requests alone
    eventually(lambda: any(v["instructions"] > 200_000_000 for v in ask_snapshot(url).vcpus))
    assert killed(running, "vcpu", 1) < SOON
    assert closes(running.result["ledger"]), running.result["ledger"]
    recorded = running.result["ledger"]["calls_of.called"]["delivered"]
    missing = running.result["plugins"]["calls_of"]["total"]["calls"] - recorded
    assert 0 <= missing <= BETWEEN_LOOKS // MULTIPLIED + 1


def said(running: Running) -> list[str]:
    """The lines on stderr that are no table's."""
    lines = (line for line in running.stderr.splitlines() if ANNOUNCED not in line)
    return [line.removeprefix("mttcg: ") for line in lines if line.startswith("mttcg: ")]


def test_a_killed_host_takes_the_vcpus_along_but_not_their_records(
    start: Callable[..., Running],
) -> None:
    running = spin(start, *SPINNING)
    assert killed(running, "host") < SOON
    result = running.result
    cause, *facts = result["failures"]
    assert cause == "the vCPU host ended unexpectedly (signal 9), and all vCPUs with it"
    assert said(running) == [cause]
    assert sorted(fact.partition(" near pc")[0] for fact in facts) == [
        f"vCPU {cpu}: its process ended (signal 9)" for cpu in range(2)
    ]
    assert [vcpu["state"] for vcpu in result["vcpus"]] == ["killed"] * 2
    assert closes(result["ledger"]), result["ledger"]
    assert all(executions(result["plugins"]["hotblocks"], cpu) > 1000 for cpu in range(2))


@pytest.mark.parametrize(
    ("role", "cause"),
    [
        ("host", "the vCPU host ended unexpectedly (signal 9)"),
        ("publisher", "publisher lost: signal 9"),
        ("aggregator", "the run can't begin without the aggregator of memtrace: it ended"),
    ],
)
def test_a_run_that_can_not_begin_gives_one_reason(
    start: Callable[..., Running], tmp_path: Path, role: str, cause: str
) -> None:
    plugins = ("--plugin", "memtrace", "--shards", "memtrace=2", "--plugin", "hotblocks")
    everything = (*plugins, "--record", str(tmp_path / "recording"), "--wait-subscribers", "1")
    running = start(guest("hello"), "--smp", "2", "--quiet", *everything)
    # from its address on, all who are to subscribe are started, and connect
    eventually(lambda: ANNOUNCED in running.stderr and running.members(role))
    running.kill(role)
    if role == "host":  # whose end is seen when the run is to begin
        url = running.stderr.split(ANNOUNCED)[1].split()[0]
        with suppress(BusError), Subscriber(url, [""], "stranger", connect_seconds=LIMIT) as one:
            for _ in one:
                pass
    assert running.wait() == EXIT_FAULT
    said = [line for line in running.stderr.splitlines() if ANNOUNCED not in line]
    assert len(said) == 1, said
    assert cause in said[0]
    running.check_nothing_left()


def test_a_killed_publisher_ends_the_run(start: Callable[..., Running]) -> None:
    running = spin(start, "--plugin", "memtrace", "--plugin", "icount")
    assert killed(running, "publisher") < SOON
    result = running.result
    cause, report, undelivered = result["failures"]
    assert cause == "the bus publisher died (signal 9)"
    assert said(running) == [cause]
    assert report.startswith("the report of the aggregator of memtrace is incomplete (bus ipc:")
    assert undelivered.startswith("stream memtrace.access: ")
    assert [vcpu["state"] for vcpu in result["vcpus"]] == ["stopped"] * 2
    assert result["plugins"]["icount"]["total"]["blocks"] > 1000
    ledger = result["ledger"]["memtrace.access"]
    parts = ledger["delivered"] + ledger["dropped"] + ledger["in_flight"]
    assert ledger["emitted"] == parts > ledger["delivered"]


def test_a_killed_aggregator_does_not_stop_the_guest(start: Callable[..., Running]) -> None:
    running = start(
        *(guest("echo"), "--plugin", "memtrace", "--plugin", "hotblocks"),
        stdin=subprocess.PIPE,
        with_json=True,
    )
    running.read(until=b"echo until q\n")
    names = [" ".join(process.cmdline()) for process in running.members("aggregator")]
    victim = running.kill("aggregator", next(i for i, n in enumerate(names) if "memtrace" in n))
    eventually(lambda: not is_alive(victim))
    stdin = running.process.stdin
    assert stdin is not None
    with stdin:
        stdin.write(b"abcq")
    assert running.wait() == EXIT_FAULT
    assert running.shown == b"echo until q\nABC\n"
    result = running.result
    cause, left, undelivered = result["failures"]
    assert cause == "the aggregator of memtrace gave no report (signal 9)"
    assert said(running) == [cause]
    assert left.startswith("subscriber memtrace left ")
    assert undelivered.startswith("stream memtrace.access: ")
    assert result["stop_reason"] == "the guest ended"
    assert result["plugins"]["hotblocks"]["executions"] == result["vcpus"][0]["blocks"]
    running.check_nothing_left()


def test_a_killed_translator_costs_speed_and_is_named(start: Callable[..., Running]) -> None:
    running = start(guest("echo"), with_json=True, stdin=subprocess.PIPE)
    eventually(lambda: len(running.members("translator")) == 1)
    running.kill("translator")
    eventually(lambda: not running.members("translator"))
    stdin = running.process.stdin
    assert stdin is not None
    with stdin:
        stdin.write(b"abcq")
    assert running.wait() == 0
    assert running.shown == b"echo until q\nABC\n"
    (warning,) = running.result["warnings"]
    assert warning.startswith("the translator ended (signal 9)")
    assert f"mttcg: warning: {warning}" in running.stderr
    running.check_nothing_left()


def test_a_killed_supervisor_takes_everything_along(start: Callable[..., Running]) -> None:
    running = spin(start, *SPINNING)
    assert len(running.members("vcpu")) == 2
    os.kill(running.process.pid, 9)
    assert running.process.wait(SOON) == -9
    running.check_nothing_left()


@pytest.mark.parametrize("shards", [1, 2])
def test_nobody_waits_for_an_aggregator_that_was_given_up(
    start: Callable[..., Running], tmp_path: Path, shards: int
) -> None:
    url = f"ipc://{tmp_path}/bus"
    running = spin(
        *(start, "--plugin", "memtrace", "--plugin", "hotblocks,top=0", "--bus", url),
        *("--shards", f"memtrace={shards}", "--stall-limit", "3"),
    )
    named = {" ".join(process.cmdline()): process for process in running.members("aggregator")}
    stopped = next(process for words, process in named.items() if "memtrace" in words)
    name = "memtrace"
    if shards > 1:
        stopped = next(child for child in stopped.children() if "1/2" in child.cmdline())
        name = "memtrace/1"
    stopped.suspend()
    eventually(lambda: all(one["name"] != name for one in ask_ledger(url)["subscribers"]))
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    assert time.monotonic() - began < REPORT_SECONDS / 2
    (cause,) = said(running)
    assert cause == running.result["failures"][0]
    report = running.result["plugins"]["memtrace"]
    if shards > 1:
        assert cause == (
            "the report of the aggregator of memtrace is incomplete "
            "(shard 1 of 2 was stopped, and killed; what it had is lost)"
        )
        assert report["vcpus"][0]["reads"] > report["vcpus"][1]["reads"] == 0
    else:
        silent = "acknowledged nothing in 3 s"
        assert cause == f"the aggregator of memtrace {silent}, was given up and killed"
        assert report == {}
    running.check_nothing_left()
