"""What is typed at a terminal, and what comes from elsewhere, as the guest reads it."""

import os
import pty
import selectors
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_harness import Running, guest, plugin

from mttcg.supervisor.terminal.console import ConsoleInput

START = b"echo until q\n"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The side that a person types at, and the side that is a program's standard input."""
    typing, stdin = pty.openpty()
    yield typing, stdin
    os.close(typing)
    os.close(stdin)


def typed(running: Running) -> list[int]:
    lines = running.stderr.splitlines()
    return [int(line.split()[1], 16) for line in lines if line.startswith("typed ")]


def test_enter_at_a_terminal_is_cr_and_control_j_is_lf(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    before = termios.tcgetattr(stdin)
    running = start(guest("echo"), "--quiet", "--plugin", plugin("typed"), stdin=stdin)
    running.read(until=START)
    os.write(typing, b"ab\rc\nd\r")
    running.read(until=b"D\n")
    os.write(typing, b"q")
    assert running.wait() == 0
    assert bytes(typed(running)) == b"ab\rc\nd\rq"
    assert running.shown == START + b"AB\nC\nD\n\n"
    assert termios.tcgetattr(stdin) == before


def test_a_pipe_and_a_file_stay_as_they_are(start: Callable[..., Running], tmp_path: Path) -> None:
    content = b"a\r\nb\nc\rq"
    file = tmp_path / "input"
    file.write_bytes(content)
    options = (guest("echo"), "--quiet", "--plugin", plugin("typed"))
    with file.open("rb") as stdin:
        from_file = start(*options, stdin=stdin)
    from_pipe = start(*options, stdin=subprocess.PIPE)
    assert from_pipe.process.stdin is not None
    with from_pipe.process.stdin as pipe:
        pipe.write(content)
    for running in (from_file, from_pipe):
        assert running.wait() == 0
        assert bytes(typed(running)) == content


def test_a_terminal_that_makes_lf_of_enter_gives_cr(terminal: tuple[int, int]) -> None:
    typing, stdin = terminal
    assert termios.tcgetattr(stdin)[0] & termios.ICRNL
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with selectors.DefaultSelector() as selector:
        ConsoleInput(selector, stdin, writing, lambda: None)
        os.write(typing, b"one\rtwo\r")
        found = b""
        while not found.endswith((b"two\r", b"two\n")):
            for key, _ in selector.select():
                key.data()
            if stdin in selector.get_map():  # what was read there has gone on
                found += os.read(reading, 64)
    os.close(reading)
    os.close(writing)
    assert found == b"one\rtwo\r"
