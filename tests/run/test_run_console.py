"""What a stranger sees of runs that go well: the console, the exit status, sizes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from flood_guest import PIECE, flood_guest
from run_harness import Running, guest

TYPED = b"what is typed before it is asked for, is kept\n"
ECHOED = b"echo until q\nWHAT IS TYPED BEFORE IT IS ASKED FOR, IS KEPT\n\n"


def hellos(smp: int) -> list[bytes]:
    return sorted(b"hello from hart %d of %d\n" % (hart, smp) for hart in range(smp))


def test_the_console_alone_is_on_stdout_and_complete(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    flood = tmp_path / "flood.elf"
    flood.write_bytes(flood_guest(64))
    run = start(str(flood), "--smp", "2")
    assert run.wait() == 0
    assert run.shown == 64 * PIECE
    assert f"{flood} on llvm: the guest ended" in " ".join(run.stderr.split())
    run.check_nothing_left()


def test_sizes_of_a_machine(start: Callable[..., Running]) -> None:
    largest = start(guest("hello"), "--smp", "64", "--pin", "--memory", "1G", "--quiet")
    smallest = start(guest("hello"), "--memory", "1M", "--pin", "--quiet", with_json=True)
    for running, smp in ((largest, 64), (smallest, 1)):
        assert running.wait() == 0
        assert sorted(running.shown.splitlines(keepends=True)) == hellos(smp)
        assert running.stderr == ""
        running.check_nothing_left()
    result = smallest.result
    assert (result["exit_status"], result["stop_reason"]) == (0, "the guest ended")


def test_the_exit_status_is_the_guests(start: Callable[..., Running]) -> None:
    shown = b"hello by putchar\nhello by write\n"
    runs = {
        code: start(guest("htif"), "--set", f"exit_code={code}", "--quiet") for code in (3, 300)
    }
    assert (runs[3].wait(), runs[3].shown, runs[3].stderr) == (3, shown, "")
    assert (runs[300].wait(), runs[300].shown) == (255, shown)
    wrong = "the guest's exit code is 300; expected 0 to 255; the exit status is 255"
    assert runs[300].stderr == f"mttcg: {wrong}\n"


def test_harts_that_all_wait_for_ever_end_the_run(start: Callable[..., Running]) -> None:
    running = start(guest("wait"), "--smp", "4", "--quiet", with_json=True)
    assert running.wait() == 71
    assert running.shown == b"waiting for ever\n"
    assert running.stderr == "mttcg: every hart waits and nothing can wake one\n"
    assert running.result["stop_reason"] == "every hart waits and nothing can wake one"
    running.check_nothing_left()


def test_input_from_a_pipe_and_from_a_file(start: Callable[..., Running], tmp_path: Path) -> None:
    file = tmp_path / "typed"
    file.write_bytes(TYPED + b"q and no more")
    with file.open() as stdin:
        from_file = start(guest("echo"), "--quiet", stdin=stdin)
    from_pipe = start(guest("echo"), "--quiet", stdin=subprocess.PIPE)
    pipe = from_pipe.process.stdin
    assert pipe is not None
    with pipe:
        from_pipe.read(until=b"echo until q\n")
        pipe.write(TYPED)
        pipe.flush()
        from_pipe.read(until=b"KEPT\n")
        pipe.write(b"q")
    for running in (from_file, from_pipe):
        assert running.wait() == 0
        assert running.shown == ECHOED
        assert running.stderr == ""


def test_standard_streams_that_are_closed_or_that_nobody_reads(
    start: Callable[..., Running],
) -> None:
    run = f"{sys.executable} -m mttcg run {guest('hello')} --smp 2 --plugin memtrace"
    shell = {"program": ("-c", "import os, sys; os.execv('/bin/sh', ['sh', '-c', sys.argv[1]])")}
    closed = start(f"exec {run} <&- >&-", **shell)
    all_closed = start(f"exec {run} <&- >&- 2>&-", **shell)
    unread = start(f"exec 3>&1; {{ {run} 2>&1 >/dev/null; echo $? >&3; }} | true", **shell)
    full = start(f"exec {run} >/dev/full", **shell)
    assert closed.wait() == 0
    assert "memtrace.access" in closed.stderr
    assert (all_closed.wait(), all_closed.stderr) == (0, "")
    assert (unread.wait(), unread.shown) == (0, b"0\n")
    assert full.wait() == 70
    assert "output is lost: its console failed: No space left on device" in full.stderr
    for running in (closed, all_closed, unread, full):
        running.check_nothing_left()


def test_a_reader_of_the_console_that_goes_away(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    flood = tmp_path / "flood.elf"
    flood.write_bytes(flood_guest(64))
    running = start(str(flood), "--quiet")
    running.read(until=b"0000001")
    os.dup2(os.open(os.devnull, os.O_RDONLY), running.output)
    assert running.process.wait(60) == 0
    assert running.stderr == "mttcg: stdout was closed; the guest's later output is lost\n"
