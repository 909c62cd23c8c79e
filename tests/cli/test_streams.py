import io
import os
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from mttcg.cli.streams import GuestOutput, ensure_stderr, guest_input, stdin_descriptor

LOCAL_FLAGS = 3


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """Stdin is a terminal of its own."""
    leader, follower = os.openpty()
    with os.fdopen(follower) as stream, os.fdopen(leader, "wb"):
        monkeypatch.setattr(sys, "stdin", stream)
        yield stream


def test_a_terminal_gives_keys_at_once_and_is_restored(terminal: TextIO) -> None:
    before = termios.tcgetattr(terminal)
    with pytest.raises(KeyboardInterrupt), guest_input() as (descriptor, _):
        assert descriptor == terminal.fileno()
        flags = termios.tcgetattr(terminal)[LOCAL_FLAGS]
        assert not flags & (termios.ECHO | termios.ICANON)
        assert flags & termios.ISIG
        raise KeyboardInterrupt
    assert termios.tcgetattr(terminal) == before


def test_a_terminal_of_another_job_is_left_alone(
    terminal: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp() + 1)
    with guest_input() as found:
        assert found == (None, None)


def test_a_pipe_and_a_file_are_passed_on_and_what_gives_no_input_is_not() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "wb"):
        assert stdin_descriptor(pipe) == reading
    assert stdin_descriptor(pipe) is None
    assert stdin_descriptor(None) is None
    assert stdin_descriptor(io.StringIO()) is None
    with Path(__file__).open() as file:
        assert stdin_descriptor(file) == file.fileno()
    with Path(os.devnull).open() as null:
        assert stdin_descriptor(null) is None


def test_output_is_written_at_once_after_making_room() -> None:
    stream, pieces = io.BytesIO(), []
    output = GuestOutput(stream, lambda data: pieces.append((data, stream.getvalue())))
    assert output.write(b"one") == 3
    output.write(b"two")
    output.flush()
    assert stream.getvalue() == b"onetwo"
    assert pieces == [(b"one", b""), (b"two", b"one")]


def test_output_to_nobody_is_dropped_once_and_for_all() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stream:
        output = GuestOutput(stream)
        assert output.write(b"lost") == 4
        assert output.lost
        assert output.write(b"too") == 3


def test_output_that_fails_raises_once_and_is_dropped_from_then_on() -> None:
    with Path("/dev/full").open("wb") as stream:
        output = GuestOutput(stream)
        with pytest.raises(OSError, match="No space left"):
            output.write(b"lost")
        assert output.write(b"too") == 3


def test_a_closed_stderr_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    ensure_stderr()
    with sys.stderr as stream:
        assert stream.name != "<stdout>"
        stream.write("dropped")
