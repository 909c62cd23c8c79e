"""Aggregators in shards, and results while the guest runs."""

import json
import os
import signal
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from run_harness import Running, eventually, guest, is_alive

from mttcg import Machine
from mttcg.cli import main
from mttcg.errors import OptionError
from mttcg.supervisor.results.result import RunResult, StopReason

STREAM = "memtrace.access"


def replayed(recording: Path, out: Path, spec: str) -> Any:
    assert main(["replay", str(recording), "--plugin", spec, "--json", str(out)]) == 0
    return json.loads(out.read_text())["report"]


def test_shards_find_what_one_finds(tmp_path: Path) -> None:
    recording, trace = tmp_path / "a.rec", tmp_path / "trace.npy"
    plugins = [f"memtrace,top=0,out={trace}", "hotblocks,top=0"]
    machine = Machine(
        guest("hello"), smp=3, plugins=plugins, shards={"memtrace": 2, "": 64}, record=recording
    )
    result = machine.run(console=BytesIO()).to_json()
    assert (result["exit_status"], result["failures"]) == (0, [])
    names = {subscriber["name"] for subscriber in result["subscribers"]}
    memtrace, hotblocks = {f"memtrace/{n}" for n in range(2)}, {f"hotblocks/{n}" for n in range(3)}
    assert names == memtrace | hotblocks | {"recorder"}
    reports = result["plugins"]
    assert reports["hotblocks"] == replayed(recording, tmp_path / "h", "hotblocks,top=0")
    files = [str(tmp_path / f"trace.{n}.npy") for n in range(2)]
    assert reports["memtrace"].pop("file") == "; ".join(files)
    assert reports["memtrace"] == replayed(recording, tmp_path / "m", "memtrace,top=0")
    even, odd = (np.load(file) for file in files)
    assert set(even["cpu"]) == {0, 2}
    assert set(odd["cpu"]) == {1}
    assert len(even) + len(odd) == result["ledger"][STREAM]["emitted"]


def test_shards_of_what_there_is_not_are_a_mistake() -> None:
    machine = Machine(guest("hello"), plugins=["icount", "memtrace"], shards={"icount": 2})
    with pytest.raises(OptionError, match="no aggregator of icount; expected one of memtrace"):
        machine.run(console=BytesIO())


def test_a_killed_shard_does_not_stop_the_guest_and_is_named(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    recording = tmp_path / "a.rec"
    shards = ("--plugin", "memtrace", "--shards", "2", "--interim", "0.2")
    running = start(
        *(guest("spin"), "--smp", "2", *shards, "--record", str(recording)), with_json=True
    )
    running.read(until=b"spinning on 2 harts\n")
    [merging] = running.members("aggregator")
    victim = next(c for c in merging.children() if "1/2" in c.cmdline())
    json_file = running.directory / "result.json"
    eventually(lambda: json_file.exists() and counted(json.loads(json_file.read_text())) > 0)
    victim.kill()
    eventually(lambda: not is_alive(victim))
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    result = running.result
    assert "shard 1 of 2 died (signal 9); its last interim state is used" in running.stderr
    assert any(
        "the report of the aggregator of memtrace is incomplete (shard 1" in f
        for f in result["failures"]
    )
    assert any("subscriber memtrace/1 left" in f for f in result["failures"])
    assert result["stop_reason"] == "interrupted"
    emitted = result["ledger"][STREAM]["emitted"]
    assert 0 < counted(result) < emitted
    report = replayed(recording, tmp_path / "report", "memtrace")
    assert report["accesses"] == emitted
    assert report["vcpus"][0] == result["plugins"]["memtrace"]["vcpus"][0]
    running.check_nothing_left()


def counted(result: Any) -> int:
    return int(result["plugins"].get("memtrace", {}).get("accesses", 0))


def test_shards_end_with_the_one_that_merges(start: Callable[..., Running]) -> None:
    running = start(guest("spin"), "--smp", "2", "--plugin", "memtrace", "--shards", "2")
    running.read(until=b"spinning on 2 harts\n")
    [merging] = running.members("aggregator")
    shards = eventually(lambda: len(merging.children()) == 2 and merging.children())
    merging.kill()
    _, alive = psutil.wait_procs(shards, timeout=15)
    assert not alive
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    assert "the aggregator of memtrace gave no report (signal 9)" in running.stderr
    running.check_nothing_left()


INTERIM_COUNTS = (("memtrace", "accesses"), ("hotblocks", "executions"))


@pytest.mark.parametrize("shards", [1, 2])
def test_interim_results_come_while_the_guest_runs(shards: int) -> None:
    seen: list[RunResult] = []
    reading, writing = os.pipe()

    def show(result: RunResult) -> None:
        """End the guest, which waits for input, once all plugins have counted something."""
        seen.append(result)
        counted = [result.plugins[plugin].get(count, 0) for plugin, count in INTERIM_COUNTS]
        if all(result.plugins.values()) and all(counted):
            os.write(writing, b"q")

    plugins = ["memtrace", "hotblocks", "icount"]
    machine = Machine(guest("echo"), smp=2, plugins=plugins, interim=0.1, shards={"": shards})
    try:
        final = machine.run(console=BytesIO(), stdin_fd=reading, on_interim=show)
    finally:
        os.close(reading)
        os.close(writing)
    assert (final.failures, final.stop_reason) == ([], StopReason.GUEST_EXIT)
    last = seen[-1]
    assert {result.stop_reason for result in seen} == {StopReason.RUNNING}
    assert last.plugins.keys() == final.plugins.keys()
    for plugin, count in INTERIM_COUNTS:
        assert 0 < last.plugins[plugin][count] <= final.plugins[plugin][count]
    executed = sum(vcpu.blocks for vcpu in final.vcpus)
    assert final.plugins["hotblocks"]["executions"] == executed
    assert all(vcpu.registers is None for vcpu in last.vcpus)
