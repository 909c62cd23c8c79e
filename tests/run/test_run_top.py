"""`mttcg top` beside a run."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from run_harness import LIMIT, Running, guest

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TOP = (sys.executable, "-m", "mttcg", "top")


def spin(start: Callable[..., Running]) -> tuple[Running, str]:
    """A run that goes on until it is stopped, and its bus's address."""
    options = ["--smp", "2", "--plugin", "hotblocks", "--bus", "tcp://127.0.0.1:*"]
    running = start(guest("spin"), *options)
    running.read(until=b"spinning on 2 harts\n")
    return running, next(word for word in running.stderr.split() if word.startswith("tcp://"))


class Terminal:
    """A terminal with `top` in its foreground."""

    def __init__(self, url: str, columns: int) -> None:
        self.ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.written = b""
        # the terminal is to be its controlling one, so that Ctrl-C is a key
        program = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        program += "os.execv(sys.argv[1], sys.argv[1:])"
        # a width that the environment has goes before the terminal's
        environment = {name: os.environ[name] for name in os.environ.keys() - {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *TOP, url, "--interval", "0.1"],
            env=environment | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        self.theirs = theirs  # kept, so that the terminal outlives `top`

    @property
    def shown(self) -> str:
        return self.written.decode(errors="replace")

    def read(self, until: str) -> None:
        """Read what is shown until it has some text."""
        limit = time.monotonic() + LIMIT
        while until not in self.shown:
            assert select.select([self.ours], [], [], limit - time.monotonic())[0], self.shown
            self.written += os.read(self.ours, 1 << 16)

    def press(self, key: bytes) -> None:
        os.write(self.ours, key)

    def wait(self) -> int:
        """Read on until `top` has ended; its exit status."""
        limit = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < limit, self.shown
            if select.select([self.ours], [], [], 0.01)[0]:
                self.written += os.read(self.ours, 1 << 16)
        assert termios.tcgetattr(self.theirs) == self.before  # as the shell had it
        return self.process.returncode


@contextmanager
def top_at_terminal(url: str, columns: int = 100) -> Iterator[Terminal]:
    terminal = Terminal(url, columns)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.ours)
        os.close(terminal.theirs)


def test_a_frame_has_vcpus_streams_and_blocks(start: Callable[..., Running]) -> None:
    running, url = spin(start)
    once = subprocess.run(
        [*TOP, url, "--once", "--interval", "0.2"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    assert once.stderr == ""
    for expected in ("on llvm, 2 vCPUs", "running", "hotblocks.blocks", "executions", "0x8000"):
        assert expected in once.stdout
    with top_at_terminal(url) as terminal:
        terminal.read(until="hottest")
        running.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 0
        assert "the run has ended" in terminal.shown
    assert running.wait() == 130


@pytest.mark.parametrize("columns", [40, 100])
def test_keys_end_it_and_leave_the_terminal_as_it_was(
    start: Callable[..., Running], columns: int
) -> None:
    running, url = spin(start)
    for key in (b"q", b"\x03"):
        with top_at_terminal(url, columns) as terminal:
            terminal.read(until="hottest")
            terminal.press(key)
            assert terminal.wait() == 0
            lines = ESCAPES.sub("", terminal.shown).splitlines()
            assert max(map(len, lines)) <= columns
            assert any("M instr/s" in line for line in lines)  # whole, also in a narrow one
            assert ("cache hits" in terminal.shown) == (columns == 100)
            assert "Traceback" not in terminal.shown
    assert running.process.poll() is None  # it is not for top to end
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130


def test_an_interval_too_short_is_refused() -> None:
    wrong = subprocess.run(
        [*TOP, "ipc:///nowhere", "--interval", "0"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
