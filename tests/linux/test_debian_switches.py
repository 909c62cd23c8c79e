"""On Debian's kernel: who ran where adds up, and is what the kernel counts."""

import json
import re
from pathlib import Path

import pytest
from debian_guest import VCPUS, needs_debian
from debian_run import boot

COMMANDS = (
    "sleep 1000 & ls -l /etc | wc; head -c 100000 /dev/zero | md5sum;"
    " echo PID $!; grep ctxt /proc/$!/status"
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@pytest.mark.parametrize("smp", VCPUS)
def test_threads_add_up_to_all_and_switch_as_the_kernel_counts(smp: int, tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    run = boot(tmp_path, COMMANDS, f"processes,out={trace},top=0", "icount", smp=smp)
    report, counted = run.report("processes"), run.report("icount")
    rows = report["by thread"]
    assert sum(row["instructions"] for row in rows) == counted["total"]["instructions"]
    assert sum(row["user"] for row in rows) == report["total"]["user instructions"] > 0
    assert sum(row["switches"] for row in rows) == report["switches"]
    for row in rows:
        # the kernel counts a switch before it is told of, and the idle task's before it is one
        assert row["pid"] == 0 or row["switches"] == row["voluntary"] + row["involuntary"], row
    (sleeper,) = re.findall(r"PID (\d+)", run.shown)
    (row,) = [row for row in rows if row["pid"] == int(sleeper)]
    told = [int(count) for count in re.findall(r"ctxt_switches:\s+(\d+)", run.shown)]
    assert [row["voluntary"], row["involuntary"]] == told
    assert row["process"] == "sleep"
    assert {"md5sum", "wc", "init"} <= {row["process"] for row in rows}
    assert (smp > 1) == (report["migrations"] > 0)
    check_trace(trace, smp)


def check_trace(path: Path, smp: int) -> None:
    """Slices of a track lie within or behind each other, and are of what there is."""
    events = [e for e in json.loads(path.read_text())["traceEvents"] if e["ph"] == "X"]
    assert {event["tid"] for event in events} == set(range(1, smp + 1))
    names = {event["name"] for event in events if event["cat"] == "kernel"}
    assert {"system call", "page fault", "interrupt"} <= names
    for track in range(1, smp + 1):
        ends: list[tuple[int, str]] = []
        for event in (event for event in events if event["tid"] == track):
            began = round(event["ts"] * 1000)
            end = began + round(event["dur"] * 1000)
            while ends and ends[-1][0] <= began:
                ends.pop()
            assert not ends or end <= ends[-1][0], event
            assert bool(ends) == (event["cat"] == "kernel"), event
            ends.append((end, event["name"]))
