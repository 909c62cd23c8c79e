"""Finding the other end of a guest's network, before anything runs."""

import os
import shutil
import socket
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path

from mttcg.attached import CONNECT, LISTEN, PASST, Net
from mttcg.errors import OptionError

OPTION = "--net"
PASST_OPTIONS = ("--foreground", "--quiet", "--fd")
"""It runs until the other end of the socket, whose descriptor follows, is closed."""
ENDING_SECONDS = 5.0
"""How long it may take then."""


def open_net(net: Net, ends: ExitStack) -> int:
    """A descriptor of a socket to whoever is at the other end, or that listens for them.

    ends: takes what is to be done at the end of the run. Raises OptionError.
    """
    return MAKERS[net.peer](net, ends)


def _listen(net: Net, ends: ExitStack) -> int:
    """Make the socket; one that is there and that nobody has any more makes way."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with made:
        try:
            if _is_left_over(net.path):
                net.path.unlink()
            made.bind(os.fspath(net.path))
            made.listen(1)
        except OSError as error:
            raise _refused(net.path, error, "the name of a new socket") from error
        found = net.path.lstat()
        ends.callback(_remove, net.path, (found.st_dev, found.st_ino))
        return made.detach()


def _is_left_over(path: Path) -> bool:
    """Whether a path is that of a socket on which nobody listens."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.connect(os.fspath(path))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _remove(path: Path, made: tuple[int, int]) -> None:
    """Remove the socket that was made, unless another has its name by now."""
    try:
        found = path.lstat()
        if (found.st_dev, found.st_ino) == made:
            path.unlink()
    except OSError:
        return


def _connect(net: Net, _ends: ExitStack) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        try:
            made.connect(os.fspath(net.path))
        except OSError as error:
            expected = "a socket on which somebody listens: another run, QEMU or passt"
            raise _refused(net.path, error, expected) from error
        return made.detach()


def _refused(path: Path, error: OSError, expected: str) -> OptionError:
    return OptionError(OPTION, f"{path}: {error.strerror or error}", expected)


def _start_passt(_net: Net, ends: ExitStack) -> int:
    """Start the program, which is a network for one machine that needs no privileges."""
    program = shutil.which(PASST)
    if program is None:
        wrong = "there is no program passt on PATH"
        raise OptionError(OPTION, wrong, "the package passt, or listen= or connect=")
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [program, *PASST_OPTIONS, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    ends.callback(_see_off, process)
    return ours.detach()


def _see_off(process: "subprocess.Popen[bytes]") -> None:
    """See a process gone whose socket is closed."""
    process.terminate()
    try:
        process.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


MAKERS = {LISTEN: _listen, CONNECT: _connect, PASST: _start_passt}
