"""Much code that runs once, with much attached: a machine stops in order, nothing is miscounted."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from long_guest import BLOCK, instructions_of, long_guest
from run_harness import Running, closes, eventually

HARTS, BLOCKS = 4, 60
SHORT_BLOCK = 100
"""Instructions; Unicorn splits longer ones where much is attached."""
BUSY_SECONDS = 0.3
"""Of CPU time: a vCPU has spent it on predecoding, and on telling of what it ran."""
PLUGINS = ("howvec", "coverage", "execlog")


def test_a_machine_that_meets_new_code_stops_in_order(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    guest = tmp_path / "long.elf"
    guest.write_bytes(long_guest(HARTS, BLOCKS))
    plugins = [part for name in PLUGINS for part in ("--plugin", name)]
    running = start(
        str(guest), "--smp", str(HARTS), "--engine", "llvm", *plugins, "--quiet", with_json=True
    )
    running.read(until=b"x" * HARTS)
    vcpus = running.members("vcpu")
    eventually(lambda: any(vcpu.cpu_times().user > BUSY_SECONDS for vcpu in vcpus))
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.wait() == 143, running.stderr
    assert running.stderr.endswith("mttcg: interrupted\n")  # those that are done spin
    result = running.result
    assert result["stop_reason"] == "interrupted"
    assert [vcpu["state"] for vcpu in result["vcpus"]] == ["stopped"] * HARTS
    assert result["failures"] == []
    assert closes(result["ledger"]), result["ledger"]
    retired = sum(vcpu["instructions"] for vcpu in result["vcpus"])
    assert result["ledger"]["execlog.retired"]["emitted"] == retired
    assert result["plugins"]["howvec"]["instructions"] == retired
    running.check_nothing_left()


@pytest.mark.parametrize(
    ("block", "engines"), [(BLOCK, ["llvm"]), (SHORT_BLOCK, ["llvm", "unicorn"])]
)
def test_long_lines_are_counted_exactly(
    start: Callable[..., Running], tmp_path: Path, block: int, engines: list[str]
) -> None:
    guest, blocks = tmp_path / "long.elf", 10_000 // block
    guest.write_bytes(long_guest(1, blocks, block))
    plugins = [part for name in (*PLUGINS, "icount") for part in ("--plugin", name)]
    runs = [
        start(str(guest), "--engine", engine, *plugins, "--quiet", with_json=True)
        for engine in engines
    ]
    for running in runs:
        assert running.wait() == 0, running.stderr
        result = running.result
        retired = instructions_of(blocks, block)
        assert result["plugins"]["howvec"]["instructions"] == retired
        assert result["plugins"]["execlog"]["instructions"] == retired
        assert result["vcpus"][0]["instructions"] == retired
        counted = {name: result["vcpus"][0][name] for name in ("instructions", "blocks")}
        assert result["plugins"]["icount"]["total"] == counted
        assert result["plugins"] == runs[0].result["plugins"]
