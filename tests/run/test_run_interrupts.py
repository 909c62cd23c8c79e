"""Interrupts of devices, by way of the PLIC, in whole runs."""

import os
import pty
import subprocess
from collections.abc import Callable, Iterator

import pytest
from run_harness import Running, eventually, guest

START = b"echo by interrupts until q\n"
MODES = {
    "machine": ("llvm", ()),
    "unicorn": ("unicorn", ()),
    "supervisor": ("llvm", ("--set", "supervisor=1")),
    "fifo": ("llvm", ("--set", "fifo_depth=16", "--tiers", "interpreter")),
}


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    typing, stdin = pty.openpty()
    yield typing, stdin
    os.close(typing)
    os.close(stdin)


def options_of(mode: str) -> tuple[str, ...]:
    engine, others = MODES[mode]
    return (guest("interrupts"), "--smp", "2", "--engine", engine, "--quiet", *others)


@pytest.mark.parametrize("mode", MODES)
def test_input_wakes_harts_that_all_sleep(start: Callable[..., Running], mode: str) -> None:
    running = start(*options_of(mode), stdin=subprocess.PIPE, with_json=True)
    pipe = running.process.stdin
    assert pipe is not None
    with pipe:
        running.read(until=START)
        for typed, shown in ((b"a", b"A"), (b"bc\r", b"BC\n"), (b"d" * 300, b"D" * 300)):
            pipe.write(typed)
            pipe.flush()
            running.read(until=shown)
        pipe.write(b"q")
    assert running.wait() == 0
    received = 1 + 3 + 300 + 1
    assert running.shown == START + b"ABC\n" + b"D" * 300 + b"\nreceived %d characters\n" % received
    assert running.stderr == ""
    vcpus = running.result["vcpus"]
    assert sum(vcpu["interrupts"] for vcpu in vcpus) >= 4
    assert all(vcpu["seconds_idle"] > 0 for vcpu in vcpus)


def test_who_waits_for_a_terminal_may_be_woken_till_it_is_gone(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    running = start(*options_of("machine"), stdin=stdin)
    running.read(until=START)
    os.write(typing, b"still here\r")
    running.read(until=b"STILL HERE\n")
    assert running.process.poll() is None
    os.write(typing, b"q")
    assert running.wait() == 0


def test_who_waits_for_input_that_has_ended_waits_for_ever(
    start: Callable[..., Running],
) -> None:
    running = start(*options_of("machine"), stdin=subprocess.PIPE)
    pipe = running.process.stdin
    assert pipe is not None
    with pipe:
        running.read(until=START)
        pipe.write(b"x")
        pipe.flush()
        running.read(until=b"X")
        assert running.process.poll() is None
    assert running.wait() == 71
    assert running.stderr == "mttcg: every hart waits and nothing can wake one\n"


def test_a_guest_that_wants_no_input_ends_though_there_may_be_some(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    running = start(guest("wait"), "--quiet", stdin=terminal[1])
    assert eventually(lambda: running.process.poll() == 71)
