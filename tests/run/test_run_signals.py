"""Ctrl-C and its like: the guest stops in order and the reports are shown; twice, it is killed."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flood_guest import PIECE, flood_guest
from run_harness import Running, closes, eventually, guest, plugin

PIPE_BYTES = 1 << 16


def waiting_in(pipe: int) -> int:
    """Bytes that wait to be read from a pipe."""
    answer = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int(struct.unpack("i", answer)[0])


def press_until_the_end(running: Running) -> int:
    """Press Ctrl-C every half second, as somebody impatient does; the exit status."""
    for _ in range(60):
        os.kill(running.process.pid, signal.SIGINT)
        try:
            return running.process.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("it does not end")


def interrupted(running: Running, status: int) -> Any:
    """Check that a run which was interrupted ended in order; its result."""
    assert running.wait() == status, running.stderr
    assert running.stderr.endswith("mttcg: interrupted\n")
    result = running.result
    assert result["stop_reason"] == "interrupted"
    assert [vcpu["state"] for vcpu in result["vcpus"]] == ["stopped"] * 2
    assert result["failures"] == []
    running.check_nothing_left()
    return result


def test_a_signal_stops_the_guest_in_order(start: Callable[..., Running]) -> None:
    spec = (guest("spin"), "--smp", "2", "--plugin")
    to_group = start(*spec, "hotblocks", with_json=True)
    to_supervisor, terminated = (start(*spec, "icount", with_json=True) for _ in range(2))
    for running in (to_supervisor, to_group, terminated):
        running.read(until=b"spinning on 2 harts\n")
    os.kill(to_supervisor.process.pid, signal.SIGINT)
    os.killpg(to_group.process.pid, signal.SIGINT)
    os.killpg(terminated.process.pid, signal.SIGTERM)
    interrupted(terminated, 143)
    result = interrupted(to_supervisor, 130)
    blocks = [vcpu["blocks"] for vcpu in result["vcpus"]]
    assert result["plugins"]["icount"]["total"]["blocks"] == sum(blocks)
    result = interrupted(to_group, 130)
    blocks = [vcpu["blocks"] for vcpu in result["vcpus"]]
    assert result["plugins"]["hotblocks"]["executions"] == sum(blocks)
    assert closes(result["ledger"]), result["ledger"]


def test_a_second_interrupt_kills_vcpus_that_do_not_leave(start: Callable[..., Running]) -> None:
    spec = plugin("stubborn", at="vcpu_exit")
    running = start(guest("spin"), "--smp", "2", "--plugin", spec, with_json=True)
    running.read(until=b"spinning on 2 harts\n")
    os.kill(running.process.pid, signal.SIGINT)
    eventually(lambda: running.stderr.count("stubborn: vcpu_exit") == 2)
    assert press_until_the_end(running) == 130
    assert running.stderr.count("mttcg: vCPUs 0, 1 were killed by a second interrupt\n") == 1
    assert "near pc" not in running.stderr
    result = running.result
    for cpu, failure in enumerate(sorted(result["consequences"])):
        assert failure.startswith(f"vCPU {cpu}: was killed by a second interrupt near pc")
    assert result["failures"][1:] == result["consequences"]
    assert result["stop_reason"] == "interrupted"
    assert [vcpu["state"] for vcpu in result["vcpus"]] == ["killed"] * 2
    running.check_nothing_left()


def test_an_interrupt_before_the_guest_starts(start: Callable[..., Running]) -> None:
    runs = {
        number: start(guest("hello"), "--plugin", plugin("stubborn", at="init"))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    for number, running in runs.items():
        eventually(lambda running=running: "stubborn: init\n" in running.stderr)
        os.kill(running.process.pid, number)
        assert running.wait() == 128 + number
        assert running.stderr == "stubborn: init\nmttcg: interrupted\n"
        assert running.shown == b""
        running.check_nothing_left()


def test_a_console_that_takes_nothing_can_be_interrupted(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    flood = tmp_path / "flood.elf"
    flood.write_bytes(flood_guest(2047))
    running = start(str(flood), "--quiet")
    eventually(lambda: waiting_in(running.output) > PIPE_BYTES - select.PIPE_BUF)  # whole lines
    assert press_until_the_end(running) == 130
    assert running.read() == PIECE[: len(running.shown)]
    running.check_nothing_left()
