"""A process that sets a terminal right when this one is killed, which nothing else would do."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SCRIPT = """\
trap '' HUP INT TERM
saved=$(stty -g <&3) || exit
echo ready
read -r end || stty "$saved" <&3
"""
"""For sh(1): it has the terminal as descriptor 3. Its input ends at once when this process does; a
line comes before if that set the terminal right by itself."""
TERMINAL = 3


@contextmanager
def guarded(terminal: int) -> Iterator[None]:
    """See to it that a terminal becomes as it is now if this process is killed meanwhile.

    Nothing happens where there are no sh(1) and stty(1). It is in a session of its own: what is
    sent to the terminal's processes, or to a group of ours, does not reach it.
    """
    kept = os.dup(terminal)  # which may be the one that the process has its own input at
    command = ["sh", "-c", f"exec {TERMINAL}<&{kept}\n{SCRIPT}"]
    try:
        guard = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[kept],
            start_new_session=True,
        )
    except OSError:
        yield
        return
    finally:
        os.close(kept)
    assert guard.stdin is not None
    assert guard.stdout is not None
    with guard.stdout:
        guard.stdout.readline()
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            guard.stdin.write(b"restored\n")
            guard.stdin.flush()
        with suppress(BrokenPipeError):
            guard.stdin.close()
        guard.wait()
