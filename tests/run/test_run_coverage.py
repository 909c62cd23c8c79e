"""Coverage of a guest that is killed, of one that still runs, and of a while of a guest's run."""

import os
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from run_harness import GUESTS, LIMIT, Running, eventually, guest

from mttcg import Machine
from mttcg.supervisor.results.result import RunResult, StopReason
from mttcg_bus import Control
from mttcg_plugins._files.drcov import read_drcov

CONSOLE = GUESTS / "runtime" / "console.c"
PUT_LINE = "11"
"""Of console.c, where a character is given to the UART."""
SPIN_LINE = "18"
"""Of spin.c, where all harts count."""
SPUN = 10_000_000
"""Instructions of a hart that has been spinning for a while."""


@pytest.mark.parametrize("role", ["vcpu", "host"])
def test_a_killed_guest_leaves_its_coverage(
    start: Callable[..., Running], tmp_path: Path, role: str
) -> None:
    file, lines = tmp_path / "found.drcov", tmp_path / "found.info"
    plugins = ("--plugin", f"coverage,drcov={file},lcov={lines}", "--plugin", "hotblocks,top=0")
    running = start(guest("spin"), "--smp", "2", "--control", *plugins, with_json=True)
    running.read(until=b"spinning on 2 harts\n")
    url = next(word for word in running.stderr.split() if word.startswith("ipc://"))
    with Control(url, seconds=LIMIT) as control:
        eventually(lambda: all(v["instructions"] > SPUN for v in control.status()["vcpus"]))
        control.pause()  # no vCPU has begun a batch then, and what they spin in was all run
        control.resume()
    running.kill(role)
    assert running.wait() == 70, running.stderr
    hottest = running.result["plugins"]["hotblocks"]["hottest"]
    assert {pc for pc, _ in read_drcov(file)[1]} == {int(row["pc"], 16) for row in hottest}
    assert len(hottest) > 10
    assert "executions" not in running.result["plugins"]["coverage"]
    functions = found_in(lines, CONSOLE, "FNDA")
    assert (functions["print_text"], functions["print_number"]) == (2, 1)
    source = GUESTS / "spin.c"
    assert found_in(lines, source, "FNDA") == {"guest_main": 2}
    # the block that spins was counted, but may not have been run to its end
    assert found_in(lines, source, "DA")[SPIN_LINE] >= spun(running.result) - 2


def found_in(file: Path, source: Path, kind: str) -> dict[str, int]:
    """Executions of a source file: of its functions by name (FNDA) or its lines by number (DA)."""
    records = file.read_text().split("end_of_record\n")
    (record,) = (each for each in records if f"SF:{source}\n" in each)
    rows = [row.partition(":")[2].split(",") for row in record.split("\n") if row.startswith(kind)]
    return {row[kind == "FNDA"]: int(row[kind == "DA"]) for row in rows}


def spun(result: Any) -> int:
    """How often all harts counted, by hotblocks: what runs so often is nothing else."""
    return max(row["executions"] for row in result["plugins"]["hotblocks"]["hottest"])


@pytest.mark.parametrize("shards", [1, 2])
def test_executions_are_in_interim_reports(shards: int, tmp_path: Path) -> None:
    file, seen = tmp_path / "found.info", []
    reading, writing = os.pipe()

    def show(result: RunResult) -> None:
        """End the guest, which waits for input, once executions were written."""
        if not seen and file.exists():
            printed = found_in(file, CONSOLE, "DA")[PUT_LINE]
            if printed > 1:  # not only that it ran
                seen.append(printed)
                os.write(writing, b"q")

    plugins, shared = [f"coverage,lcov={file}"], {"": shards}
    machine = Machine(guest("echo"), smp=2, plugins=plugins, interim=0.1, shards=shared)
    try:
        final = machine.run(console=BytesIO(), stdin_fd=reading, on_interim=show)
    finally:
        os.close(reading)
        os.close(writing)
    assert (final.failures, final.stop_reason) == ([], StopReason.GUEST_EXIT)
    assert seen == [len("echo until q\n")]
    assert found_in(file, CONSOLE, "DA")[PUT_LINE] == len("echo until q\n\n")
    assert found_in(file, CONSOLE, "FNDA")["print_text"] == 2
    assert found_in(file, GUESTS / "echo.c", "FNDA") == {"guest_main": 2}


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_executions_from_load_to_unload(
    start: Callable[..., Running], tmp_path: Path, engine: str
) -> None:
    file = tmp_path / "found.info"
    running = start(guest("spin"), "--smp", "2", "--control", "--engine", engine)
    running.read(until=b"spinning on 2 harts\n")
    url = next(word for word in running.stderr.split() if word.startswith("ipc://"))
    with Control(url, seconds=LIMIT) as control:
        control.pause()
        last = 0
        for _ in range(2):
            before, rounds = instructions(control), counted_by_guest(control)
            control.load(f"coverage,lcov={file}")
            control.load("howvec")
            control.resume()
            eventually(lambda: instructions(control) > before + max(1000, 2 * last))  # noqa: B023
            control.pause()
            ran = instructions(control) - before
            assert control.unload("howvec")["report"]["instructions"] == ran
            assert "executions" not in control.unload("coverage")["report"]
            rounds = counted_by_guest(control) - rounds
            assert found_in(file, GUESTS / "spin.c", "DA")[SPIN_LINE] == rounds
            assert found_in(file, GUESTS / "spin.c", "FNDA") == {"guest_main": 0}
            last = ran
        control.stop()
    assert running.wait() == 130


def counted_by_guest(control: Control) -> int:
    """How often all harts of spin counted, by its own count."""
    (found,) = (s for s in control.run_info().symbols if s[2] == "spin_count")
    return sum(struct.unpack(f"<{found[1] // 8}Q", control.read_memory(found[0], found[1])))


def instructions(control: Control) -> int:
    return sum(int(vcpu["instructions"]) for vcpu in control.status()["vcpus"])
